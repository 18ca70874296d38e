// Run by hand: how fast put and get are, beside scp with the same server and cipher. Prints medians in MB/s.
//   node plugins/sftp/dist-test/throughput.js [MiB] [rounds]
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { open as openFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Source } from "@axon-backup/sink";
import { startSshd } from "@axon-backup/test-servers";
import { key, open } from "./support.js";

const run = promisify(execFile);
const [mebibytes = 256, rounds = 5] = process.argv.slice(2).map(Number);
const MiB = 1024 * 1024;
const server = await startSshd();
const sink = await open(server);
const dir = join(server.root, "..");
const file = join(dir, "source");
const block = randomBytes(MiB);
await writeFile(file, "");
for (let count = 0; count < mebibytes; count++) await writeFile(file, block, { flag: "a" });
const { size } = await stat(file);

const source: Source = {
  size,
  async *open() {
    const handle = await openFile(file);
    const buffer = Buffer.allocUnsafe(MiB);
    try {
      for (let at = 0; at < size;) {
        const { bytesRead } = await handle.read(buffer, 0, MiB, at);
        at += bytesRead;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await handle.close();
    }
  },
};

const remote = `${server.user}@${server.host}:${server.path}/scp`;
async function scp(from: string, to: string): Promise<void> {
  const options = [
    `UserKnownHostsFile=${server.knownHostsFile}`,
    "IdentitiesOnly=yes",
    "Ciphers=aes128-gcm@openssh.com",
  ];
  await run("scp", [
    "-q",
    "-P",
    String(server.port),
    "-i",
    server.clientKey,
    ...options.flatMap((option) => ["-o", option]),
    from,
    to,
  ]);
}

const contenders: Readonly<Record<string, () => Promise<unknown>>> = {
  "scp up": () => scp(file, remote),
  "put (with fsync)": () => sink.put(key, source),
  "scp down": () => scp(remote, join(dir, "target")),
  get: async () => {
    let count = 0;
    for await (const chunk of sink.get(key)) count += chunk.byteLength;
    if (count !== size) throw new Error(`${count} of ${size} bytes`);
  },
};
const times = new Map<string, number[]>();
for (let round = 0; round < rounds; round++)
  for (const [name, work] of Object.entries(contenders)) {
    const start = performance.now();
    await work();
    times.set(name, [...(times.get(name) ?? []), performance.now() - start]);
    await rm(join(dir, "target"), { force: true });
  }
for (const [name, all] of times) {
  const median = [...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? 0;
  console.log(`${name.padEnd(18)} ${(size / 1000 / median).toFixed(0)} MB/s`);
}
await sink.close();
await server.close();
