import { AxonServerError, type AxonServerErrorKind } from "@axon-backup/axon-server";
import { EngineError } from "@axon-backup/core";
import { describeError } from "../errors/describe-error.js";
import { waitAfter } from "./backoff.js";
import type { FailureCause, Job, SinkFailure } from "./model.js";
import { momentNow, type Time } from "./time.js";

/** Somebody who backs up by hand, or another service, may have the repository for so long before that is a failure. Milliseconds. */
const PATIENCE = 600_000;

interface Failing {
  readonly failure: SinkFailure;
  /** By the steady clock: when it is tried again. */
  readonly notBefore: number;
  /** By the steady clock. */
  readonly since: number;
  /** Whether it is told: not as long as somebody else only has the repository. */
  readonly counts: boolean;
}

/** The jobs of one sink that fail, until they succeed. */
export class Failures {
  readonly #failing = new Map<Job, Failing>();

  constructor(
    private readonly time: Time,
    private readonly random: () => number,
    private readonly redact: (text: string) => string,
  ) {}

  /** A job failed. @param isCheap whether the attempt cost the server nothing. @returns what to tell of it; nothing while it only waits for somebody else's end */
  failed(
    job: Job,
    error: unknown,
    isCheap = false,
  ): { readonly failure: SinkFailure | undefined; readonly isLocked: boolean } {
    const { wall, steady } = momentNow(this.time);
    const before = this.#failing.get(job);
    const attempts = (before?.failure.attempts ?? 0) + 1;
    const wait = waitAfter(job, error, attempts, this.random(), isCheap);
    const failure: SinkFailure = {
      job,
      at: new Date(wall),
      since: before?.failure.since ?? new Date(wall),
      attempts,
      error: cleanDescription(describeError(error), this.redact),
      cause: causeOf(error),
      retry: new Date(wall + wait),
    };
    const since = before?.since ?? steady;
    const isLocked = error instanceof EngineError && error.kind === "locked";
    const counts = !isLocked || before?.counts === true || steady - since > PATIENCE;
    this.#failing.set(job, { failure, notBefore: steady + wait, since, counts });
    return { failure: counts ? failure : undefined, isLocked };
  }

  /** A job succeeded: the others are worth an attempt, too. @returns what had failed until now */
  succeeded(job: Job): SinkFailure | undefined {
    const before = this.#failing.get(job);
    this.#failing.delete(job);
    if (before) this.retryNow();
    return before?.counts === true ? before.failure : undefined;
  }

  /** What has failed is tried again at once. */
  retryNow(): void {
    const { wall, steady } = momentNow(this.time);
    for (const [job, failing] of this.#failing)
      if (failing.notBefore > steady)
        this.#failing.set(job, {
          ...failing,
          notBefore: steady,
          failure: { ...failing.failure, retry: new Date(wall) },
        });
  }

  /** By the steady clock: not before this; undefined: at any time. */
  notBefore(job: Job): number | undefined {
    return this.#failing.get(job)?.notBefore;
  }

  /** The newest of those that count. */
  get newest(): SinkFailure | undefined {
    let newest: SinkFailure | undefined;
    for (const { failure, counts } of this.#failing.values())
      if (counts && (newest === undefined || failure.at >= newest.at)) newest = failure;
    return newest;
  }
}

/** Causes beyond these aren't looked at. */
const MAX_CAUSES = 8;

const OF_FILES: readonly AxonServerErrorKind[] = [
  "configuration",
  "refused",
  "unknown-context",
  "unreadable",
  "vanished",
];

/** Whose fault it is. */
export function causeOf(error: unknown): FailureCause {
  for (let at = error, depth = 0; at instanceof Error && depth < MAX_CAUSES; at = at.cause, depth++)
    if (at instanceof AxonServerError) return OF_FILES.includes(at.kind) ? "files" : "server";
  return "sink";
}

type Description = SinkFailure["error"];

/** What is shown elsewhere than on the log's streams has to be without secrets by itself. */
export function cleanDescription(error: Description, redact: (text: string) => string): Description {
  return {
    ...error,
    message: redact(error.message),
    causes: error.causes.map(redact),
    ...(error.remedy !== undefined && { remedy: redact(error.remedy) }),
    ...(error.stack !== undefined && { stack: redact(error.stack) }),
  };
}
