// Run by space.test.ts in a mount namespace, with a sink on a read-only file system as its argument.
import { bytesSource, isSinkError, readAll } from "@axon-backup/sink";
import { caught, key, open } from "./support.js";

const [dir = ""] = process.argv.slice(2);
const kind = (error: unknown): string => (isSinkError(error) ? error.kind : String(error));
const sink = await open(dir, {}, "read");
console.log(
  JSON.stringify({
    write: kind(await caught(open(dir))),
    read: Buffer.from(await readAll(sink.get(key))).toString(),
    put: kind(await caught(sink.put(key, bytesSource("new")))),
  }),
);
