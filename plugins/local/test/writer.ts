// Run by kill.test.ts: puts objects of one byte value each, again and again, until it is killed; or stops in the middle of one.
import { key, filledSource, open, stuckSource } from "./support.js";

const [dir = "", mode = ""] = process.argv.slice(2);
const sink = await open(dir);
if (mode === "stuck") {
  // Keeps the process alive: a promise alone doesn't.
  setInterval(() => undefined, 1000);
  await sink.put(
    key,
    stuckSource(10_000_000, new Uint8Array(5_000_000).fill(1), () => {
      process.stdout.write("stuck\n");
    }),
  );
}
for (let turn = 0; ; turn++) {
  const byte = 1 + (turn % 250);
  // The size tells which object it is.
  if (mode === "put") await sink.put(key, filledSource(100_000 + byte, 3, byte));
  else {
    await sink.extend?.(key, 100_000, filledSource(50_000 + byte, 3, byte));
  }
  process.stdout.write(`${byte}\n`);
}
