import { type CallOptions, isObjectKey, type StoredObject } from "@axon-backup/sink";
import type { Tools } from "./call.js";
import { Files } from "./files.js";
import { Interrupt } from "./interrupt.js";
import { walk } from "./walk.js";

/** Every object whose key begins with `prefix`: walks the tree from the prefix's deepest directory on. */
export async function* listFiles(
  { connections, root }: Tools,
  prefix: string,
  { signal }: CallOptions = {},
): AsyncGenerator<StoredObject, void, void> {
  signal?.throwIfAborted();
  const start = prefix.slice(0, prefix.lastIndexOf("/") + 1);
  const interrupt = new Interrupt(signal);
  try {
    const files = new Files(await connections.session(interrupt), interrupt);
    await root.check(files);
    // Nothing begins with what isn't the beginning of a key ("../", "//"): and nothing of it may reach the server.
    if (start !== "" && !isObjectKey(start.slice(0, -1))) return;
    const top = start === "" ? root.path : `${root.path}/${start.slice(0, -1)}`;
    const enter = (key: string): boolean => key.startsWith(prefix) || prefix.startsWith(`${key}/`);
    for await (const { key, stats } of walk(files, top === "" ? "/" : top, start, enter)) {
      signal?.throwIfAborted();
      if (isObjectKey(key) && key.startsWith(prefix))
        yield { key, size: stats.size, modified: new Date(stats.mtime * 1000) };
    }
  } finally {
    interrupt.release();
  }
}
