import { SinkError } from "@axon-backup/sink";

/** How long a check waits until it has reached a server or a storage for the first time, in milliseconds. Backups are more patient. */
export const FIRST_ANSWER = 15_000;
/** After so many milliseconds people wonder what is going on. */
const SLOW = 2000;

/** Who waits, and for how long. */
export interface Waiting {
  readonly signal: AbortSignal;
  /** Told what is being waited for, when it takes a while. */
  readonly say: (text: string) => void;
  /** Milliseconds; `FIRST_ANSWER`, if left out. */
  readonly patience?: number;
}

const REMEDY = "See whether it runs and can be reached from here: address, port, firewall, proxy.";

/** Of a storage. */
export function noAnswer(message: string): Error {
  return new SinkError("transient", message, { remedy: REMEDY });
}

/**
 * Waits for the first answer of something that may not be there. When patience ends, `work` is aborted through its signal, and no longer waited
 * for: who asks whether all is well wants to know soon that it isn't.
 * @param what for people, as "the storage"
 * @param late what `work` gives when nobody waits for it any more
 * @throws what `failure` makes of a message, when patience ended; the signal's reason; what `work` rejects with
 */
export async function firstAnswer<T>(
  what: string,
  { signal, say, patience = FIRST_ANSWER }: Waiting,
  work: (signal: AbortSignal) => Promise<T>,
  failure: (message: string, remedy: string) => Error = noAnswer,
  late?: (value: T) => Promise<unknown>,
): Promise<T> {
  signal.throwIfAborted();
  const controller = new AbortController();
  const working = work(controller.signal);
  let end: () => void = () => undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      const giveUp = (reason: Error): void => {
        controller.abort(reason);
        reject(reason);
        // Nobody hears of its failures any more.
        working.then(late).catch(() => undefined);
      };
      const slow = setTimeout(say, SLOW, `waiting for ${what}, ${Math.ceil(patience / 1000)} s at most`);
      const over = setTimeout(() => {
        giveUp(failure(`no answer from ${what} within ${Math.ceil(patience / 1000)} s`, REMEDY));
      }, patience);
      const onAbort = (): void => {
        giveUp(signal.reason as Error);
      };
      signal.addEventListener("abort", onAbort);
      end = () => {
        clearTimeout(slow);
        clearTimeout(over);
        signal.removeEventListener("abort", onAbort);
      };
      working.then(resolve, reject);
    });
  } finally {
    end();
  }
}
