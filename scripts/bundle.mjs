// Bundles the agent into a few files: a command that loads hundreds of modules spends more time on loading than on a small backup.
// Plugins and the stand-in stay packages of their own, loaded when they are used.
import { statSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const agent = join(root, "packages/agent");
const bundle = join(agent, "bundle");

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
    .filter((input) => !input.includes("node_modules/"))
    .map((input) => resolve(root, input))
    .map((path) => [relative(bundle, path), statSync(path).mtimeMs]);
  writeFileSync(join(bundle, "inputs.json"), JSON.stringify(inputs));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundleAgent();
