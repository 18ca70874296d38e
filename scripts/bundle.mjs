// Bundles the agent into a few files: a command that loads hundreds of modules spends more time on loading than on a small backup.
// Plugins and the stand-in stay packages of their own, loaded when they are used.
import { statSync, rmSync, writeFileSync } from "node:fs";
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

export async function bundleAgent() {
  const { build } = await import("esbuild");
  rmSync(bundle, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      main: join(agent, "dist/main.js"),
      // Started as a thread, by its name beside the bundle's other files.
      thread: join(root, "packages/core/dist/hash/thread.js"),
    },
    outdir: bundle,
    bundle: true,
    splitting: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    sourcemap: "linked",
    sourcesContent: false,
    minifySyntax: true,
    minifyWhitespace: true,
    metafile: true,
    plugins: [undiciRequests],
    logLevel: "warning",
    // What is loaded on demand, with its own dependencies: plugins with large SDKs, and the demo's server.
    external: [
      "@axon-backup/axon-server-standin",
      "@axon-backup/sink-s3",
      "@axon-backup/sink-azure",
      "@axon-backup/sink-sftp",
    ],
    // CommonJS packages in the bundle require Node's modules.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module"; const require = __createRequire(import.meta.url);',
    },
  });
  // In a checkout, the command falls back to the modules when one of them is newer than its bundle.
  const inputs = Object.keys(metafile.inputs)
    .filter((input) => !input.includes("node_modules/") && !input.startsWith(`${undiciRequests.name}:`))
    .map((input) => resolve(root, input))
    .map((path) => [relative(bundle, path), statSync(path).mtimeMs]);
  writeFileSync(join(bundle, "inputs.json"), JSON.stringify(inputs));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAgent();
