import { randomUUID } from "node:crypto";
import { isSinkError, type Sink, type Source } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { WRITER_KEY } from "../repository/layout.js";
import { askedBeforeEnd } from "../sinks/asked-source.js";
import { type Clock, sleep, systemClock } from "../sinks/clock.js";
import { onAbort } from "../sinks/signals.js";
import {
  type Holder,
  holding,
  type LeaseOwner,
  letGo,
  lockedBy,
  lostLease,
  newHolder,
  stateOf,
} from "./holder.js";
import { type Found, readHolder, readLease, writeLease } from "./lease-object.js";

/** Milliseconds without a sign of life after which a holder elsewhere counts as dead. */
export const EXPIRY = 60_000;
/** How often a holder says that it lives, in the time of one expiry. */
const RENEWALS = 3;
/** Milliseconds for giving the lease back: a run that fails or is stopped ends in bounded time. */
const RELEASE_MS = 5000;

export interface LeaseOptions extends LeaseOwner {
  readonly agent: string;
  readonly now: () => Date;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds. Default one minute. */
  readonly expiry?: number | undefined;
  readonly clock?: Clock;
  /** Called when the lease has to be watched for a while. */
  readonly onWait?: (milliseconds: number) => void;
  /** Called when the lease couldn't be given back: it expires by itself. */
  readonly onRelease?: (error: unknown) => void;
}

/**
 * Calls `work` as the only writer of the repository. A second one that comes meanwhile, on whatever machine, gets an error that names the first.
 *
 * The lease is an object on the sink, written anew while it is held. It is taken over from a process that is dead: at once where that can be
 * seen (this machine), else when it hasn't changed for as long as it takes to expire, by the clock of who watches it. No two machines' clocks are
 * compared in order to take something away.
 * @param work gets a signal that is aborted when the lease is lost, and means to make sure of it before what can't be undone
 * @throws EngineError `locked`
 */
export async function withLease<Result>(
  sink: Sink,
  options: LeaseOptions,
  work: (lease: Lease) => Promise<Result>,
): Promise<Result> {
  const lease = await Lease.acquire(sink, options);
  try {
    return await work(lease);
  } catch (error) {
    throw await lease.explain(error);
  } finally {
    await lease.release();
  }
}

export class Lease {
  readonly #lost = new AbortController();
  readonly #clock: Clock;
  readonly #expiry: number;
  readonly #stopOuter: () => void;
  #cancel: () => void = () => undefined;
  #renewal: Promise<void> = Promise.resolve();
  #released = false;
  /** When it was surely held. */
  #held: Moment;

