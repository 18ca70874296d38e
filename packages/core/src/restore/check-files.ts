import { open } from "node:fs/promises";
import { type SegmentEvent, type SegmentScan, SegmentScanner, type Token } from "@axon-backup/axon-server";
import { onDisk } from "./disk.js";
import { type Content, isZero, readChunks, whatDiffers } from "./local-file.js";

/** What reading one segment of a restored store told. */
export interface ReadSegment {
  readonly scan: SegmentScan;
  /** Bytes of the file. */
  readonly length: number;
  /** Behind its last byte that isn't zero. */
  readonly contentEnd: number;
  /** The first token of its last transaction; undefined for none. */
  readonly lastTransaction: Token | undefined;
  /** What isn't as the restore point says, if that was asked: a sentence that reads on after the file's name. */
  readonly difference: string | undefined;
}

/**
 * Reads a segment once, with all that there is to learn of it.
 * @param expected what the restore point says of it; undefined where nothing is to be compared
 * @param onEvents told of what is in it
 */
export async function readSegmentFile(
  path: string,
  segment: Token,
  expected: Content | undefined,
  onEvents: ((events: readonly SegmentEvent[]) => void) | undefined,
  signal: AbortSignal,
): Promise<ReadSegment> {
  let length = 0;
  let contentEnd = 0;
  let lastTransaction: Token | undefined;
  const scanner = new SegmentScanner({
    segment,
    onTransaction({ firstToken }) {
      lastTransaction = firstToken;
    },
    ...(onEvents && {
      onEvents(_, events) {
        onEvents(events);
      },
    }),
  });
  const onChunk = (chunk: Buffer): void => {
    scanner.push(chunk);
    if (!isZero(chunk)) contentEnd = length + behindContent(chunk);
    length += chunk.byteLength;
  };
  let difference: string | undefined;
  if (expected) difference = await whatDiffers(path, expected, { signal, onChunk });
  else await readAll(path, signal, onChunk);
  return { scan: scanner.end(), length, contentEnd, lastTransaction, difference };
}

async function readAll(path: string, signal: AbortSignal, onChunk: (chunk: Buffer) => void): Promise<void> {
  await onDisk(`reading ${path}`, async () => {
    const file = await open(path, "r");
    try {
      await readChunks(file, Infinity, signal, onChunk);
    } finally {
      await file.close();
    }
  });
}

function behindContent(chunk: Buffer): number {
  let end = chunk.byteLength;
  while (chunk[end - 1] === 0) end--;
  return end;
}
