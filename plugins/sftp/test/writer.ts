// Run by kill.test.ts: puts objects of one byte value each, again and again, until it is killed; or stops in the middle of one.
import type { SftpOptions } from "@axon-backup/sink-sftp";
import { filledSource, key, openWith, stuckSource } from "./support.js";

const [options = "", mode = ""] = process.argv.slice(2);
const sink = await openWith(JSON.parse(options) as SftpOptions);
if (mode === "stuck")
  await sink.put(
    key,
    stuckSource(10_000_000, new Uint8Array(5_000_000).fill(1), () => {
      process.stdout.write("stuck\n");
    }),
  );
for (let turn = 0; ; turn++) {
  const byte = 1 + (turn % 250);
  // The size tells which object it is.
  await sink.put(key, filledSource(100_000 + byte, 3, byte));
  process.stdout.write(`${byte}\n`);
}
