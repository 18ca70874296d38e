import {
  type ByteRange,
  type CallOptions,
  type ConditionalPut,
  exactly,
  type ObjectKey,
  type Sink,
  SINK_METHODS,
  SinkError,
  type SinkMethod,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";

/** What is stored, shared by all connections to it. */
export type MemoryStorage = Map<ObjectKey, MemoryObject>;

export interface MemoryObject {
  readonly bytes: Uint8Array;
  readonly version: string;
  readonly modified: Date;
}

export type CallCounts = Readonly<Record<SinkMethod, number>>;

const CHUNK_BYTES = 64 * 1024;
let versions = 0;

/** A sink in memory, for tests: keeps the whole contract except that its memory grows with what it holds. Has every capability. */
export class MemorySink implements Sink {
  readonly conditional: ConditionalPut;
  readonly #calls = new Map<SinkMethod, number>();

  /** @param storage what to work on: give one sink's to another for a second connection */
  constructor(readonly storage: MemoryStorage = new Map()) {
    this.conditional = {
      ifAbsent: (key, source, options) =>
        this.#put("ifAbsent", key, source, options, (old) => {
          if (old !== undefined) throw new SinkError("conflict", `${key} exists already`);
        }),
      ifUnchanged: (key, version, source, options) =>
        this.#put("ifUnchanged", key, source, options, (old) => {
          if (old?.version !== version) throw new SinkError("conflict", `${key} has changed`);
        }),
    };
  }

  /** How often each method was called. */
  get calls(): CallCounts {
    return Object.fromEntries(
      SINK_METHODS.map((method) => [method, this.#calls.get(method) ?? 0]),
    ) as CallCounts;
  }

  put(key: ObjectKey, source: Source, options?: CallOptions): Promise<StoredObject> {
    return this.#put("put", key, source, options, () => undefined);
  }

  async *get(
    key: ObjectKey,
    { range, signal }: CallOptions & { readonly range?: ByteRange } = {},
  ): AsyncGenerator<Uint8Array, void, void> {
    await this.#called("get", signal);
    const { bytes } = this.#object(key);
    const from = range?.offset ?? 0;
    if (from > bytes.byteLength)
      throw new SinkError("range", `byte ${from} is beyond the end of ${key}, which has ${bytes.byteLength}`);
    const to = Math.min(bytes.byteLength, from + (range?.length ?? bytes.byteLength));
    for (let at = from; at < to; at += CHUNK_BYTES) {
      signal?.throwIfAborted();
      yield new Uint8Array(bytes.subarray(at, Math.min(to, at + CHUNK_BYTES)));
    }
  }

  async stat(key: ObjectKey, { signal }: CallOptions = {}): Promise<StoredObject> {
    await this.#called("stat", signal);
    return stored(key, this.#object(key));
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<StoredObject, void, void> {
    await this.#called("list", signal);
    for (const [key, object] of [...this.storage]) {
      signal?.throwIfAborted();
      if (key.startsWith(prefix)) yield stored(key, object);
    }
  }

  async delete(key: ObjectKey, { signal }: CallOptions = {}): Promise<void> {
    await this.#called("delete", signal);
    this.storage.delete(key);
  }

  async extend(
    key: ObjectKey,
    keep: number,
    source: Source,
    { signal }: CallOptions = {},
  ): Promise<StoredObject> {
    await this.#called("extend", signal);
    const { bytes } = this.#object(key);
    if (bytes.byteLength < keep)
      throw new SinkError("range", `${key} has ${bytes.byteLength} bytes, and ${keep} were to be kept`);
    return this.#set(key, Buffer.concat([bytes.subarray(0, keep), await collect(source, signal)]));
  }

  async removeLeftovers({ signal }: CallOptions = {}): Promise<number> {
    await this.#called("removeLeftovers", signal);
    return 0;
  }

  async freeBytes({ signal }: CallOptions = {}): Promise<number> {
    await this.#called("freeBytes", signal);
    return 2 ** 40;
  }

  async close(): Promise<void> {
    await this.#called("close");
  }

  /** Collects the source first; then the condition and the change are one step, as nothing is awaited between them. */
  async #put(
    method: SinkMethod,
    key: ObjectKey,
    source: Source,
    { signal }: CallOptions = {},
    check: (old: MemoryObject | undefined) => void,
  ): Promise<StoredObject> {
    await this.#called(method, signal);
    const bytes = await collect(source, signal);
    check(this.storage.get(key));
    return this.#set(key, bytes);
  }

  #set(key: ObjectKey, bytes: Uint8Array): StoredObject {
    const object = { bytes, version: `v${++versions}`, modified: new Date() };
    this.storage.set(key, object);
    return stored(key, object);
  }

  #object(key: ObjectKey): MemoryObject {
    const object = this.storage.get(key);
    if (object === undefined) throw new SinkError("not-found", `${key} doesn't exist`);
    return object;
  }

  // Counts at once; every call then takes a turn of the event loop, as it would with real storage.
  #called(method: SinkMethod, signal?: AbortSignal): Promise<void> {
    this.#calls.set(method, (this.#calls.get(method) ?? 0) + 1);
    return Promise.resolve().then(() => signal?.throwIfAborted());
  }
}

/** A new sink in memory. */
export function memorySink(storage?: MemoryStorage): MemorySink {
  return new MemorySink(storage);
}

function stored(key: ObjectKey, { bytes, version, modified }: MemoryObject): StoredObject {
  return { key, size: bytes.byteLength, version, modified };
}

async function collect(source: Source, signal?: AbortSignal): Promise<Uint8Array> {
  const bytes = new Uint8Array(source.size);
  let size = 0;
  for await (const chunk of exactly(source, signal)) {
    bytes.set(chunk, size);
    size += chunk.byteLength;
  }
  return bytes;
}
