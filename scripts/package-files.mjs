// The program as both packages have it: the bundle, with all four sinks in it, and the demo's server. It needs Node and nothing else.
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const packaging = join(root, "packaging");
const agent = join(root, "packages/agent");
const standin = join(root, "packages/axon-server-standin");

/** Of the bundle. Not what V8 compiled it to, which is of use to the one version of Node that did it; nor maps to sources that aren't there. */
const BUNDLED = /\.(cjs|js|txt)$/;

/** What is in package.json of the agent. */
export function description() {
  return readJson(join(agent, "package.json"));
}

/**
 * Copies the program into an empty folder.
 * @returns {string[]} the packages of others that it has in `node_modules`
 */
export function copyProgram(to) {
  for (const name of readdirSync(join(agent, "bundle")).filter((name) => BUNDLED.test(name)))
    copy(join(agent, "bundle", name), join(to, "bundle", name));
  copy(join(agent, "bin"), join(to, "bin"));
  copy(join(root, "LICENSE"), join(to, "LICENSE"));

  // It finds its sample store beside its code, and stays the package that it is.
  const { name, dependencies } = readJson(join(standin, "package.json"));
  for (const part of ["dist", "sample", "bin", "package.json", "LICENSE"])
    copy(join(standin, part), join(to, "node_modules", name, part));
  const others = copyDependencies(Object.keys(dependencies), standin, join(to, "node_modules"));
  return [name, ...others];
}

/** With what these need themselves, all beside each other. */
function copyDependencies(names, from, to) {
  return names.flatMap((name) => {
    const folder = packageFolder(name, from);
    copy(folder, join(to, name));
    return [
      name,
      ...copyDependencies(Object.keys(readJson(join(folder, "package.json")).dependencies ?? {}), folder, to),
    ];
  });
}

function packageFolder(name, from) {
  for (const place of createRequire(join(from, "package.json")).resolve.paths(name))
    if (readdirSyncOrNone(join(place, name)).includes("package.json")) return join(place, name);
  throw new Error(`${name} isn't installed: npm run setup`);
}

function readdirSyncOrNone(folder) {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (error.code === "ENOENT") return [];
    throw error;
  }
}

/** Not the compiler's notes, types and maps. */
function copy(from, to) {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, filter: (path) => !/(\.tsbuildinfo|\.d\.ts|\.map)$/.test(path) });
}

export function readJson(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

export function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  // Whatever the umask.
  chmodSync(file, 0o644);
}
