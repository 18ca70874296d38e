import {
  AxonServerError,
  type ControlDbFile,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
} from "@axon-backup/axon-server";
import {
  isSinkError,
  type ObjectKey,
  type ObjectKind,
  type PutOptions,
  type Sink,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { LargeGate } from "../at-once.js";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import type { ClosedFile, OpenSegment, StoredControlDb } from "../repository/manifest.js";
import { hashedFileSource, hashPrefix, type PrefixCheck } from "../sinks/hashing.js";
import { withHandle } from "../with-handle.js";
import type { CapturedOpen } from "./model.js";
import { MovedBytes } from "./moved-bytes.js";
import { SendScan } from "./send-scan.js";

/** Sends files to one sink, hashing the bytes that go out, and believes nothing that the sink doesn't confirm. */
export class Transfer {
  #objects = 0;
  #bytes = 0;
  readonly #large: LargeGate;

  constructor(
    private readonly source: ServerSource,
    private readonly sink: Sink,
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

  /** Stores a closed file, whole. With `expected`, it must be the same bytes as then: the object that stands is not replaced by others. */
  async closedFile(
    key: ObjectKey,
    file: SourceFile,
    expected: ClosedFile | undefined,
    signal: AbortSignal,
  ): Promise<ClosedFile> {
    return this.#withFile(file, async (handle) => {
      const changed = (): Error => changedFile(file.path, key);
      if (expected && handle.size !== expected.size) throw changed();
      const scan = file.name.kind === "segment" ? new SendScan(file.name.segment, handle.size) : undefined;
      const sent = await this.#send(handle, file.path, signal, {
        key,
        size: handle.size,
        kind: scan ? "closed-segment" : "index",
        what: expected ? "repaired" : "new",
        check: expected && { bytes: expected.size, sha256: expected.sha256, mismatch: changed },
        scan,
      });
      const found = scan?.end();
      if (found?.problem !== undefined) this.#warn(`${file.path}: ${found.problem}`);
      return {
        name: file.name.name,
        ...sent,
        ...(found?.nextToken !== undefined && { nextToken: found.nextToken }),
      };
    });
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
        check: previous && {
          bytes: previous.validBytes,
          sha256: previous.sha256,
          mismatch: () => changedFile(file.path, key),
        },
      });
      return { ...state, sha256 };
    });
  }

  async controlDb(key: ObjectKey, file: ControlDbFile, signal: AbortSignal): Promise<StoredControlDb> {
    return this.#withFile(file, async (handle) => {
      const sending = { key, size: handle.size, kind: "control-db", what: "control DB" } as const;
      return { name: file.name, ...(await this.#send(handle, file.path, signal, sending)) };
    });
  }

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
    { key, size, kind, what, check, scan }: Sending,
  ): Promise<{ readonly size: number; readonly sha256: string }> {
    const moved = new MovedBytes(this.name, this.observer);
    const source = hashedFileSource(handle, path, size, {
      check,
      onStart: () => {
        moved.takeBack();
        scan?.start();
      },
      onChunk: (chunk) => {
        scan?.push(chunk);
        moved.add(chunk.byteLength);
      },
    });
    let sha256: string;
    try {
      const stored = await put(this.sink, key, source, { signal, kind });
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

/** One object to be sent. */
interface Sending {
  readonly key: ObjectKey;
  readonly size: number;
  readonly kind: ObjectKind;
  /** For people. */
  readonly what: string;
  readonly check?: PrefixCheck | undefined;
  /** Reads the segment as it goes out. */
  readonly scan?: SendScan | undefined;
}

/** Whether a failure means that a listed file isn't there any more. */
export function isVanished(error: unknown): boolean {
  return error instanceof AxonServerError && error.kind === "vanished";
}

async function put(sink: Sink, key: ObjectKey, source: Source, options: PutOptions): Promise<StoredObject> {
  try {
    return await sink.put(key, source, options);
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

function changedFile(path: string, key: ObjectKey): EngineError {
  return new EngineError(
    "diverged",
    `${path} is not the file that was backed up as ${key}: its bytes differ`,
    "The server's history has changed, or its file is damaged. The copy on the sink was not replaced.",
  );
}