  private constructor(
    private readonly sink: Sink,
    private holder: Holder,
    private readonly options: LeaseOptions,
    asked: Moment,
    /** Whether somebody else had it, and was dead, or seemed so. */
    readonly isTakenOver: boolean,
  ) {
    this.#clock = options.clock ?? systemClock;
    this.#expiry = options.expiry ?? EXPIRY;
    this.#held = asked;
    this.#stopOuter = onAbort(options.signal, (reason) => {
      this.#lost.abort(reason);
    });
    this.#schedule();
  }

  static async acquire(sink: Sink, options: LeaseOptions): Promise<Lease> {
    const { signal, expiry = EXPIRY, clock = systemClock } = options;
    const holder = newHolder(randomUUID(), options.agent, options.now(), options);
    const found = await readLease(sink, signal);
    const instead = found && (await waitForEnd(sink, found, options));
    holding(holder.id);
    try {
      const written = await writeLease(sink, holder, instead, signal);
      const asked = momentOf(clock, options);
      const now = await readHolder(sink, signal);
      if (written === undefined || now?.id !== holder.id) throw lockedBy(now, expiry);
      return new Lease(sink, holder, options, asked, instead !== undefined);
    } catch (error) {
      letGo(holder.id);
      throw error;
    }
  }

  /** Aborted with the run, and when the lease is lost. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /** Resolves if the lease is still held. @throws EngineError `locked` if not */
  async confirm(): Promise<void> {
    await this.#renewal;
    this.signal.throwIfAborted();
    await this.#look();
  }

  /** The same, and asks the storage only if it is long since it was asked. Whoever stood still for long asks. @throws EngineError `locked` */
  async held(): Promise<void> {
    this.signal.throwIfAborted();
    const now = momentOf(this.#clock, this.options);
    const since = Math.max(now.clock - this.#held.clock, now.wall - this.#held.wall);
    if (since > this.#expiry / 2) await this.confirm();
  }

  /** `source`, whose last bytes are given only if the lease is held then. Reading it rejects with EngineError `locked` if it isn't. */
  whileHeld(source: Source): Source {
    return askedBeforeEnd(source, () => this.confirm());
  }

  /** What to report of work that failed: that the lease was lost, if that may be the reason. Whoever has it since may have removed or replaced what was just stored. */
  async explain(error: unknown): Promise<unknown> {
    if (!isSinkError(error) && !(error instanceof EngineError && error.kind === "failed")) return error;
    if (this.signal.aborted) return this.signal.reason;
    try {
      const now = await readHolder(this.sink, AbortSignal.timeout(RELEASE_MS));
      return isHeldBy(this.holder, now) ? error : lostLease(this.holder, now);
    } catch {
      return error;
    }
  }

  /** Never rejects: what was done is done, and a lease that stays is taken over. */
  async release(): Promise<void> {
    this.#released = true;
    this.#cancel();
    this.#stopOuter();
    const signal = AbortSignal.timeout(RELEASE_MS);
    try {
      await this.#renewal;
      if (isHeldBy(this.holder, await readHolder(this.sink, signal))) await this.#remove(signal);
    } catch (error) {
      this.options.onRelease?.(error);
    } finally {
      letGo(this.holder.id);
    }
  }

  async #remove(signal: AbortSignal): Promise<void> {
    try {
      await this.sink.delete(WRITER_KEY, { signal });
    } catch (error) {
      if (!isSinkError(error, "denied")) throw error;
      // Whose rights are so narrow keeps backups safe from himself: that is well done, and no reason to keep others waiting.
      const mine = await readLease(this.sink, signal);
      if (mine?.holder?.id === this.holder.id)
        await writeLease(this.sink, { ...this.holder, released: true }, mine, signal);
    }
  }

  #schedule(): void {
    this.#cancel = this.#clock.after(this.#expiry / RENEWALS, () => {
      this.#renewal = this.#renew().finally(() => {
        if (!this.#released && !this.signal.aborted) this.#schedule();
      });
    });
  }

  /** A storage that can't be reached for a while takes nothing away: it is tried again, and nobody else gets there either. */
  async #renew(): Promise<void> {
    try {
      const asked = momentOf(this.#clock, this.options);
      const found = await readLease(this.sink, this.signal);
      this.#requireMine(found?.holder, asked);
      const renewed = { ...this.holder, renewed: this.options.now().toISOString() };
      if ((await writeLease(this.sink, renewed, found, this.signal)) === undefined) await this.#look();
      this.holder = renewed;
    } catch {
      // Lost, then the signal is aborted; or not reached.
    }
  }

  async #look(): Promise<void> {
    const asked = momentOf(this.#clock, this.options);
    this.#requireMine(await readHolder(this.sink, this.signal), asked);
  }

  #requireMine(holder: Holder | undefined, asked: Moment): void {
    if (isHeldBy(this.holder, holder)) {
      if (asked.clock >= this.#held.clock) this.#held = asked;
      return;
    }
    const lost = lostLease(this.holder, holder);
    this.#lost.abort(lost);
    throw lost;
  }
}

/** By the clock, which doesn't go on while the machine is suspended, and by the time of day, which does, and may be set. */
interface Moment {
  readonly clock: number;
  readonly wall: number;
}

function momentOf(clock: Clock, { now }: Pick<LeaseOptions, "now">): Moment {
  return { clock: clock.now(), wall: now().getTime() };
}

/** Whether this one is there, and wasn't ended by `unlock`. */
function isHeldBy({ id }: Holder, there: Holder | undefined): boolean {
  return there?.id === id && there.released !== true;
}

/** Resolves with what the lease can be written in the place of; undefined when it is gone meanwhile. @throws EngineError `locked` */
async function waitForEnd(
  sink: Sink,
  found: Found,
  { now, signal, expiry = EXPIRY, clock = systemClock, onWait }: LeaseOptions,
): Promise<Found | undefined> {
  const state = found.holder === undefined ? "elsewhere" : stateOf(found.holder);
  if (state === "over") return found;
  const signs = [found.holder && new Date(found.holder.renewed), found.modified];
  const isFresh = signs.some((sign) => sign && Math.abs(now().getTime() - sign.getTime()) < expiry);
  // Whose clock may be wrong: here it only makes an answer come sooner.
  if (state === "alive" || isFresh) throw lockedBy(found.holder, expiry);
  onWait?.(expiry);
  await sleep(clock, expiry, signal);
  const later = await readLease(sink, signal);
  if (later !== undefined && Buffer.compare(later.bytes, found.bytes) !== 0)
    throw lockedBy(later.holder, expiry);
  return later;
}
