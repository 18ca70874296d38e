// Bundles the agent into one file, with its compiled code beside it: a command that loads hundreds of modules spends more time on loading than on a small backup.
// Plugins and the stand-in stay packages of their own, loaded when they are used.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

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

export async function bundleAgent() {
  const { build } = await import("esbuild");
  rmSync(bundle, { recursive: true, force: true });
  const results = await Promise.all([
    build({
      ...COMMON,
      entryPoints: { main: join(agent, "dist/main.js") },
      outExtension: { ".js": ".cjs" },
      format: "cjs",
      plugins: [undiciRequests],
      // What is loaded on demand, with its own dependencies: plugins with large SDKs, and the demo's server.
      external: [
        "@axon-backup/axon-server-standin",
        "@axon-backup/sink-s3",
        "@axon-backup/sink-azure",
        "@axon-backup/sink-sftp",
      ],
      define: { "import.meta.url": "__url" },
      banner: { js: 'const __url = require("node:url").pathToFileURL(__filename).href;' },
    }),
    // Started as a thread, by its name beside the bundle.
    build({
      ...COMMON,
      entryPoints: { thread: join(root, "packages/core/dist/hash/thread.js") },
      format: "esm",
    }),
  ]);
  requireAscii(join(bundle, "main.cjs"));
  // In a checkout, the command falls back to the modules when one of them is newer than its bundle.
  const inputs = [...new Set(results.flatMap(({ metafile }) => Object.keys(metafile.inputs)))]
    .filter((input) => !input.includes("node_modules/") && !input.startsWith(`${undiciRequests.name}:`))
    .map((input) => resolve(root, input))
    .map((path) => [relative(bundle, path), statSync(path).mtimeMs]);
  writeFileSync(join(bundle, "inputs.json"), JSON.stringify(inputs));
  compileBundle();
}

/** The bundle is read as one byte a character. */
function requireAscii(file) {
  // eslint-disable-next-line no-control-regex -- control characters are ASCII
  if (!/^[\x00-\x7f]*$/.test(readFileSync(file, "latin1")))
    throw new Error(`${file} has characters that aren't ASCII`);
}

/** Options of this process would be V8's for the compiled code, which is refused where they differ. */
function compileBundle() {
  const env = { ...process.env };
  delete env.NODE_OPTIONS;
  delete env.NODE_V8_COVERAGE;
  const { status } = spawnSync(process.execPath, [join(root, "scripts/compile-bundle.mjs")], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (status !== 0) console.error("bundle: without compiled code; commands take 0.05 s more to start");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAgent();
