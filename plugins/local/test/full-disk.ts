// Run by space.test.ts in a mount namespace, with a file system of 4 MiB as its argument.
import { bytesSource, isSinkError, readAll } from "@axon-backup/sink";
import { caught, filledSource, key, open, temporaries } from "./support.js";

const [dir = ""] = process.argv.slice(2);
const sink = await open(dir);
await sink.put(key, bytesSource("old"));
// Each of the two fits by itself: the check before finds nothing, and the disk fills up in the middle.
const MiB = 1024 * 1024;
const outcomes = await Promise.all([
  caught(sink.put(key, filledSource(MiB, 3, 1))).catch(() => undefined),
  caught(sink.put(key, filledSource(MiB, 3, 2))).catch(() => undefined),
  caught(sink.put(key, filledSource(MiB, 3, 3))).catch(() => undefined),
]);
const failed = outcomes.find((error) => error !== undefined);
const keys: string[] = [];
for await (const object of sink.list("")) keys.push(object.key);
const cause = failed instanceof Error && failed.cause instanceof Error ? failed.cause : undefined;
console.log(
  JSON.stringify({
    kind: isSinkError(failed) ? failed.kind : String(failed),
    cause: cause !== undefined && "code" in cause ? cause.code : undefined,
    old: outcomes.includes(undefined) ? "replaced" : Buffer.from(await readAll(sink.get(key))).toString(),
    keys,
    temporaries: await temporaries(dir),
  }),
);
