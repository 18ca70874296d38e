import {
  AxonServerError,
  type ControlDbFile,
  scanSegment,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
} from "@axon-backup/axon-server";
import {
  isSinkError,
  type ObjectKey,
  type ObjectKind,
  type Sink,
  SinkError,
  type StoredObject,
} from "@axon-backup/sink";
import { LargeGate } from "../at-once.js";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import type { ClosedFile, OpenSegment, StoredControlDb } from "../repository/manifest.js";
import { hashedFileSource, hashPrefix, type PrefixCheck } from "../sinks/hashing.js";
import { withHandle } from "../with-handle.js";
import type { ExclusivePuts, Put } from "./exclusive-puts.js";
import type { CapturedOpen } from "./model.js";
import { MovedBytes } from "./moved-bytes.js";
import { OpenScan } from "./open-scan.js";
import { SendScan } from "./send-scan.js";

/** Sends files to one sink, hashing the bytes that go out, and believes nothing that the sink doesn't confirm. */
export class Transfer {
  #objects = 0;
  #bytes = 0;
  readonly #large: LargeGate;

  constructor(
    private readonly source: ServerSource,
    private readonly sink: Sink,
    private readonly exclusive: ExclusivePuts,
    private readonly name: string,
    private readonly observer: Observer,
    largeAtOnce: number,
  ) {
    this.#large = new LargeGate(largeAtOnce);
  }

