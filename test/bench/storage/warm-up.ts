import { bytesSource, objectKey, readAll } from "@axon-backup/sink";
import type { StorageServer } from "./model.js";

const MiB = 1024 * 1024;

/** Lets a server that has just started get going, so that whoever is first in a round isn't the one who waits for it. */
export async function warmUp(server: StorageServer): Promise<void> {
  const place = await server.newPlace("warm-up");
  const sink = await place.open("write");
  try {
    for (const [count, bytes] of [
      [200, MiB / 64],
      [4, 8 * MiB],
    ] as const)
      for (let index = 0; index < count; index++) {
        const key = objectKey(`${bytes}/${index}`);
        await sink.put(key, bytesSource(Buffer.alloc(bytes, index)));
        await readAll(sink.get(key));
      }
  } finally {
    await sink.close();
  }
}
