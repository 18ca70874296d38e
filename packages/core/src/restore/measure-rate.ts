import type { ObjectKey, Sink } from "@axon-backup/sink";
import { SMALL_BYTES } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";

/** Of each of the two kinds of objects: so much is read at most, of so many, in so many milliseconds. */
const SAMPLE_BYTES = 4 * 1024 * 1024;
const SAMPLE_OBJECTS = 64;
const SAMPLE_TIME = 1000;
/** Of one object. */
const PIECE_BYTES = 1024 * 1024;

/** An object that a restore reads. */
export interface Sampled {
  readonly key: ObjectKey;
  /** How many of its bytes. */
  readonly bytes: number;
}

/** What was read to see how fast the sink is. */
export interface Sample {
  readonly objects: number;
  readonly bytes: number;
  readonly milliseconds: number;
}

export interface Measured {
  readonly sample: Sample;
  /** Milliseconds that reading all of the objects takes at this rate. */
  readonly estimate: number;
}

/**
 * Reads a sample of the very objects that a restore would read, side by side as it would, and tells from it how long all of them take. Small objects, where it is the calls that take the time, and
 * large ones, where it is the bytes, are measured apart. At most 8 MiB and about 2 s.
 * @throws SinkError what reading fails with
 */
export async function measureRate(
  sink: Sink,
  objects: readonly Sampled[],
  atOnce: { readonly all: number; readonly large: number },
  signal: AbortSignal | undefined,
): Promise<Measured | undefined> {
  const small = objects.filter(({ bytes }) => bytes > 0 && bytes <= SMALL_BYTES);
  const large = objects.filter(({ bytes }) => bytes > SMALL_BYTES);
  const calls = await readSample(sink, small, atOnce.all, signal);
  const bulk = await readSample(sink, large, atOnce.large, signal);
  const sample: Sample = {
    objects: calls.objects + bulk.objects,
    bytes: calls.bytes + bulk.bytes,
    milliseconds: calls.milliseconds + bulk.milliseconds,
  };
  if ((small.length > 0 && calls.objects === 0) || (large.length > 0 && bulk.bytes === 0)) return undefined;
  const perCall = small.length === 0 ? 0 : calls.milliseconds / calls.objects;
  const perByte = large.length === 0 ? 0 : bulk.milliseconds / bulk.bytes;
  const estimate = perCall * small.length + perByte * large.reduce((sum, { bytes }) => sum + bytes, 0);
  return { sample, estimate };
}

async function readSample(
  sink: Sink,
  objects: readonly Sampled[],
  atOnce: number,
  outer: AbortSignal | undefined,
): Promise<Sample> {
  const chosen = spread(objects, SAMPLE_OBJECTS);
  const began = performance.now();
  const isOver = (): boolean => performance.now() - began >= SAMPLE_TIME;
  // A call that hangs is no reason to wait for it.
  const timeUp = AbortSignal.timeout(SAMPLE_TIME);
  let bytes = 0;
  let count = 0;
  await mapConcurrent(chosen, atOnce, outer, async (object, signal) => {
    if (isOver() || bytes >= SAMPLE_BYTES) return;
    const length = Math.min(object.bytes, PIECE_BYTES);
    try {
      const range = { offset: 0, length };
      for await (const chunk of sink.get(object.key, { signal: AbortSignal.any([signal, timeUp]), range })) {
        bytes += chunk.byteLength;
        if (isOver()) break;
      }
      count++;
    } catch (error) {
      signal.throwIfAborted();
      if (!timeUp.aborted) throw error;
    }
  });
  return { objects: count, bytes, milliseconds: Math.max(performance.now() - began, 0.01) };
}

/** At most `count` of them, from everywhere. */
function spread<Item>(items: readonly Item[], count: number): readonly Item[] {
  if (items.length <= count) return items;
  return items.filter(
    (_, index) =>
      Math.floor((index * count) / items.length) !== Math.floor(((index - 1) * count) / items.length),
  );
}
