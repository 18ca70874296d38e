import { Readable } from "node:stream";
import { crc32 } from "node:zlib";
import yauzl from "yauzl";
import { EngineError } from "../errors.js";

/** What Axon Server calls its control DB; also the only entry of the zip that it makes of it. */
export const CONTROL_DB_FILE = "axonserver-controldb.mv.db";

/** Reads a part of a zip: `length` bytes from `offset` on. */
export type ReadRange = (offset: number, length: number) => AsyncIterable<Uint8Array>;

/** A control DB's zip, opened. */
export interface ControlDbZip {
  /** Bytes of the database. */
  readonly size: number;
  /** The database's bytes. Their number and CRC are checked: rejects with an EngineError `damage` at the end when they aren't right. */
  content(): AsyncIterable<Uint8Array>;
}

class RangeReader extends yauzl.RandomAccessReader {
  constructor(private readonly range: ReadRange) {
    super();
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.range(start, end - start), { objectMode: false });
  }
}

/**
 * Opens the zip that Axon Server makes of its control DB. It holds one entry, and its name is always the same (docs/axon-server.md, section 1).
 * @throws EngineError `damage` when it isn't such a zip; errors of `range` as they are
 */
export async function openControlDbZip(key: string, size: number, range: ReadRange): Promise<ControlDbZip> {
  const failure: { error?: unknown } = {};
  const zip = await orDamaged(key, failure, () =>
    yauzl.fromRandomAccessReaderPromise(new RangeReader(watched(range, failure)), size, { autoClose: false }),
  );
  const entry = await orDamaged(key, failure, () => onlyEntry(key, zip));
  return {
    size: entry.uncompressedSize,
    async *content() {
      const stream = await orDamaged(key, failure, () => zip.openReadStreamPromise(entry));
      let crc = 0;
      try {
        for await (const chunk of stream as AsyncIterable<Buffer>) {
          crc = crc32(chunk, crc);
          yield chunk;
        }
      } catch (error) {
        throw failureOf(key, failure, error);
      } finally {
        stream.destroy();
      }
      if (crc !== entry.crc32) throw damaged(key, "its CRC is wrong");
    },
  };
}

async function onlyEntry(key: string, zip: yauzl.ZipFile): Promise<yauzl.Entry> {
  let only: yauzl.Entry | undefined;
  for await (const entry of zip.eachEntry()) {
    if (only !== undefined || entry.fileName !== CONTROL_DB_FILE)
      throw damaged(
        key,
        `it holds ${JSON.stringify(entry.fileName.slice(0, 100))}, and should hold ${CONTROL_DB_FILE} alone`,
      );
    only = entry;
  }
  if (only === undefined) throw damaged(key, "it is empty");
  return only;
}

/** Remembers why reading failed: yauzl gives its own errors and those of the reader alike. */
function watched(range: ReadRange, failure: { error?: unknown }): ReadRange {
  return async function* (offset, length) {
    try {
      yield* range(offset, length);
    } catch (error) {
      failure.error = error;
      throw error;
    }
  };
}

async function orDamaged<T>(
  key: string,
  failure: { readonly error?: unknown },
  operation: () => Promise<T>,
): Promise<T> {
  try {
    return await operation();
  } catch (error) {
    throw failureOf(key, failure, error);
  }
}

function failureOf(key: string, failure: { readonly error?: unknown }, error: unknown): unknown {
  if ("error" in failure) return failure.error;
  if (error instanceof EngineError) return error;
  return damaged(key, error instanceof Error ? error.message : String(error), error);
}

function damaged(key: string, what: string, cause?: unknown): EngineError {
  return new EngineError(
    "damage",
    `${key} is not a backup of a control DB: ${what}`,
    "Restore from another restore point: each has a control DB of its own.",
    cause,
  );
}
