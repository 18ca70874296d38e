import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { EngineError } from "../errors.js";
import { errorCode, syncDirectory } from "./disk.js";
import { type Journal, readJournal, writeJournal } from "./journal.js";
import {
  findLeftovers,
  forgetWorking,
  isAtWork,
  type Leftover,
  type Lying,
  locked,
  removeWorking,
  requireOnlyPlaced,
  takingName,
  WORKING,
} from "./leftovers.js";
import { requireOldStore, requireUnused } from "./old-store.js";

/** What a restore may do with what lies in its target. */
export interface Reuse {
  /** Go on with what a restore that was cut off has left. What this one has fetched stays when it is cut off itself. */
  readonly resume: boolean;
  /** Turn an old store that is there into the restored one. */
  readonly delta: boolean;
  /** The contexts that are restored. */
  readonly contexts: ReadonlySet<string>;
}

/**
 * Prepares a directory in which something lies for a restore that may use it.
 * @param make makes the working directory, if there is none to be taken over
 * @returns the journal that is in the working directory now, and whether that was another restore's
 * @throws EngineError `usage` when something else lies there: nothing was touched then; `locked` when a restore is at work there
 */
export async function takeOver(
  directory: string,
  journal: Journal,
  reuse: Reuse,
  make: (journal: Journal) => Promise<void>,
): Promise<{ readonly journal: Journal; readonly taken: boolean }> {
  const lying = await findLeftovers(directory);
  const taken = lying.leftovers.filter(isResumable).sort(workingFirst)[0];
  const earlier = lying.leftovers.find(({ journal: left }) => left?.delta !== undefined)?.journal?.delta;
  if (!reuse.delta && earlier === undefined) await requireOnlyPlaced(directory, lying);
  const isDelta = reuse.delta || earlier !== undefined || lying.others.length > 0;
  if (isDelta) {
    await requireOldStore(directory, lying.others, reuse.contexts);
    await requireUnused(directory);
  }

  const delta = taken?.journal.delta === "replacing" || isMixture(lying) ? "replacing" : "preparing";
  const own: Journal = isDelta ? { ...journal, delta } : journal;
  if (taken) await take(directory, taken, own);
  else await make(own);
  for (const leftover of lying.leftovers)
    if (leftover !== taken)
      if (leftover.journal) await forgetWorking(directory, leftover.name);
      else await removeWorking(directory, leftover.name);
  return { journal: own, taken: taken !== undefined };
}

type Resumable = Leftover & { readonly journal: Journal };

function isResumable(leftover: Leftover): leftover is Resumable {
  return leftover.journal !== undefined && isAtWork(leftover.name);
}

function workingFirst(a: Leftover, b: Leftover): number {
  return Number(b.name === WORKING) - Number(a.name === WORKING);
}

/** Whether a restore to the empty directory was cut off between its first and its last rename. One that takes its working directory away is whole. */
function isMixture({ leftovers, others }: Lying): boolean {
  return (
    others.length > 0 &&
    leftovers.some(({ name, journal }) => isAtWork(name) && (journal?.entries.length ?? 0) > 0)
  );
}

/** Makes a dead restore's working directory this one's. Its name changes first: two processes may have found the same one. */
async function take(directory: string, { name, journal: dead }: Resumable, own: Journal): Promise<void> {
  const taking = join(directory, takingName(own.nonce));
  try {
    await rename(join(directory, name), taking);
    const found = await readJournal(taking);
    if (found?.nonce !== dead.nonce) {
      await rename(taking, join(directory, name));
      throw locked(directory, found ?? dead);
    }
    await mkdir(join(taking, "tree"), { recursive: true, mode: 0o700 });
    await writeJournal(taking, own);
    await rename(taking, join(directory, WORKING));
    await syncDirectory(directory);
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errorCode(error) ?? "")) throw error;
    throw new EngineError(
      "locked",
      `another restore began in ${directory} at the same moment`,
      "Wait for it, or restore elsewhere.",
      error,
    );
  }
}
