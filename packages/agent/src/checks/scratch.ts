import { randomBytes } from "node:crypto";
import { parseScratch, SCRATCH, type Scratch, scratchPrefix } from "@axon-backup/core";
import {
  bytesSource,
  isSinkError,
  machineOf,
  type ObjectKey,
  objectKey,
  processStateOn,
  type Sink,
  thisProcess,
} from "@axon-backup/sink";

/** After so many milliseconds a check is dead, wherever it ran: none takes a tenth of it. */
const OLD = 60 * 60 * 1000;
/** How many objects are removed at a time. */
const AT_ONCE = 8;
/** How long the removal of what a check has stored may take, in milliseconds, when nobody waits for it any more. */
const PATIENCE = 20_000;

/** A place of our own on a sink. */
export function ownScratch(now = new Date()): string {
  // The key's grammar has room for eight digits.
  const machine = machineOf(thisProcess()).slice(0, 8);
  return scratchPrefix({ started: now, machine, pid: process.pid }, randomBytes(4).toString("hex"));
}

/** Removes what checks that are dead left on the sink. */
export async function removeDeadScratch(sink: Sink, signal: AbortSignal, now = new Date()): Promise<void> {
  const dead = new Set<string>();
  for await (const { key } of sink.list(SCRATCH, { signal })) {
    const scratch = parseScratch(key);
    if (scratch !== undefined && isDead(scratch, now)) dead.add(scratch.prefix);
  }
  for (const prefix of dead) await removeAll(sink, prefix, signal);
}

/** Removes everything below a prefix of ours. Not ended by the signal that may have ended the check. */
export async function removeScratch(sink: Sink, prefix: string): Promise<void> {
  await removeAll(sink, prefix, AbortSignal.timeout(PATIENCE));
}

async function removeAll(sink: Sink, prefix: string, signal: AbortSignal): Promise<void> {
  let batch: ObjectKey[] = [];
  const failures: unknown[] = [];
  const flush = async (): Promise<void> => {
    for (const ended of await Promise.allSettled(batch.map((key) => sink.delete(key, { signal }))))
      if (ended.status === "rejected") failures.push(ended.reason);
    signal.throwIfAborted();
    batch = [];
  };
  for await (const { key } of sink.list(prefix, { signal })) {
    batch.push(key);
    if (batch.length >= AT_ONCE) await flush();
  }
  await flush();
  // What stays is to be as little as possible: the others are gone all the same.
  if (failures.length > 0) throw failures[0];
  await removeFolder(sink, objectKey(prefix.slice(0, -1)), signal);
}

/**
 * Storage with directories keeps them, empty. An object of the same name takes their place, and goes. Where the old versions of objects are kept, the
 * directory isn't empty, and refuses: then nothing is to be tidied up that anybody sees.
 */
async function removeFolder(sink: Sink, folder: ObjectKey, signal: AbortSignal): Promise<void> {
  try {
    await sink.put(folder, bytesSource(""), { signal });
  } catch (error) {
    if (!isSinkError(error)) throw error;
    return;
  }
  await sink.delete(folder, { signal });
}

function isDead({ machine, pid, started }: Scratch, now: Date): boolean {
  return now.getTime() - started.getTime() > OLD || processStateOn(machine, pid, null) === "dead";
}
