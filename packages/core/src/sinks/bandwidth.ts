import type { Sink } from "@axon-backup/sink";
import { type Clock, systemClock } from "./clock.js";
import { changedSource, decorate, type WithCapabilitiesOf } from "./decorate.js";
import { TokenBucket } from "./token-bucket.js";

/** Bytes per second, over all calls of a sink together. Left out: no limit. */
export interface BandwidthLimits {
  readonly upload?: number;
  readonly download?: number;
}

/**
 * Holds the bytes of objects that go to the sink, and that come from it, to a rate. What a storage's protocol adds isn't counted, nor
 * what a sink moves on the storage itself.
 */
export function bandwidth<S extends Sink>(
  inner: S,
  limits: BandwidthLimits,
  clock: Clock = systemClock,
): WithCapabilitiesOf<S> {
  const upload = limits.upload === undefined ? undefined : new TokenBucket(limits.upload, clock);
  const download = limits.download === undefined ? undefined : new TokenBucket(limits.download, clock);
  return decorate(inner, {
    ...(upload && {
      write: (_call, source, options, next) =>
        next(
          changedSource(source, (chunks, signal) => limited(chunks, upload, signal)),
          options,
        ),
    }),
    ...(download && { get: (_call, options, next) => limited(next(options), download, options.signal) }),
  });
}

/** The chunks, in slices of a burst at most, each when it may pass. */
async function* limited(
  chunks: AsyncIterable<Uint8Array>,
  bucket: TokenBucket,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks)
    for (let at = 0; at < chunk.byteLength; at += bucket.burst) {
      const slice = chunk.subarray(at, at + bucket.burst);
      await bucket.take(slice.byteLength, signal);
      yield slice;
    }
}
