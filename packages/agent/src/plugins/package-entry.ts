import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

/** Conditions of `exports` that hold for a module that is imported, in no order: the package's own order counts. */
const CONDITIONS: ReadonlySet<string> = new Set(["node", "import", "module-sync", "default"]);

/**
 * The file that `import` of a package in `folder` would load. Done here because Node 20 resolves a package from the running module
 * alone, and a plugin is looked for elsewhere.
 * @returns undefined when the folder's package.json names none, or there is no package.json
 */
export async function packageEntry(folder: string): Promise<string | undefined> {
  const description = await readPackageJson(folder);
  if (description === undefined) return isFile(join(folder, "index.js"));
  const { exports, main } = description;
  if (exports !== undefined) {
    const target = exportTarget(exports);
    return target === undefined ? undefined : isFile(join(folder, target));
  }
  if (typeof main !== "string") return isFile(join(folder, "index.js"));
  return (await isFile(join(folder, main))) ?? isFile(join(folder, `${main}.js`));
}

async function readPackageJson(folder: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, "package.json"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
  const value: unknown = JSON.parse(text);
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}

/** What `exports` gives for the package itself. */
function exportTarget(exports: unknown): string | undefined {
  if (typeof exports === "string") return exports.startsWith("./") ? exports : undefined;
  if (Array.isArray(exports)) return exports.map(exportTarget).find((target) => target !== undefined);
  if (typeof exports !== "object" || exports === null) return undefined;
  const entries = Object.entries(exports);
  const own = entries.find(([key]) => key === ".");
  if (own) return exportTarget(own[1]);
  for (const [condition, value] of entries) {
    const target = CONDITIONS.has(condition) ? exportTarget(value) : undefined;
    if (target !== undefined) return target;
  }
  return undefined;
}

async function isFile(path: string): Promise<string | undefined> {
  try {
    return (await stat(path)).isFile() ? path : undefined;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
