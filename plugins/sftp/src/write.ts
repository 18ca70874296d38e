import { exactly, type Source } from "@axon-backup/sink";
import type { Files, OpenFile } from "./files.js";

/** Writes on their way: more than the delay of a wide network times its bandwidth, and no more than some MiB of memory. */
const PIPELINE = 16;

/**
 * Writes `source` from `offset` on, with many requests on their way, each as long as the server takes it. Resolves when all are sent, with the
 * answers that are still to come; rejects with the first failure. A server works off the requests for one file in the order in which they came
 * (draft-ietf-secsh-filexfer-02, section 6.1): what is asked next, it does behind the writes.
 *
 * @param onProgress called for each answer
 */
export async function sendSource(
  files: Files,
  file: OpenFile,
  offset: number,
  source: Source,
  onProgress?: () => void,
): Promise<readonly Promise<void>[]> {
  const { chunkBytes } = files.abilities;
  const rest = Buffer.allocUnsafeSlow(Math.min(chunkBytes, source.size));
  const sent: Promise<void>[] = [];
  let filled = 0;
  let at = offset;
  const send = async (bytes: Uint8Array): Promise<void> => {
    if (sent.length >= PIPELINE) await sent.shift();
    const write = files.write(file, bytes, at).then(onProgress);
    // Awaited later; until then its failure must not count as unhandled.
    write.catch(() => undefined);
    sent.push(write);
    at += bytes.byteLength;
  };
  for await (const chunk of exactly(source, files.interrupt.signal)) {
    for (let taken = 0; taken < chunk.byteLength;) {
      if (filled === 0 && chunk.byteLength - taken >= chunkBytes) {
        await send(chunk.subarray(taken, taken + chunkBytes));
        taken += chunkBytes;
        continue;
      }
      const part = chunk.subarray(taken, taken + rest.byteLength - filled);
      rest.set(part, filled);
      filled += part.byteLength;
      taken += part.byteLength;
      if (filled < rest.byteLength) continue;
      await send(rest);
      filled = 0;
    }
  }
  if (filled > 0) await send(rest.subarray(0, filled));
  return sent;
}
