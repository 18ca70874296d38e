// Keeps what V8 has compiled of the agent's bundle when it has run once: functions that a backup uses needn't be compiled when it is loaded.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const agent = join(dirname(fileURLToPath(import.meta.url)), "../packages/agent");
const require = createRequire(join(agent, "bin/axon-backup.js"));
const { cacheOf, loadBundle } = require("./load-bundle.js");
const { copyStore, sampleStore, startStandin } = await import(
  join(agent, "../axon-server-standin/dist/index.js")
);

const folder = mkdtempSync(join(tmpdir(), "axon-backup-bundle-"));
try {
  const storage = join(folder, "events");
  copyStore(sampleStore, storage);
  const server = await startStandin({
    generation: "2023.2",
    storage,
    controlDbDirectory: join(folder, "controldb"),
    rebuildIndexes: true,
    indexBytes: 16 * 1024,
  });
  const config = join(folder, "config");
  mkdirSync(join(config, "sinks.d"), { recursive: true });
  writeFileSync(join(config, "agent.yaml"), `server:\n  url: ${server.url}\n  storage: [${storage}]\n`);
  writeFileSync(join(config, "sinks.d/nas.yaml"), `type: local\npath: ${join(folder, "nas")}\n`);

  const file = join(agent, "bundle/main.cjs");
  const { exports: bundle, script } = loadBundle(file);
  const run = async (...command) => {
    const code = await bundle.main(["--config", config, "--json", "--quiet", ...command]);
    if (code !== 0) throw new Error(`axon-backup ${command.join(" ")} ended with ${code}`);
  };
  await run("backup");
  await run("backup");
  await run("list");
  await run("verify", "--read-data");
  await run("restore", "--to", join(folder, "restored"));
  await server.close();

  writeFileSync(`${cacheOf(file)}.new`, script.createCachedData());
  renameSync(`${cacheOf(file)}.new`, cacheOf(file));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
