import type { CallOptions, StoredObject } from "@axon-backup/sink";
import type { Attempts } from "./attempts.js";

/**
 * Keys that are remembered to leave them out when a list begins again: some 20 MB at most. A list that has given more is not
 * repeated; whatever ended it then ends the call.
 */
const MAX_REMEMBERED = 100_000;

/**
 * A list that begins again after a transient failure, and leaves out what it has given: storages give no order that could be relied on, and no
 * place to go on from. What came or went between the attempts may be given or not, as the contract has it.
 */
export async function* listAgain(
  next: (options: CallOptions) => AsyncIterable<StoredObject>,
  options: CallOptions,
  attempts: Attempts,
  maxRemembered = MAX_REMEMBERED,
): AsyncGenerator<StoredObject, void, void> {
  const given = new Set<string>();
  let all = true;
  for (let repeated = false; ; repeated = true) {
    try {
      for await (const object of next(options)) {
        if (repeated) {
          if (given.has(object.key)) continue;
          attempts.progressed();
        }
        if (given.size < maxRemembered) given.add(object.key);
        else all = false;
        yield object;
      }
      attempts.progressed();
      return;
    } catch (error) {
      if (!all) {
        attempts.progressed();
        throw error;
      }
      await attempts.failed(error);
    }
  }
}