  /** What was sent and confirmed so far. */
  get sent(): { readonly objects: number; readonly bytes: number } {
    return { objects: this.#objects, bytes: this.#bytes };
  }

  /**
   * Stores a closed file, whole. With `expected`, it must be the same bytes as then: the object that stands is not replaced by others. A segment that turns out to be damaged is read
   * once more, since it may be the reading that went wrong; if it stays so, it is stored as it is, with its `problem`: there is no better one.
   * @param beginning what the object that stands begins with, because it was the copy of an open segment: restore points need these bytes
   */
  async closedFile(
    key: ObjectKey,
    file: SourceFile,
    expected: ClosedFile | undefined,
    signal: AbortSignal,
    beginning?: Beginning,
  ): Promise<ClosedFile> {
    const begins = expected ? { bytes: expected.size, sha256: expected.sha256 } : beginning;
    const changed = (): Error => changedFile(file.path, key);
    const check = begins && { ...begins, mismatch: changed };
    const sent = await this.#withFile(file, (handle) => {
      if (expected ? handle.size !== expected.size : handle.size < (begins?.bytes ?? 0)) throw changed();
      return this.#sendClosed(key, file, handle, signal, { what: expected ? "repaired" : "new", check });
    });
    if (sent.problem === undefined) return sent;
    const again = expected === undefined ? await this.wholeSegment(key, file, signal, check) : undefined;
    this.#warn(
      again === undefined
        ? `${file.path}: ${sent.problem}; stored as it is`
        : `${file.path}: was read wrong (it ${sent.problem}), and right when it was read again. If that happens more than once, check the server's storage and this machine's memory`,
    );
    return again ?? sent;
  }

  /**
   * Stores a closed segment if the server's file is whole: read and found so before anything is sent, and again as it goes out.
   * @returns undefined when it isn't, or isn't there; nothing is stored then
   */
  async wholeSegment(
    key: ObjectKey,
    file: SourceFile,
    signal: AbortSignal,
    check?: PrefixCheck,
  ): Promise<ClosedFile | undefined> {
    const { name } = file;
    if (name.kind !== "segment") return undefined;
    const notWhole = new Error(`${file.path} is not whole`);
    try {
      return await this.#withFile(file, async (handle) => {
        const { state } = await scanSegment(handle, { segment: name.segment, signal });
        if (state !== "closed") return undefined;
        return this.#sendClosed(key, file, handle, signal, { what: "repaired", check, notWhole });
      });
    } catch (error) {
      if (error === notWhole || isVanished(error)) return undefined;
      throw error;
    }
  }

  /** Whether the server's file has the bytes of an object that was stored before. */
  async isSame(file: SourceFile, { size, sha256 }: ClosedFile, signal: AbortSignal): Promise<boolean> {
    return this.#withFile(
      file,
      async (handle) => handle.size === size && (await hashPrefix(handle, size, signal)) === sha256,
    );
  }

  /** Overwrites the copy of an open segment with its valid bytes. They must begin with those of the newest restore point. */
  async openSegment(
    key: ObjectKey,
    { file, state, previous }: CapturedOpen,
    signal: AbortSignal,
  ): Promise<OpenSegment> {
    return this.#withFile(file, async (handle) => {
      const { sha256 } = await this.#send(handle, file.path, signal, {
        key,
        size: state.validBytes,
        kind: "open-segment",
        what: "overwritten",
        put: this.exclusive.replace,
        seen: new OpenScan(file.name.segment, state, previous),
        check: previous && {
          bytes: previous.validBytes,
          sha256: previous.sha256,
          mismatch: () => changedFile(file.path, key),
        },
      });
      return { ...state, sha256 };
    });
  }

  /** @throws SinkError `conflict` when the object is there already, where the storage can tell */
  async controlDb(key: ObjectKey, file: ControlDbFile, signal: AbortSignal): Promise<StoredControlDb> {
    return this.#withFile(file, async (handle) => {
      const sending = {
        key,
        size: handle.size,
        kind: "control-db",
        what: "control DB",
        put: this.exclusive.create,
      } as const;
      return { name: file.name, ...(await this.#send(handle, file.path, signal, sending)) };
    });
  }

  async #sendClosed(
    key: ObjectKey,
    { name, path }: SourceFile,
    handle: SourceHandle,
    signal: AbortSignal,
    sending: Pick<Sending, "what" | "check" | "notWhole">,
  ): Promise<ClosedFile> {
    const scan = name.kind === "segment" ? new SendScan(name.segment, handle.size) : undefined;
    const kind = scan ? "closed-segment" : "index";
    const sent = await this.#send(handle, path, signal, { key, size: handle.size, kind, scan, ...sending });
    const { foreignVersion, ...found } = scan?.end() ?? {};
    if (foreignVersion !== undefined)
      this.#warn(
        `${path}: segments of format version ${foreignVersion} are not known; stored as it is, unchecked`,
      );
    return { name: name.name, ...sent, ...found };
  }

  readonly #put: Put = (key, source, options) => this.sink.put(key, source, options);

  #warn(message: string): void {
    this.observer({ kind: "warning", sink: this.name, message });
  }

  async #withFile<T>(
    file: SourceFile | ControlDbFile,
    use: (handle: SourceHandle) => Promise<T>,
  ): Promise<T> {
    return withHandle(this.source, file, (handle) => this.#large.pass(handle.size, () => use(handle)));
  }

  async #send(
    handle: SourceHandle,
    path: string,
    signal: AbortSignal,
    { key, size, kind, what, check, scan, seen, notWhole, put }: Sending,
  ): Promise<{ readonly size: number; readonly sha256: string }> {
    const moved = new MovedBytes(this.name, this.observer);
    let read = 0;
    const source = hashedFileSource(handle, path, size, {
      check,
      onStart: () => {
        moved.takeBack();
        scan?.start();
        seen?.start();
        read = 0;
      },
      onChunk: (chunk) => {
        scan?.push(chunk);
        seen?.push(chunk);
        read += chunk.byteLength;
        // Before the last chunk goes out: what isn't whole takes no effect.
        if (notWhole && read === size && scan?.end().nextToken === undefined) throw notWhole;
        if (seen && read === size && !seen.isSeen()) throw changedMeanwhile(path);
        moved.add(chunk.byteLength);
      },
    });
    let sha256: string;
    try {
      await this.exclusive.held();
      const stored = await named(key, (put ?? this.#put)(key, source, { signal, kind }));
      sha256 = await source.sha256();
      confirm(key, { size, sha256 }, stored);
    } catch (error) {
      moved.takeBack();
      throw error;
    }
    this.#objects++;
    this.#bytes += size;
    this.observer({ kind: "object", sink: this.name, key, bytes: size, what });
    return { size, sha256 };
  }
}

/** Bytes that an object begins with. */
export type Beginning = Pick<PrefixCheck, "bytes" | "sha256">;

/** One object to be sent. */
interface Sending {
  readonly key: ObjectKey;
  readonly size: number;
  readonly kind: ObjectKind;
  /** For people. */
  readonly what: string;
  /** How, if not just so. */
  readonly put?: Put;
  readonly check?: PrefixCheck | undefined;
  /** Reads the segment as it goes out. */
  readonly scan?: SendScan | undefined;
  /** Reads the open segment as it goes out: nothing else than what was seen takes effect. */
  readonly seen?: OpenScan;
  /** What the put is to fail with when the scan finds that the segment isn't whole. If left out, it is stored all the same. */
  readonly notWhole?: Error;
}

/** Whether a failure means that a listed file isn't there any more. */
export function isVanished(error: unknown): boolean {
  return error instanceof AxonServerError && error.kind === "vanished";
}

async function named(key: ObjectKey, put: Promise<StoredObject>): Promise<StoredObject> {
  try {
    return await put;
  } catch (error) {
    if (!isSinkError(error)) throw error;
    throw new SinkError(error.kind, `put ${key}: ${error.message}`, {
      cause: error,
      ...(error.remedy && { remedy: error.remedy }),
    });
  }
}

/** Compares what the sink says that it holds with what was sent. */
function confirm(key: ObjectKey, sent: Pick<ClosedFile, "size" | "sha256">, stored: StoredObject): void {
  const { checksum } = stored;
  const otherHash = checksum?.algorithm === "sha256" && checksum.value !== sent.sha256;
  if (stored.size === sent.size && !otherHash) return;
  const found = stored.size === sent.size ? `another checksum` : `${stored.size} bytes`;
  throw new EngineError(
    "failed",
    `put ${key}: ${sent.size} bytes were sent, but the sink holds ${found}`,
    "The storage doesn't keep what it is given. Nothing was committed. Run `axon-backup check`.",
  );
}

function changedMeanwhile(path: string): EngineError {
  return new EngineError(
    "failed",
    `${path} has changed since its end was looked for: what was seen there isn't there any more`,
    "The server has crashed and lost what wasn't synced, most likely. Nothing was replaced; the next run compares its history.",
  );
}

function changedFile(path: string, key: ObjectKey): EngineError {
  return new EngineError(
    "diverged",
    `${path} is not the file that was backed up as ${key}: its bytes differ`,
    "The server's history has changed, or its file is damaged. The copy on the sink was not replaced.",
  );
}
