/**
 * Imports an ES module by its URL. In the bundle another one takes its place (`bin/load-bundle.js`): code that V8 has from a cache can't import.
 */
export function importModule(url: string): Promise<unknown> {
  return import(url) as Promise<unknown>;
}
