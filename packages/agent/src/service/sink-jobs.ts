import type { Observer } from "@axon-backup/core";
import type { ConfiguredSink } from "../composition/sinks.js";
import type { Log } from "../output/log.js";
import type { Agenda } from "./agenda.js";
import { Damage } from "./damage.js";
import {
  damagedOn,
  type JobTools,
  lookAt,
  makeRestorePoint,
  pruneResult,
  pruneSink,
  verifySink,
} from "./jobs.js";
import type { Job, ServiceEvent } from "./model.js";
import type { PlannedJob } from "./plan-job.js";
import type { SinkBoard } from "./sink-board.js";
import { momentNow, type Time } from "./time.js";

/** What jobs are done with, and who is told of them. */
export interface SinkJobTools extends JobTools {
  readonly log: Log;
  readonly time: Time;
  readonly onEvent: (event: ServiceEvent) => void;
}

/** Does the jobs of one sink, and notes what came of them. */
export class SinkJobs {
  readonly #damage = new Damage();

  constructor(
    private readonly sink: ConfiguredSink,
    private readonly tools: SinkJobTools,
    private readonly board: SinkBoard,
    private readonly agenda: Agenda,
  ) {}

  /** Finds out what is there. @throws why it can't */
  async getToKnow(signal: AbortSignal): Promise<void> {
    const { restorePoints, verified, damaged } = await lookAt(this.sink, this.tools, signal);
    this.#damage.found(damaged);
    this.agenda.found({ "restore-point": restorePoints.at(-1)?.started, verify: verified });
    this.board.found(restorePoints, damaged.size);
  }

  /** @throws why it failed */
  async do(job: PlannedJob, signal: AbortSignal): Promise<void> {
    const begun = momentNow(this.tools.time);
    const started = new Date(begun.wall);
    const done = (): void => {
      this.agenda.done(job, begun);
    };
    switch (job) {
      case "restore-point":
        return this.#restorePoint(started, done, signal);
      case "verify":
        return this.#verify(started, done, signal);
      case "prune":
        return this.#prune(done, signal);
    }
  }

  async #restorePoint(started: Date, done: () => void, signal: AbortSignal): Promise<void> {
    const { time, onEvent } = this.tools;
    const tell = (id: string | undefined, bytes: number): void => {
      const result = { started, finished: time.now(), id, bytes, isOwn: true };
      this.board.made(result);
      onEvent({ kind: "restore-point", sink: this.sink.name, result });
    };
    let report;
    try {
      report = await makeRestorePoint(this.sink, this.tools, this.#observer("restore-point"), signal);
    } catch (error) {
      if (!signal.aborted) tell(undefined, 0);
      throw error;
    }
    done();
    tell(report.restorePoint, report.sent.bytes);
    if (report.timelines.length > 0)
      onEvent({ kind: "diverged", sink: this.sink.name, at: time.now(), timelines: report.timelines });
    if (!this.#damage.isMendable) return;
    try {
      this.#damage.found(await damagedOn(this.sink, this.tools, signal));
      this.board.set({ damagedObjects: this.#damage.size });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.tools.log.warn(`can't be asked what is still damaged: ${reason}`, { sink: this.sink.name });
    }
  }

  async #verify(started: Date, done: () => void, signal: AbortSignal): Promise<void> {
    const { time, onEvent } = this.tools;
    const { findings, bytes } = await verifySink(this.sink, this.tools, this.#observer("verify"), signal);
    done();
    const result = { started, finished: time.now(), bytes, findings: findings.length };
    const objects = this.#damage.verified(findings);
    this.board.set({ lastVerify: result, damagedObjects: this.#damage.size });
    onEvent({ kind: "verified", sink: this.sink.name, result });
    if (objects.length === 0) return;
    onEvent({ kind: "damage", sink: this.sink.name, at: time.now(), objects });
    if (this.#damage.isMendable) this.agenda.want("what was found damaged is stored again");
  }

  async #prune(done: () => void, signal: AbortSignal): Promise<void> {
    const { removed } = await pruneSink(this.sink, this.tools, this.#observer("prune"), signal);
    done();
    const result = pruneResult(removed, this.tools.time.now());
    this.board.set({ lastPrune: result });
    this.tools.onEvent({ kind: "pruned", sink: this.sink.name, result });
  }

  #observer(job: Job): Observer {
    const { log } = this.tools;
    return (event) => {
      this.board.observe(job, event);
      if (event.kind === "warning") log.warn(event.message, { sink: this.sink.name });
      if (event.kind === "step") log.debug(`step: ${event.step}`, { sink: this.sink.name, step: event.step });
    };
  }
}
