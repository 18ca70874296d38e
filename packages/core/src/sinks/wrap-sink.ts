import type { Sink, SinkLog } from "@axon-backup/sink";
import {
  attemptAgain,
  Attempts,
  DEFAULT_RETRIES,
  type RetriedCall,
  type RetryEvent,
  type RetryPolicy,
} from "./attempts.js";
import { bandwidth, type BandwidthLimits } from "./bandwidth.js";
import { type Clock, systemClock } from "./clock.js";
import { connections } from "./connections.js";
import { counting, type SinkCounters } from "./counters.js";
import type { WithCapabilitiesOf } from "./decorate.js";
import { logging } from "./logging.js";
import { retry } from "./retry.js";
import { stallTimeout } from "./stall.js";
import { Supervisor } from "./supervisor.js";

/** How a sink is used. */
export interface SinkPolicy {
  /** Calls at a time, from 1. */
  readonly connections: number;
  /** Bytes per second. */
  readonly limits: BandwidthLimits;
  /** Milliseconds in which something must move in a call. */
  readonly stall: number;
  readonly retries: RetryPolicy;
}

/** For storage that nothing better is known of. */
export const DEFAULT_POLICY: SinkPolicy = {
  connections: 4,
  limits: {},
  stall: 60_000,
  retries: DEFAULT_RETRIES,
};

/** Who is told of what a sink does; and, for tests, what time and chance are. */
export interface SinkHooks {
  readonly onRetry?: (event: RetryEvent) => void;
  readonly onRetried?: (call: RetriedCall) => void;
  readonly log?: SinkLog;
  readonly counters?: SinkCounters;
  readonly clock?: Clock;
  readonly random?: () => number;
}

/**
 * A plugin's sink as the engine uses it. The order, from outside in, and why it is this one:
 *
 * 1. **counters**: one call of the engine is one call, however often it was tried, and its duration is what the engine waited.
 * 2. **logging**: the same, in words.
 * 3. **retry**: outside of all that follows, so that a call that waits for its next attempt holds no connection, and each attempt is limited and
 *    watched like the first.
 * 4. **connections**: outside of the stall time-out, so that waiting for a connection is no stall.
 * 5. **bandwidth**: inside of `connections`, so that only calls that have one share the rate; inside of `retry`, so that what is sent again is
 *    held to it; outside of the stall time-out, so that waiting for the rate is no stall: to what is inside, it is a slow source or consumer.
 * 6. **stall time-out**: innermost, where the time that it counts is the storage's alone.
 */
export function wrapSink<S extends Sink>(
  sink: S,
  policy: SinkPolicy = DEFAULT_POLICY,
  hooks: SinkHooks = {},
): WithCapabilitiesOf<S> {
  const { clock = systemClock, log, counters } = hooks;
  const fromInsideOut: readonly ((inner: Sink) => Sink)[] = [
    (inner) => stallTimeout(inner, policy.stall, clock),
    (inner) => (isLimited(policy.limits) ? bandwidth(inner, policy.limits, clock) : inner),
    (inner) => connections(inner, policy.connections),
    (inner) => retry(inner, retryOptions(policy, hooks)),
    (inner) => (log ? logging(inner, log, clock) : inner),
    (inner) => (counters ? counting(inner, counters, clock) : inner),
  ];
  // Each decorator keeps the optional methods that are there; the compiler can't see that of all of them in a row.
  return fromInsideOut.reduce<Sink>((inner, decorator) => decorator(inner), sink) as WithCapabilitiesOf<S>;
}

function isLimited({ upload, download }: BandwidthLimits): boolean {
  return upload !== undefined || download !== undefined;
}

/**
 * Opens a sink and wraps it. Opening is retried, and watched for stalls, like a call: a server that is away for a moment is no reason to fail. A
 * sink that is there only after its opening was given up is closed again.
 */
export async function openSink<S extends Sink>(
  open: (signal: AbortSignal) => Promise<S>,
  policy: SinkPolicy = DEFAULT_POLICY,
  hooks: SinkHooks = {},
  signal?: AbortSignal,
): Promise<WithCapabilitiesOf<S>> {
  const { clock = systemClock } = hooks;
  const attempts = new Attempts({ method: "open", key: undefined }, signal, retryOptions(policy, hooks));
  const sink = await attemptAgain(attempts, async () => {
    const supervisor = new Supervisor(
      policy.stall,
      clock,
      signal,
      () => `opening stalled: no answer for ${policy.stall / 1000} s`,
    );
    const opening = open(supervisor.signal);
    try {
      return await supervisor.step(opening);
    } catch (error) {
      // Nobody has it, and nobody hears of its failures any more.
      opening.then((late) => late.close()).catch(() => undefined);
      throw error;
    } finally {
      supervisor.end();
    }
  });
  return wrapSink(sink, policy, hooks);
}

function retryOptions(policy: SinkPolicy, { onRetry, onRetried, counters, clock, random }: SinkHooks) {
  return {
    policy: policy.retries,
    ...(clock && { clock }),
    ...(random && { random }),
    ...(onRetried && { onRetried }),
    onRetry: (event: RetryEvent): void => {
      if (event.method !== "open") counters?.retried(event.method);
      onRetry?.(event);
    },
  };
}
