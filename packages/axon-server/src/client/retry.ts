import { AxonServerError } from "../errors.js";
import { pause } from "../pause.js";

/** How often and how fast. */
export interface RetryPolicy {
  /** Tries in all, 1 or more. */
  readonly attempts: number;
  /** Milliseconds before the second try; doubled for each further one, up to `MAX_DELAY`. */
  readonly delay: number;
}

/** Milliseconds. Beyond this, waiting longer helps nobody. */
const MAX_DELAY = 10_000;

/** Milliseconds to wait after try `attempt` (1, 2, …): exponential, with a random half so that many clients don't come back at once. */
export function retryDelay(policy: RetryPolicy, attempt: number, random: number): number {
  return Math.min(MAX_DELAY, policy.delay * 2 ** (attempt - 1)) * (0.5 + random / 2);
}

/**
 * Calls `call` until it succeeds, fails with an error that `isRetryable` doesn't accept, or was tried often enough. The last error is
 * the one thrown, with the number of tries in its message.
 */
export async function withRetries<Result>(
  policy: RetryPolicy,
  isRetryable: (error: AxonServerError) => boolean,
  call: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof AxonServerError) || !isRetryable(error)) throw error;
      if (attempt >= policy.attempts) throw attempt === 1 ? error : afterTries(error, attempt);
      await pause(retryDelay(policy, attempt, Math.random()), signal);
    }
  }
}

function afterTries(error: AxonServerError, attempts: number): AxonServerError {
  return new AxonServerError(error.kind, `${error.message} (tried ${attempts} times)`, error.remedy, error);
}
