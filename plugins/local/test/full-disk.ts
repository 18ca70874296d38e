// Run by space.test.ts in a mount namespace, with a file system of 4 MiB as its argument.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bytesSource, isSinkError, readAll, type Source } from "@axon-backup/sink";
import { filledSource, temporaryFiles } from "@axon-backup/sink-testkit";
import { caught, key, open } from "./support.js";

const [disk = ""] = process.argv.slice(2);
const dir = join(disk, "sink");
const MiB = 1024 * 1024;

/** Fits when the sink asks; while it is read, somebody else fills the disk. */
function overtaken(): Source {
  const source = filledSource(MiB, 3, 1);
  return {
    size: source.size,
    async *open(signal) {
      let sent = 0;
      for await (const chunk of source.open(signal)) {
        if (sent++ === 1)
          await writeFile(join(disk, "other"), new Uint8Array(2 * MiB)).catch(() => undefined);
        yield chunk;
      }
    },
  };
}

const sink = await open(dir);
await sink.put(key, bytesSource("old"));
const failed = await caught(sink.put(key, overtaken()));
const keys: string[] = [];
for await (const object of sink.list("")) keys.push(object.key);
const cause = failed instanceof Error && failed.cause instanceof Error ? failed.cause : undefined;
console.log(
  JSON.stringify({
    kind: isSinkError(failed) ? failed.kind : String(failed),
    cause: cause !== undefined && "code" in cause ? cause.code : undefined,
    old: Buffer.from(await readAll(sink.get(key))).toString(),
    keys,
    temporaries: await temporaryFiles(dir),
  }),
);
