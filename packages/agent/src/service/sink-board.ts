import {
  type EngineEvent,
  lagsOf,
  type SinkCounts,
  type SourceWatch,
  type StoredMoment,
} from "@axon-backup/core";
import type { ConfiguredSink } from "../composition/sinks.js";
import { describeError } from "../errors/describe-error.js";
import { activityAfter, beginning } from "./activity.js";
import { cleanDescription } from "./failures.js";
import { healthOf, type SinkFacts } from "./health.js";
import { SHOWN } from "./jobs.js";
import type { Activity, Job, RestorePointResult, SinkState } from "./model.js";
import { promiseOf } from "./promise.js";

const NO_COUNTS: SinkCounts = { methods: {}, bytesUp: 0, bytesDown: 0 };

type Facts = Omit<SinkFacts, "counts" | "lags" | "promise" | "activity" | "retrying">;

/** What is known of one sink: everything that its state is made of. */
export class SinkBoard {
  #facts: Facts;
  /** What runs, by its job. */
  readonly #activities = new Map<Job, Activity>();
  /** What the sink has; undefined until it was compared with the server. */
  #stored: StoredMoment | undefined;
  /** Whether the sink has been looked at. */
  #known = false;
  #events = 0;

  constructor(
    private readonly sink: ConfiguredSink,
    private readonly watch: SourceWatch,
    since: Date,
    private readonly onChange: () => void,
    private readonly redact: (text: string) => string,
  ) {
    this.#facts = {
      name: sink.name,
      type: sink.type,
      since,
      restorePoints: [],
      nextRestorePoint: undefined,
      lastSuccess: undefined,
      lastVerify: undefined,
      lastPrune: undefined,
      failure: undefined,
      damagedObjects: 0,
      lease: "free",
    };
  }

  state(now: Date): SinkState {
    const facts = this.facts();
    return { ...facts, ...healthOf(facts, now) };
  }

  /** What health and promises are judged by. */
  facts(): SinkFacts {
    return {
      ...this.#facts,
      activity: this.#activity,
      retrying: this.#retrying(),
      lags: this.#lags(),
      counts: this.sink.counts() ?? NO_COUNTS,
      promise: promiseOf(this.sink.service, this.#facts.since),
    };
  }

  get hasRestorePoint(): boolean {
    return this.#facts.restorePoints.some(({ id }) => id !== undefined);
  }

  set(
    change: Partial<Pick<Facts, "failure" | "lease" | "damagedObjects" | "lastVerify" | "lastPrune">>,
  ): void {
    this.#change(change);
  }

  /** Nobody needs to know at once. */
  setNextRestorePoint(nextRestorePoint: Date | undefined): void {
    this.#facts = { ...this.#facts, nextRestorePoint };
  }

  begin(job: Job, at: Date): void {
    this.#activities.set(job, beginning(job, at));
    this.onChange();
  }

  end(job: Job): void {
    this.#activities.delete(job);
    this.onChange();
  }

  observe(job: Job, event: EngineEvent): void {
    this.#events++;
    const activity = this.#activities.get(job);
    if (activity === undefined) return;
    this.#activities.set(job, activityAfter(activity, event));
    this.onChange();
  }

  /** What is shown of what runs: following goes on beside a verification, and says less. */
  get #activity(): Activity | undefined {
    const shown = (["restore-point", "prune", "verify", "follow"] as const).find((job) =>
      this.#activities.has(job),
    );
    return shown && this.#activities.get(shown);
  }

  /** This was on the sink before the service was started. */
  found(restorePoints: readonly RestorePointResult[], damagedObjects: number): void {
    this.#known = true;
    this.#change({ restorePoints, lastSuccess: restorePoints.at(-1)?.finished, damagedObjects });
  }

  /** A restore point was made, or tried. */
  made(result: RestorePointResult): void {
    this.#change({
      restorePoints: withResult(this.#facts.restorePoints, result),
      ...(result.id !== undefined && { lastSuccess: result.finished }),
    });
  }

  /** What the sink has, at `at`. */
  stored(stored: StoredMoment, at: Date): void {
    this.#events++;
    this.#stored = stored;
    const { lastSuccess } = this.#facts;
    this.#change({ lastSuccess: lastSuccess !== undefined && lastSuccess > at ? lastSuccess : at });
  }

  /** What changes as long as work gets on; undefined while there is nothing to get on with. */
  progress(): string | undefined {
    const activity = this.#activity;
    if (activity === undefined) return undefined;
    if (activity.job === "follow" && this.#lags().every(({ since }) => since === undefined)) return undefined;
    const { bytesUp, bytesDown, methods } = this.sink.counts() ?? NO_COUNTS;
    const calls = Object.values(methods).reduce((sum, method) => sum + method.calls + method.retries, 0);
    return [activity.job, activity.since.getTime(), this.#events, bytesUp, bytesDown, calls].join(" ");
  }

  #retrying(): SinkState["retrying"] {
    const call = this.sink.retrying();
    return call && { ...call, error: cleanDescription(describeError(call.error), this.redact) };
  }

  #lags(): SinkState["lags"] {
    // Unknown, until something was compared: the sink may have it all.
    if (this.#stored === undefined && (!this.#known || this.hasRestorePoint)) return [];
    return lagsOf(this.watch.state, this.#stored);
  }

  #change(change: Partial<Facts>): void {
    this.#facts = { ...this.#facts, ...change };
    this.onChange();
  }
}

/** Attempts that failed one after the other are one. */
function withResult(
  before: readonly RestorePointResult[],
  result: RestorePointResult,
): readonly RestorePointResult[] {
  const last = before.at(-1);
  const isAgain = last?.isOwn === true && last.id === undefined && result.id === undefined;
  return isAgain
    ? [...before.slice(0, -1), { ...result, started: last.started }]
    : [...before, result].slice(-SHOWN);
}
