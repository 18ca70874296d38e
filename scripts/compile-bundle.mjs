// Keeps what V8 has compiled of the agent's bundles when they have run once: functions that a backup uses needn't be compiled when it is loaded.
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

const agent = join(dirname(fileURLToPath(import.meta.url)), "../packages/agent");
const require = createRequire(join(agent, "bin/axon-backup.js"));
const { cacheOf, loadBundle, loaded } = require("./load-bundle.js");
const { copyStore, sampleStore, startStandin } = await import(
  join(agent, "../axon-server-standin/dist/index.js")
);

const UNREACHABLE = {
  s3: [
    "bucket: none",
    "region: none",
    "endpoint: http://127.0.0.1:1",
    "access_key_id: none",
    "secret_access_key: {env: NONE}",
  ],
  azure: [
    "container: none",
    "account: none",
    "account_key: {env: NONE}",
    "endpoint: http://127.0.0.1:1/none",
  ],
  sftp: ["host: 127.0.0.1", "port: 1", "user: none", "path: /none", "password: {env: NONE}"],
};
process.env.NONE = "bm9uZQ==";

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

  const bundle = loadBundle(join(agent, "bundle/main.cjs"));
  const run = (...command) => bundle.main(["--config", config, "--json", "--quiet", ...command]);
  for (const command of [
    ["backup"],
    ["backup"],
    ["list"],
    ["verify", "--read-data"],
    ["restore", "--to", join(folder, "restored")],
  ]) {
    const code = await run(...command);
    if (code !== 0) throw new Error(`axon-backup ${command.join(" ")} ended with ${code}`);
  }
  await server.close();

  // As far as they come where nothing answers: everything is loaded by then.
  for (const [type, options] of Object.entries(UNREACHABLE)) {
    const retries = "retries: {for: 1ms, attempts: 1}";
    writeFileSync(
      join(config, `sinks.d/${type}.yaml`),
      [`type: ${type}`, retries, ...options, ""].join("\n"),
    );
    await run("list", "--sink", type);
  }

  // V8's own value, if the agent has set another one (heap.ts): the code is taken by processes with the same flags alone.
  setFlagsFromString("--heap-growing-percent=0");
  for (const [file, script] of loaded) {
    writeFileSync(`${cacheOf(file)}.new`, script.createCachedData());
    renameSync(`${cacheOf(file)}.new`, cacheOf(file));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
