import { bytesSource, type ObjectKey, type Sink, type StoredObject } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, type DocumentKind, encodeDocument, type WriteDocument } from "./document.js";
import { runOf } from "./layout.js";
import { options, readOptional } from "./read-optional.js";
import type { RestorePointId } from "./restore-point-id.js";

/** Reads and writes the JSON documents of one sink. */
export class Documents {
  constructor(
    private readonly sink: Sink,
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Its bytes; undefined when there is none. */
  bytes(key: ObjectKey): Promise<Uint8Array | undefined> {
    return readOptional(this.sink, key, this.signal);
  }

  /** Its body; undefined when there is none. @throws EngineError `damage` */
  async read(kind: DocumentKind, key: ObjectKey): Promise<unknown> {
    const bytes = await this.bytes(key);
    return bytes && decodeDocument(kind, bytes, key);
  }

  /** The same of a document that saves work or tells of work done, and that nothing is lost with: a damaged one counts as none. */
  async readRecord(kind: DocumentKind, key: ObjectKey): Promise<unknown> {
    try {
      return await this.read(kind, key);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return undefined;
    }
  }

  /** Writes a document and reads it back: these are small, and everything else hangs on them. */
  async write(
    kind: DocumentKind,
    key: ObjectKey,
    body: object,
    put: WriteDocument = this.sink.put.bind(this.sink),
  ): Promise<StoredObject> {
    const bytes = encodeDocument(kind, body);
    const stored = await put(key, bytesSource(bytes), { ...options(this.signal), kind: "document" });
    const back = await this.bytes(key);
    if (back === undefined || Buffer.compare(back, bytes) !== 0)
      throw new EngineError(
        "failed",
        `${key} was written, but reading it back gives ${back === undefined ? "nothing" : "other bytes"}`,
        "The storage doesn't keep what it confirms. Don't use it before `axon-backup check` passes.",
      );
    return stored;
  }

  /** The runs that have an object `<prefix><run><extension>`, in the order of the listing. */
  async runs(prefix: string, extension: string): Promise<RestorePointId[]> {
    const runs: RestorePointId[] = [];
    for await (const { key } of this.sink.list(prefix, options(this.signal))) {
      const run = runOf(key, prefix, extension);
      if (run !== undefined) runs.push(run);
    }
    return runs;
  }
}
