import { Diverged } from "../backup/diverged.js";
import { exclusivePuts, storedByAnother } from "../backup/exclusive-puts.js";
import { type Lease, type LeaseOptions, withLease } from "../lease/lease.js";
import { leaseWarnings } from "../lease/warnings.js";
import { restorePointKey } from "../repository/layout.js";
import { parseScratch } from "../repository/scratch.js";
import { options as callOptions } from "../repository/read-optional.js";
import { systemClock } from "../sinks/clock.js";
import { Copies } from "./copies.js";
import { planCycle, runCycle } from "./cycle.js";
import { Ended } from "./ended.js";
import { PutBudget } from "./put-budget.js";
import { beginSession, isCurrent, momentOf, requireGoingOn, type Session } from "./session.js";
import { Settler } from "./settle.js";
import { Settling } from "./settling.js";
import type { FollowEnd, FollowEvent, FollowOptions } from "./types.js";
import { waitForNews } from "./wait.js";

/** Milliseconds without anything new after which the lease is given back. */
const IDLE = 30_000;
/** Complete segments in a head. */
const MANY_SEGMENTS = 256;

/**
 * Keeps one sink up with what is seen of the server, between restore points: new bytes are added to the copies of the open segments, then the head is replaced. When nothing is new, no request is made, and after a while
 * the lease is given back.
 *
 * Resolves when it can't go on without a restore point (or without comparing anew: `changed`). Rejects when something fails, also with the signal's reason: what was committed until then stands, and it can be
 * begun again at any time.
 */
export async function follow(options: FollowOptions): Promise<FollowEnd> {
  try {
    return await new Follower(options).run();
  } catch (error) {
    if (error instanceof Ended) return error.end;
    if (error instanceof Diverged) return { reason: "diverged", message: error.reason };
    throw error;
  }
}

class Follower {
  readonly #now;
  readonly #clock;
  readonly #idle: number;
  readonly #manySegments: number;
  readonly #budget: PutBudget;
  /** By the clock: not before this. */
  #nextCycle = -Infinity;

  constructor(private readonly options: FollowOptions) {
    this.#now = options.now ?? (() => new Date());
    this.#clock = options.clock ?? systemClock;
    this.#idle = options.idle ?? IDLE;
    this.#manySegments = options.manySegments ?? MANY_SEGMENTS;
    this.#budget = new PutBudget(options.maxPutRate, this.#clock);
  }

  /** Ends by throwing alone. */
  async run(): Promise<never> {
    const { signal } = this.options;
    let work = await this.#begin(signal);
    for (;;) {
      await this.#untilThereIsWork(work, signal);
      work = await this.#withLease((lease) => this.#alone(work, lease));
    }
  }

  async #begin(signal: AbortSignal | undefined): Promise<Work> {
    const tools = { ...this.options, warn: this.#warn, manySegments: this.#manySegments };
    const session = await beginSession(tools, signal);
    this.#emit({ kind: "started", stored: momentOf(session) });
    return {
      session,
      copies: new Copies(this.options, this.#budget, this.#warn),
      settler: new Settler(session, this.options, this.#now(), (event) => {
        this.#emit(event);
      }),
    };
  }

  /** Makes no request. */
  async #untilThereIsWork(work: Work, signal: AbortSignal | undefined): Promise<void> {
    const { watch } = this.options;
    for (;;) {
      const { state } = watch;
      requireGoingOn(work.session, state, this.#manySegments);
      const isNew = planCycle(work.session, state, work.copies).length > 0;
      const pause = isNew ? this.#untilCycle() : 0;
      if ((isNew && pause === 0) || work.settler.isDue(work.session, state)) return;
      await waitForNews(watch, state.revision, {
        clock: this.#clock,
        milliseconds: shortest([this.#budget.wait(), pause]),
        signal,
      });
    }
  }

  /** Milliseconds; 0 when a cycle may begin. */
  #untilCycle(): number {
    return Math.max(0, this.#nextCycle - this.#clock.now());
  }

  async #withLease(work: (lease: Lease) => Promise<Work>): Promise<Work> {
    const held = { is: false };
    try {
      return await withLease(this.options.sink, this.#leaseOptions(), (lease) => {
        held.is = true;
        this.#emit({ kind: "lease", held: true });
        return work(lease);
      });
    } finally {
      if (held.is) this.#emit({ kind: "lease", held: false });
    }
  }

