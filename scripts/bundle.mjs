// Bundles the agent into one file, with its compiled code beside it: a command that loads hundreds of modules spends more time on loading than on a small backup.
// The sinks with large SDKs are bundles of their own, loaded when they are used; the stand-in stays a package.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { writeManPage } from "./man.mjs";
import { thirdPartyNotices } from "./third-party.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const agent = join(root, "packages/agent");
const bundle = join(agent, "bundle");

/**
 * Of undici, the agent needs connections and requests. Its index loads `fetch`, WebSockets, caches and mocks as well: half of the code of a small
 * backup. A class that is missing here fails the build.
 */
const undiciRequests = {
  name: "undici-requests",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^undici$/ }, ({ importer, resolveDir }) => ({
      path: importer,
      namespace: undiciRequests.name,
      pluginData: { resolveDir },
    }));
    onLoad({ filter: /.*/, namespace: undiciRequests.name }, ({ pluginData: { resolveDir } }) => ({
      resolveDir,
      contents: `
        import Client from "undici/lib/dispatcher/client.js";
        import Dispatcher from "undici/lib/dispatcher/dispatcher.js";
        import Pool from "undici/lib/dispatcher/pool.js";
        import api from "undici/lib/api/index.js";
        Object.assign(Dispatcher.prototype, api);
        export { Client, Pool };`,
    }));
  },
};

/** Sinks that come with the agent, and are loaded when one has the type. */
const SINKS = ["s3", "azure", "sftp"];

const sinkBundles = {
  name: "sink-bundles",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: new RegExp(`^@axon-backup/sink-(${SINKS.join("|")})$`) }, ({ path }) => ({
      path: path.slice(path.indexOf("/") + 1),
      namespace: sinkBundles.name,
    }));
    onResolve({ filter: /load-bundle\.js$/, namespace: sinkBundles.name }, ({ path }) => ({
      path,
      external: true,
    }));
    onLoad({ filter: /.*/, namespace: sinkBundles.name }, ({ path }) => ({
      contents: `
        const { join } = require("node:path");
        module.exports = require("../bin/load-bundle.js").loadBundle(join(__dirname, "${path}.cjs"));`,
    }));
  },
};

/** The bundle gets its `import` from the one who loads it. */
const importModule = {
  name: "import-module",
  setup({ onLoad }) {
    onLoad({ filter: /agent\/dist\/plugins\/import-module\.js$/ }, () => ({
      contents: "export const importModule = __import;",
    }));
  },
};

/** What is compiled for this machine when it is installed stays outside; where there is none, the packages do without. */
const nativeModules = {
  name: "native-modules",
  setup({ onResolve }) {
    onResolve({ filter: /sshcrypto\.node$/ }, () => ({
      path: "ssh2/lib/protocol/crypto/build/Release/sshcrypto.node",
      external: true,
    }));
  },
};

const COMMON = {
  absWorkingDir: root,
  outdir: bundle,
  bundle: true,
  platform: "node",
  target: "node20.19",
  sourcemap: "linked",
  sourcesContent: false,
  minifySyntax: true,
  minifyWhitespace: true,
  charset: "ascii",
  legalComments: "external",
  metafile: true,
  logLevel: "warning",
};

/** A file of its own, for `bin/load-bundle.js`. */
const SCRIPT = {
  ...COMMON,
  outExtension: { ".js": ".cjs" },
  format: "cjs",
  // Code from V8's cache can't import: what is Node's own is required. Of template literals with a tag, other characters than ASCII would stay as they are.
  supported: { "dynamic-import": false, "template-literal": false },
  define: { "import.meta.url": "__url" },
  banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' },
};

export async function bundleAgent() {
  const { build } = await import("esbuild");
  rmSync(bundle, { recursive: true, force: true });
  const results = await Promise.all([
    build({
      ...SCRIPT,
      entryPoints: { main: join(agent, "dist/main.js") },
      plugins: [undiciRequests, sinkBundles, importModule],
      // The demo's server.
      external: ["@axon-backup/axon-server-standin"],
    }),
    build({
      ...SCRIPT,
      entryPoints: Object.fromEntries(
        SINKS.map((type) => [`sink-${type}`, join(root, "plugins", type, "dist/index.js")]),
      ),
      plugins: [nativeModules],
      external: ["cpu-features"],
    }),
    // Started as a thread, by its name beside the bundle.
    build({
      ...COMMON,
      entryPoints: { thread: join(root, "packages/core/dist/hash/thread.js") },
      format: "esm",
    }),
  ]);
  for (const name of ["main", ...SINKS.map((type) => `sink-${type}`)])
    requireLoadable(join(bundle, `${name}.cjs`));
  // In a checkout, the command falls back to the modules when one of them is newer than its bundle.
  const files = new Set(results.flatMap(({ metafile }) => Object.keys(metafile.inputs)));
  writeFileSync(join(bundle, "THIRD-PARTY.txt"), thirdPartyNotices(root, files));
  const inputs = [...files]
    .filter((input) => !input.includes("node_modules/") && !/^(undici-requests|sink-bundles):/.test(input))
    .map((input) => resolve(root, input))
    .map((path) => [relative(bundle, path), statSync(path).mtimeMs]);
  writeFileSync(join(bundle, "inputs.json"), JSON.stringify(inputs));
  compileBundle();
  // Of the same state as the command that it describes.
  await writeManPage();
}

/** A bundle is read as one byte a character, and can't import. */
function requireLoadable(file) {
  const text = readFileSync(file, "latin1");
  // eslint-disable-next-line no-control-regex -- control characters are ASCII
  if (!/^[\x00-\x7f]*$/.test(text)) throw new Error(`${file} has characters that aren't ASCII`);
  const imports = /[^.\w$`'"]import\([^)]*\)/.exec(text);
  if (imports) throw new Error(`${file} would import: ${imports[0]}`);
}

/** Options of this process would be V8's for the compiled code, which is refused where they differ. */
function compileBundle() {
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  delete env.NODE_V8_COVERAGE;
  const { status, stderr } = spawnSync(process.execPath, [join(root, "scripts/compile-bundle.mjs")], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    encoding: "utf8",
  });
  if (status !== 0) console.error(`bundle: without compiled code, commands take longer to start\n${stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAgent();
