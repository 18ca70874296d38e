import {
  type CallOptions,
  isSinkError,
  SinkError,
  type SinkErrorKind,
  type SinkMethod,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";

/** What fails: a SinkError of that kind, or this very error. */
export type Failure = SinkErrorKind | Error;

/** What happens to one call. */
export type Fault =
  /** Nothing: the call goes through. */
  | { readonly kind: "pass" }
  /** Rejects, and has done nothing. */
  | { readonly kind: "fail"; readonly error: Failure }
  /** A put, extend or get fails after that many bytes of the source, or of the object. A list: after that many objects. */
  | { readonly kind: "fail-after"; readonly count: number; readonly error: Failure }
  /** The effect happens, and the call rejects nevertheless: an answer that was lost. */
  | { readonly kind: "fail-after-effect"; readonly error: Failure }
  /** Nothing happens until the call's signal is aborted; it then rejects with the reason. */
  | { readonly kind: "hang" }
  /** One bit of the bytes that are put (or read) at this offset is flipped, unnoticed. */
  | { readonly kind: "flip-bit"; readonly offset: number }
  /** The last `missing` bytes of a put are not stored, and the call reports the whole size. */
  | { readonly kind: "short-write"; readonly missing: number };

/** The error of a scripted failure. */
export function failure(error: Failure, method: SinkMethod): Error {
  if (error instanceof Error || isSinkError(error)) return error;
  return new SinkError(error, `${method} fails, as scripted`);
}

/** Rejects with the signal's reason once it is aborted; never, without a signal. */
export function hang(signal: AbortSignal | undefined): Promise<never> {
  return new Promise((_, reject) => {
    const end = (): void => {
      reject(signal?.reason as Error);
    };
    if (signal?.aborted === true) end();
    else signal?.addEventListener("abort", end, { once: true });
  });
}

/** Runs a call that stores a source's bytes under a fault. */
export async function applyToWrite(
  fault: Fault,
  method: SinkMethod,
  source: Source,
  options: CallOptions | undefined,
  run: (source: Source) => Promise<StoredObject>,
): Promise<StoredObject> {
  switch (fault.kind) {
    case "pass":
      return run(source);
    case "fail":
      throw failure(fault.error, method);
    case "fail-after":
      // To the inner sink it is its source that fails: so it leaves what it leaves when it fails itself.
      return run(changed(source, (bytes) => failAfter(bytes, fault.count, failure(fault.error, method))));
    case "fail-after-effect":
      await run(source);
      throw failure(fault.error, method);
    case "hang":
      return hang(options?.signal);
    case "flip-bit":
      return run(changed(source, (bytes) => flipBit(bytes, fault.offset)));
    case "short-write": {
      const size = Math.max(0, source.size - fault.missing);
      const stored = await run({ ...changed(source, (bytes) => take(bytes, size)), size });
      return { ...stored, size: stored.size + source.size - size };
    }
  }
}

/** Runs a call that gives a stream under a fault. `offset` is the place of the stream's first byte in its object. */
export async function* applyToRead<T>(
  find: () => Promise<Fault>,
  method: SinkMethod,
  options: CallOptions | undefined,
  run: () => AsyncIterable<T>,
  { weight, offset }: { readonly weight: (item: T) => number; readonly offset: number },
): AsyncGenerator<T, void, void> {
  const fault = await find();
  if (fault.kind === "hang") await hang(options?.signal);
  if (fault.kind === "fail") throw failure(fault.error, method);
  let count = 0;
  for await (const item of run()) {
    if (fault.kind === "fail-after" && count + weight(item) > fault.count) break;
    yield fault.kind === "flip-bit" && item instanceof Uint8Array
      ? (flipped(item, fault.offset - offset - count) as T & Uint8Array)
      : item;
    count += weight(item);
  }
  if (fault.kind === "fail-after" || fault.kind === "fail-after-effect") throw failure(fault.error, method);
}

function changed(
  source: Source,
  change: (bytes: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>,
): Source {
  return { size: source.size, open: (signal) => change(source.open(signal)) };
}

async function* failAfter(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
  error: Error,
): AsyncGenerator<Uint8Array, void, void> {
  yield* take(bytes, count);
  throw error;
}

async function* take(
  bytes: AsyncIterable<Uint8Array>,
  count: number,
): AsyncGenerator<Uint8Array, void, void> {
  let left = count;
  for await (const chunk of bytes) {
    if (left <= 0) return;
    yield chunk.subarray(0, left);
    left -= chunk.byteLength;
  }
}

async function* flipBit(
  bytes: AsyncIterable<Uint8Array>,
  offset: number,
): AsyncGenerator<Uint8Array, void, void> {
  let at = 0;
  for await (const chunk of bytes) {
    yield flipped(chunk, offset - at);
    at += chunk.byteLength;
  }
}

/** `chunk`, with a bit of its byte at `index` flipped, in a copy; itself if there is no such byte. */
function flipped(chunk: Uint8Array, index: number): Uint8Array {
  const byte = index < 0 ? undefined : chunk[index];
  if (byte === undefined) return chunk;
  const copy = new Uint8Array(chunk);
  copy[index] = byte ^ 1;
  return copy;
}
