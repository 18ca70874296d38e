import { randomBytes } from "node:crypto";
import { SCRATCH } from "@axon-backup/core";
import { bytesSource, isSinkError, joinKey, type ObjectKey, readAll, type Sink } from "@axon-backup/sink";
import { type CaseResult, runContract, shortContractCases } from "@axon-backup/sink-testkit";
import { capabilities, type Capability } from "./capabilities.js";
import type { ClockReading } from "./clocks.js";
import { firstAnswer, type Waiting } from "./first-answer.js";
import { ownScratch, removeDeadScratch, removeScratch } from "./scratch.js";

/** Milliseconds after which a call counts as hanging. */
const PATIENCE = 30_000;

/** What a check of a storage needs. */
export interface SinkCheckOptions {
  /** The sink as the plugin opened it: without retries, which would hide what the storage does. */
  readonly sink: Sink;
  /** Another connection to the same storage. */
  readonly reopen: () => Promise<Sink>;
  /** How many calls at a time the storage takes well. */
  readonly connections: number;
  readonly waiting: Waiting;
}

/** What was found out. */
export interface SinkCheck {
  readonly capabilities: readonly Capability[];
  /** Why not everything could be tried; null when it was. */
  readonly reservation: { readonly message: string; readonly remedy: string } | null;
  /** Whether the storage keeps what is replaced or deleted as a version, as far as it tells. */
  readonly keepsVersions: boolean;
  /** The storage's clock, when it wrote the first object; null when it doesn't tell. */
  readonly clock: ClockReading | null;
  /** What couldn't be tidied up: this check's objects, or those of checks that were killed. The verdict stands all the same. */
  readonly untidy: readonly Untidy[];
}

/** Objects of checks that stay on the sink. */
export interface Untidy {
  /** What their keys begin with. */
  readonly prefix: string;
  readonly error: unknown;
}

/**
 * Tries the contract's short form on the real storage, below a prefix of its own that is removed afterwards, also when interrupted. Removes what
 * checks that were killed have left. What the repository has is neither read nor touched.
 * @throws SinkError when nothing can be stored
 */
export async function checkSink(options: SinkCheckOptions): Promise<SinkCheck> {
  const { sink, waiting } = options;
  const { signal } = waiting;
  const prefix = ownScratch();
  const { denied, clock, keepsVersions } = await firstAnswer("the storage", waiting, (inTime) =>
    tryToDelete(sink, prefix, inTime),
  );
  if (denied !== undefined) return { ...withoutDelete(denied, clock), keepsVersions };
  const dead = await trouble(SCRATCH, () => removeDeadScratch(sink, signal));
  signal.throwIfAborted();
  const results: CaseResult[] = [];
  try {
    // There as long as the check: what it leaves when it is killed, empty directories for instance, is found by it.
    await sink.put(joinKey(`${prefix}running`), bytesSource(""), { signal });
    for await (const result of runContract(sink, {
      prefix,
      cases: shortContractCases,
      reopen: options.reopen,
      concurrency: Math.max(1, Math.min(4, options.connections)),
      patience: PATIENCE,
      signal,
    }))
      results.push(result);
  } catch (error) {
    // What ended the check is what is reported, whatever becomes of its objects.
    for (const { error: why } of await trouble(prefix, () => removeScratch(sink, prefix)))
      waiting.say(
        `objects below ${prefix} stay on the sink: ${why instanceof Error ? why.message : String(why)}`,
      );
    throw error;
  }
  const own = await trouble(prefix, () => removeScratch(sink, prefix));
  return {
    capabilities: capabilities(results),
    reservation: null,
    keepsVersions,
    clock,
    untidy: [...dead, ...own],
  };
}

/** Whatever goes wrong in tidying up says nothing of what was found out. */
async function trouble(prefix: string, tidy: () => Promise<void>): Promise<readonly Untidy[]> {
  try {
    await tidy();
    return [];
  } catch (error) {
    return [{ prefix, error }];
  }
}

/**
 * Stores one object, looks at it, reads it back and deletes it. On storage that keeps everything, hundreds of objects that can't be removed would be a poor
 * present.
 * @returns the refusal to delete, if there is one, whether versions are kept, and the storage's clock
 */
async function tryToDelete(
  sink: Sink,
  prefix: string,
  signal: AbortSignal,
): Promise<Pick<SinkCheck, "clock" | "keepsVersions"> & { readonly denied: Error | undefined }> {
  const key = joinKey(`${prefix}first`);
  // An interrupted check must not leave its object behind.
  const remove = () => sink.delete(key, { signal: AbortSignal.timeout(PATIENCE) });
  let clock: ClockReading | null = null;
  let keepsVersions: boolean;
  try {
    const asked = new Date();
    const stored = await sink.put(key, bytesSource(randomBytes(1000)), { signal });
    keepsVersions = stored.staysAsVersion === true;
    const answered = new Date();
    const modified = await modifiedOf(sink, key, signal);
    if (modified !== undefined) clock = { time: modified, asked, answered };
    await readAll(sink.get(key, { signal }));
  } catch (error) {
    await remove().catch(() => undefined);
    throw error;
  }
  try {
    await remove();
    return { denied: undefined, clock, keepsVersions };
  } catch (error) {
    if (isSinkError(error, "denied")) return { denied: error, clock, keepsVersions };
    throw error;
  }
}

/** When the storage wrote an object, if it tells. What is wrong with the call, the contract's cases find out. */
async function modifiedOf(sink: Sink, key: ObjectKey, signal: AbortSignal): Promise<Date | undefined> {
  try {
    return (await sink.stat(key, { signal })).modified;
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function withoutDelete(refused: Error, clock: ClockReading | null): Omit<SinkCheck, "keepsVersions"> {
  return {
    clock,
    capabilities: [
      { capability: "write and read", can: "yes", detail: "one object was stored and read", remedy: null },
      {
        capability: "delete",
        can: "no",
        detail: `refused: ${refused.message}`,
        remedy:
          "Right for storage that must keep everything; retention can't remove old restore points there then.",
      },
    ],
    reservation: {
      message: "nothing can be deleted there, so the rest wasn't tried, and one small object stays",
      remedy:
        "To try everything, run `check` against a place beside it with the same settings and the right to delete.",
    },
    untidy: [],
  };
}
