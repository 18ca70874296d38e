import { isSinkError, type ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import type { Repository } from "../repository/repository.js";
import type { Findings } from "./findings.js";

/** Leaves marks for the next backup. A sink that can't be written to is no reason to withhold what was found. */
export async function mark(
  repository: Repository,
  findings: Findings,
  now: Date,
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = now.toISOString();
  try {
    for (const [key, { finding, beginning = 0 }] of findings.toMend())
      await repository.markDamaged({ key, finding, found, ...(beginning > 0 && { beginning }) });
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error) && !(error instanceof EngineError)) throw error;
    notes.push(`what was found could not be marked for the next backup to mend: ${error.message}`);
  }
}

/** Removes the marks of objects that were read and are right: somebody has brought them back. */
export async function unmark(
  repository: Repository,
  marked: ReadonlySet<ObjectKey>,
  isRight: (key: ObjectKey) => boolean,
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    for (const key of marked) if (isRight(key)) await repository.removeDamageMark(key);
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error)) throw error;
    notes.push(`marks of objects that are right again could not be removed: ${error.message}`);
  }
}
