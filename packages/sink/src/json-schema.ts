/**
 * A JSON Schema (draft 2020-12), as data. Kept loose here so that this package needs no dependency; the agent checks it.
 * A string property with `"x-secret": true` is a secret: the operator writes `{file: …}`, `{env: …}` or `{credential: …}` for it,
 * never the value, and the plugin gets a `Secret`.
 */
export type JsonSchema = Readonly<Record<string, unknown>>;
