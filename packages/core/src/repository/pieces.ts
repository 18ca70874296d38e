import { isSinkError, joinKey, type ObjectKey, type Sink } from "@axon-backup/sink";
import { type GetOptions, decorate, type WithCapabilitiesOf } from "../sinks/decorate.js";
import { CONTEXTS, PIECES } from "./layout.js";
import type { OpenSegment } from "./manifest.js";

// The copy of an open segment that can't be extended goes on in pieces: objects of their own, each named by where in the segment it begins. A piece at 5000 begins where what comes before it ends: so
// that they are found from each other, whatever has become of the copy since. If that was put whole meanwhile, with all that they have, they aren't asked for.

/** The key of the piece of a copy that begins at this byte of the segment. */
export function pieceKey(copy: ObjectKey, offset: number): ObjectKey {
  return joinKey(`${PIECES}${copy.slice(CONTEXTS.length)}`, String(offset));
}

/** The copy that a piece is of, and where it begins; undefined for what isn't one of ours. */
export function pieceOf(key: ObjectKey): { readonly copy: string; readonly offset: number } | undefined {
  const [, copy = "", offset = ""] = /^pieces\/(.+\.(?:events|snapshots))\/([1-9]\d{0,15})$/.exec(key) ?? [];
  return copy === "" ? undefined : { copy: `${CONTEXTS}${copy}`, offset: Number(offset) };
}

/** The pieces that a copy goes on in, each with its size in bytes. */
export function piecesOf(
  copy: ObjectKey,
  { validBytes, pieces = [] }: Pick<OpenSegment, "validBytes" | "pieces">,
): { readonly key: ObjectKey; readonly size: number }[] {
  return pieces.map((offset, index) => ({
    key: pieceKey(copy, offset),
    size: (pieces[index + 1] ?? validBytes) - offset,
  }));
}

/** The sizes of pieces, by their keys. */
export type PieceSizes = ReadonlyMap<ObjectKey, number>;

/** Bytes that there are of a copy with the pieces that it goes on in. @param size of the copy itself */
export function sizeWithPieces(copy: ObjectKey, size: number, pieces: PieceSizes): number {
  for (let at = size; ;) {
    const piece = at > 0 ? pieces.get(pieceKey(copy, at)) : undefined;
    if (piece === undefined || piece === 0) return at;
    at += piece;
  }
}

/**
 * The sink, for those who read copies of open segments: `get` of the first bytes of one gives what its pieces have, too, when the copy itself has fewer. Everything else is as it was; a range that doesn't
 * begin with the first byte, or has no length, is of the object alone.
 */
export function withPieces<S extends Sink>(sink: S): WithCapabilitiesOf<S> {
  return decorate(sink, {
    get: ({ key }, options, next) =>
      options.range?.offset === 0 && key.startsWith(CONTEXTS)
        ? readOn(sink, key, options, next)
        : next(options),
  });
}

async function* readOn(
  sink: Sink,
  copy: ObjectKey,
  options: GetOptions,
  next: (options: GetOptions) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const length = options.range?.length ?? 0;
  let at = 0;
  for await (const chunk of next(options)) {
    at += chunk.byteLength;
    yield chunk;
  }
  while (at > 0 && at < length) {
    const before = at;
    for await (const chunk of pieceOrCopy(sink, copy, at, {
      ...options,
      range: { offset: 0, length: length - at },
    })) {
      at += chunk.byteLength;
      yield chunk;
    }
    if (at === before) return;
  }
}

/** The piece that begins here; or, if there is none, what the copy itself has from here: it may have been put whole since, and its pieces removed. */
async function* pieceOrCopy(
  sink: Sink,
  copy: ObjectKey,
  at: number,
  options: GetOptions & { readonly range: { readonly length: number } },
): AsyncGenerator<Uint8Array> {
  try {
    yield* sink.get(pieceKey(copy, at), options);
    return;
  } catch (error) {
    if (!isSinkError(error, "not-found")) throw error;
  }
  try {
    yield* sink.get(copy, { ...options, range: { offset: at, length: options.range.length } });
  } catch (error) {
    // It is shorter than it was.
    if (!isSinkError(error, "range")) throw error;
  }
}
