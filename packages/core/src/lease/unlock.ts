import { isSinkError, type ProcessIdentity, type Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { WRITER_KEY } from "../repository/layout.js";
import { options } from "../repository/read-optional.js";
import { parseScratch } from "../repository/scratch.js";
import { type Clock, sleep, systemClock } from "../sinks/clock.js";
import { type Holder, newHolder, stateOf, type WriterCommand } from "./holder.js";
import { EXPIRY } from "./lease.js";
import { type Found, readLease, writeLease } from "./lease-object.js";

/** Who holds a repository, and what can be told of him from here. */
export interface Lock {
  /** Null when what is there can't be read. */
  readonly holder: {
    readonly process: ProcessIdentity;
    readonly agent: string;
    /** What it does; undefined where the lock, of an older agent, doesn't tell. */
    readonly command?: WriterCommand;
    /** ISO 8601, by the holder's clock: when the run began, and when it last said that it lives. */
    readonly since: string;
    readonly renewed: string;
  } | null;
  /** When the storage says that it was written. */
  readonly modified: Date | undefined;
  /**
   * Of the process: `dead`, for sure; `alive`, for all that can be known on this machine; `renewing` elsewhere, seen by the lock being written anew;
   * `silent` elsewhere, for longer than a lock lasts, by the clocks or as it was watched; `unknown`, not watched yet.
   */
  readonly state: "dead" | "alive" | "renewing" | "silent" | "unknown";
}

/** A lock as it was found, to be removed if it is still that one. */
export interface FoundLock extends Lock {
  readonly found: Found;
}

export interface LockOptions {
  readonly signal?: AbortSignal;
  readonly now?: () => Date;
  /** For tests: milliseconds that a lock lasts, and the time. */
  readonly expiry?: number;
  readonly clock?: Clock;
}

/** @returns undefined when nobody holds it */
export async function readLock(
  sink: Sink,
  { signal, now = () => new Date(), expiry = EXPIRY }: LockOptions = {},
): Promise<FoundLock | undefined> {
  const found = await readLease(sink, signal);
  if (found === undefined || found.holder?.released === true) return undefined;
  return { ...lockOf(found, now(), expiry), found };
}

/** Watches the lock of a process elsewhere, for as long as it lasts. @returns undefined when it was given back meanwhile */
export async function watchLock(
  sink: Sink,
  lock: FoundLock,
  { signal, now = () => new Date(), expiry = EXPIRY, clock = systemClock }: LockOptions = {},
): Promise<FoundLock | undefined> {
  const step = expiry / 12;
  for (let waited = 0; waited < expiry; waited += step) {
    await sleep(clock, step, signal);
    const found = await readLease(sink, signal);
    if (found === undefined || found.holder?.released === true) return undefined;
    if (!isSame(found, lock.found)) return { ...lockOf(found, now(), expiry), state: "renewing", found };
  }
  return { ...lock, state: "silent" };
}

/**
 * Removes a lock if it is still the one that was found. Whoever had it, and lives after all, finds that out before he changes anything: his run ends.
 * @throws EngineError `locked` when it is another one by now, was renewed, or is held by a process that is seen to live
 */
export async function removeLock(
  sink: Sink,
  { state, found }: FoundLock,
  { signal, now = () => new Date() }: LockOptions = {},
): Promise<void> {
  if (state === "alive" || state === "renewing") throw inUse(found.holder);
  const there = await readLease(sink, signal);
  if (there === undefined) return;
  if (!isSame(there, found)) throw inUse(there.holder);
  try {
    await sink.delete(WRITER_KEY, options(signal));
  } catch (error) {
    if (!isSinkError(error, "denied")) throw error;
    const over: Holder = { ...newHolder(`unlocked ${now().toISOString()}`, "unlock", now()), released: true };
    if ((await writeLease(sink, over, there, signal)) === undefined) throw inUse(undefined);
  }
  // What he had begun to store takes no effect any more.
  await sink.removeLeftovers?.({ others: (place) => parseScratch(place) === undefined, ...options(signal) });
}

function isSame(one: Found, other: Found): boolean {
  return Buffer.compare(one.bytes, other.bytes) === 0;
}

function lockOf({ holder, modified }: Found, now: Date, expiry: number): Lock {
  const state = holder && stateOf(holder);
  const signs = [holder && new Date(holder.renewed), modified].flatMap((sign) => sign ?? []);
  const isOld = signs.length > 0 && signs.every((sign) => now.getTime() - sign.getTime() > expiry);
  return {
    holder: holder
      ? {
          process: holder.process,
          agent: holder.agent,
          ...(holder.command && { command: holder.command }),
          since: holder.since,
          renewed: holder.renewed,
        }
      : null,
    modified,
    state: state === "over" ? "dead" : state === "alive" ? "alive" : isOld ? "silent" : "unknown",
  };
}

function inUse(holder: Holder | undefined): EngineError {
  const who = holder ? `process ${holder.process.pid} on ${holder.process.host}` : "somebody";
  const how = holder ? `, on ${holder.process.host}: kill ${holder.process.pid}` : "";
  if (holder?.command === "run")
    return new EngineError(
      "locked",
      `the lock is in use: the service, ${who}, holds it, and lives`,
      `The service has the lock as long as events come. To do something else with the repository, end it on ${holder.process.host} (systemctl stop axon-backup): it then removes the lock itself.`,
    );
  return new EngineError(
    "locked",
    `the lock is in use: ${who} holds it, and lives`,
    `Wait for the end of that run, or stop it${how}. It then removes the lock itself, and keeps every restore point whole.`,
  );
}
