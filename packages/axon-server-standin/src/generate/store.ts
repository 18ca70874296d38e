import { closeSync, ftruncateSync, mkdirSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import { fileName, type Store } from "../format/names.js";
import { END_BYTES, HEADER_BYTES, MAX_EVENTS_PER_TRANSACTION, segmentHeader } from "../format/segment.js";
import { INDEX_BYTES, writeIndexFiles } from "../store/index-files.js";
import { TransactionMill } from "./transactions.js";

export interface GenerateOptions {
  /** The context's directory. Made if it isn't there; its store must be empty. */
  readonly directory: string;
  /** How many closed segments. */
  readonly segments: number;
  /** Bytes of each. */
  readonly segmentSize: number;
  /** Default `events`. */
  readonly store?: Store;
  /** 1 to 1,000, and a divisor of 1,000. Default 10. */
  readonly eventsPerTransaction?: number;
  /** Random bytes in each event. Default 1,000. */
  readonly payloadBytes?: number;
  /** Whether an open segment with one transaction follows. Default true. */
  readonly open?: boolean;
  /** Bytes of an index file, sparse; 0: no index files. Default 2 MiB. */
  readonly indexBytes?: number;
  readonly signal?: AbortSignal;
}

/** What was generated. */
export interface GeneratedStore {
  readonly events: number;
  /** The numbers of the closed segments. */
  readonly closed: readonly number[];
  /** Of the open segment. */
  readonly open: number | undefined;
}

/** Bytes written at once. */
const CHUNK = 4 << 20;

/** Writes a big store of valid segments in little time, for measurements: about as fast as the disk takes it. */
export async function generateStore(options: GenerateOptions): Promise<GeneratedStore> {
  const { directory, segments, segmentSize, store = "events", indexBytes = INDEX_BYTES } = options;
  const eventsPerTransaction = options.eventsPerTransaction ?? 10;
  if (1000 % eventsPerTransaction !== 0 || eventsPerTransaction > MAX_EVENTS_PER_TRANSACTION) {
    throw new RangeError(`eventsPerTransaction must divide 1,000; ${eventsPerTransaction} doesn't`);
  }
  const mill = new TransactionMill(eventsPerTransaction, options.payloadBytes ?? 1000);
  mkdirSync(directory, { recursive: true });
  const closed: number[] = [];
  let token = 0;
  for (let count = 0; count < segments; count += 1) {
    const path = join(directory, fileName({ segment: token, version: 0 }, store));
    const next = await writeSegment(
      { path, length: segmentSize, token, eventsPerTransaction, mill },
      options.signal,
    );
    if (indexBytes > 0) {
      const id = { segment: token, version: 0 };
      writeIndexFiles(directory, store, id, { indexBytes, temporaryName: false });
    }
    closed.push(token);
    token = next;
  }
  if (options.open === false) return { events: token, closed, open: undefined };
  const path = join(directory, fileName({ segment: token, version: 0 }, store));
  const segment = { path, length: segmentSize, token, eventsPerTransaction, mill, transactions: 1 };
  return { events: await writeSegment(segment, options.signal), closed, open: token };
}

interface SegmentPlan {
  readonly path: string;
  readonly length: number;
  readonly token: number;
  readonly eventsPerTransaction: number;
  readonly mill: TransactionMill;
  /** The segment stays open behind so many. Default: as many as fit, and an end marker. */
  readonly transactions?: number;
}

/** Resolves with the token behind the segment. */
async function writeSegment(plan: SegmentPlan, signal: AbortSignal | undefined): Promise<number> {
  const { mill, length, eventsPerTransaction } = plan;
  const file = openSync(plan.path, "wx");
  try {
    ftruncateSync(file, length);
    const chunk = Buffer.allocUnsafe(Math.max(CHUNK, mill.size(plan.token) + HEADER_BYTES));
    let filled = segmentHeader().copy(chunk);
    let written = 0;
    let token = plan.token;
    const flush = async (): Promise<void> => {
      writeSync(file, chunk, 0, filled, written);
      written += filled;
      filled = 0;
      await nextTurn(undefined, { signal });
    };
    for (let count = 0; count < (plan.transactions ?? Infinity); count += 1) {
      const size = mill.size(token);
      if (written + filled + size + END_BYTES > length) break;
      if (filled + size > chunk.byteLength) await flush();
      mill.fill(chunk.subarray(filled, filled + size), token);
      filled += size;
      token += eventsPerTransaction;
    }
    if (token === plan.token) {
      throw new RangeError(
        `${plan.path}: a segment of ${length} bytes is too short for a transaction of ${mill.size(token)}`,
      );
    }
    await flush();
    if (plan.transactions === undefined) {
      const marker = Buffer.alloc(END_BYTES);
      marker.writeInt32BE(-1);
      writeSync(file, marker, 0, END_BYTES, written);
    }
    return token;
  } finally {
    closeSync(file);
  }
}