  /** Works as long as there is something to do, and a while longer. */
  async #alone(begun: Work, lease: Lease): Promise<Work> {
    const { sink, watch } = this.options;
    const { signal } = lease;
    let settling: Settling | undefined;
    try {
      if (lease.isTakenOver) await removeOthers(sink, signal);
      let work = begun;
      if (!(await isCurrent(work.session, work.session.repository.withSignal(signal))))
        work = await this.#begin(signal);
      await work.copies.lookAtPieces(work.session.contexts, lease);
      const { base, repository } = work.session;
      const exclusive = exclusivePuts(sink, lease, async () => {
        await lease.confirm();
        const newest = (await repository.withSignal(signal).restorePoints()).at(-1);
        if (newest !== base.id) throw storedByAnother(restorePointKey(newest ?? base.id));
      });
      for (let worked = this.#clock.now(); ;) {
        const { state } = watch;
        requireGoingOn(work.session, state, this.#manySegments);
        settling?.throwIfFailed();
        const steps = planCycle(work.session, state, work.copies);
        const pause = steps.length > 0 ? this.#untilCycle() : 0;
        if (steps.length > 0 && pause === 0) {
          const began = this.#clock.now();
          this.#nextCycle = began + (this.options.interval ?? 0);
          const tools = { lease, exclusive, now: this.#now };
          const { session, bytes, objects } = await runCycle(
            this.options,
            work.session,
            state,
            steps,
            work.copies,
            tools,
          );
          work = { ...work, session };
          worked = this.#clock.now();
          this.#emit({
            kind: "cycle",
            stored: momentOf(session),
            bytes,
            objects,
            milliseconds: worked - began,
          });
          continue;
        }
        if (settling?.isOver !== false && work.settler.isDue(work.session, state)) {
          const { settler, session } = work;
          settling = new Settling(signal, (ends) => settler.settle(session, state, exclusive, ends));
          worked = this.#clock.now();
        }
        const left = worked + this.#idle - this.#clock.now();
        if (settling?.isOver !== false && left <= 0) return work;
        await waitForNews(watch, state.revision, {
          clock: this.#clock,
          milliseconds: shortest([left, this.#budget.wait(), pause]),
          signal,
          also: settling?.isOver === false ? settling.running : undefined,
        });
      }
    } finally {
      await settling?.end();
    }
  }

  #leaseOptions(): LeaseOptions {
    const { agent, signal, lease, clock } = this.options;
    return {
      agent,
      command: "run",
      now: this.#now,
      signal,
      ...(clock && { clock }),
      ...lease,
      ...leaseWarnings(this.#warn),
    };
  }

  readonly #warn = (message: string): void => {
    this.#emit({ kind: "warning", message });
  };

  #emit(event: FollowEvent): void {
    this.options.onEvent?.(event);
  }
}

/** What is gone on with, as long as the restore point is the same. */
interface Work {
  readonly session: Session;
  readonly copies: Copies;
  readonly settler: Settler;
}

/** The shortest of these waits that is one; 0 when none is. */
function shortest(waits: readonly number[]): number {
  const real = waits.filter((wait) => wait > 0);
  return real.length > 0 ? Math.min(...real) : 0;
}

/** What a writer that lost the lease had begun takes no effect any more. */
async function removeOthers(sink: FollowOptions["sink"], signal: AbortSignal): Promise<void> {
  const others = (place: string): boolean => parseScratch(place) === undefined;
  await sink.removeLeftovers?.({ others, ...callOptions(signal) });
}
