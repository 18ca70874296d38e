import {
  HEADER_BYTES,
  segmentHeader,
  SegmentScanner,
  type SegmentScan,
  type Token,
} from "@axon-backup/axon-server";
import type { OpenSegment } from "../repository/manifest.js";

/** Whether what was read of a segment, up to where it was seen to end, is what was seen there. */
export function isWhatWasSeen(
  scan: SegmentScan,
  seen: Pick<OpenSegment, "validBytes" | "nextToken" | "complete">,
): boolean {
  return (
    scan.validBytes === seen.validBytes &&
    scan.nextToken === seen.nextToken &&
    (scan.state === "closed") === seen.complete
  );
}

/**
 * Reads what is new of an open segment while it is being sent: a server that crashes between the look at the segment's end and this may have lost what was seen, and written something else of
 * the same length since. What was stored before has its hash, and isn't read again.
 */
export class OpenScan {
  readonly #from: number;
  readonly #firstToken: Token;
  #scanner: SegmentScanner | undefined;
  #header = Buffer.alloc(0);
  #position = 0;

  constructor(
    private readonly segment: Token,
    private readonly seen: Omit<OpenSegment, "sha256">,
    previous: OpenSegment | undefined,
  ) {
    const goesOn = previous !== undefined && previous.validBytes >= HEADER_BYTES;
    this.#from = goesOn ? previous.validBytes : 0;
    this.#firstToken = goesOn ? previous.nextToken : segment;
  }

  /** A retry sends from the beginning again. */
  start(): void {
    this.#scanner = undefined;
    this.#header = Buffer.alloc(0);
    this.#position = 0;
  }

  push(chunk: Uint8Array): void {
    const start = this.#position;
    this.#position += chunk.byteLength;
    if (this.#header.byteLength < HEADER_BYTES)
      this.#header = Buffer.concat([this.#header, chunk.subarray(0, HEADER_BYTES - this.#header.byteLength)]);
    if (this.#position <= this.#from) return;
    this.#scanner ??= this.#begin();
    this.#scanner.push(chunk.subarray(Math.max(0, this.#from - start)));
  }

  /** Whether what was sent, all of it, is what was seen. */
  isSeen(): boolean {
    if (this.seen.unknownFormat !== undefined || this.seen.validBytes <= this.#from) return true;
    return this.#scanner !== undefined && isWhatWasSeen(this.#scanner.end(), this.seen);
  }

  #begin(): SegmentScanner {
    const { length: fileLength } = this.seen;
    if (this.#from === 0) return new SegmentScanner({ segment: this.segment, fileLength });
    const from = { offset: this.#from, token: this.#firstToken, ...segmentHeader(this.#header) };
    return new SegmentScanner({ segment: this.segment, from, fileLength });
  }
}
