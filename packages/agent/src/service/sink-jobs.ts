import { type Observer, type RestorePointId, timeOf } from "@axon-backup/core";
import type { ConfiguredSink } from "../composition/sinks.js";
import type { Log } from "../output/log.js";
import type { Agenda } from "./agenda.js";
import { Damage } from "./damage.js";
import { type JobTools, lookAt, makeRestorePoint, pruneSink, verifiedOn, verifySink } from "./jobs.js";
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
  /** How many jobs have begun and ended: whether what was read is from before one of them. */
  #changes = 0;
  #isCheap = true;
  /** Whether the last look at what others did went well. */
  #isInSight = true;

  constructor(
    private readonly sink: ConfiguredSink,
    private readonly tools: SinkJobTools,
    private readonly board: SinkBoard,
    private readonly agenda: Agenda,
  ) {}

  /** Finds out what is there. @throws why it can't */
  async getToKnow(signal: AbortSignal): Promise<void> {
    const { restorePoints, verified, pruned, damaged } = await lookAt(this.sink, this.tools, signal);
    this.#damage.found(damaged);
    this.agenda.found({
      "restore-point": restorePoints.at(-1)?.started,
      verify: verified,
      prune: pruned?.finished,
    });
    this.board.found(restorePoints, damaged.size);
    if (pruned) this.board.set({ lastPrune: pruned });
  }

  /** Whether the last attempt at a restore point ended before the server was asked for anything. */
  get wasCheap(): boolean {
    return this.#isCheap;
  }

  /** @throws why it failed */
  async do(job: PlannedJob, signal: AbortSignal): Promise<void> {
    const begun = momentNow(this.tools.time);
    const started = new Date(begun.wall);
    const done = (): void => {
      this.agenda.done(job, begun);
    };
    this.#changes++;
    try {
      switch (job) {
        case "restore-point":
          await this.#restorePoint(started, done, signal);
          break;
        case "verify":
          await this.#verify(started, done, signal);
          break;
        case "prune":
          await this.#prune(done, signal);
          break;
      }
    } finally {
      this.#changes++;
    }
  }

  /**
   * Takes over what verifications and backups of others have found and mended meanwhile.
   * @returns whether a restore point is wanted for it
   */
  async lookAgain(signal: AbortSignal): Promise<boolean> {
    const before = this.#changes;
    try {
      const { verified, damaged } = await verifiedOn(this.sink, this.tools, signal);
      this.#isInSight = true;
      return this.#changes === before && this.#sawDamage(damaged, verified);
    } catch (error) {
      // Whatever else works on the sink fails as well, and is reported.
      if (this.#isInSight && !signal.aborted) this.#cannotAsk(error);
      this.#isInSight = false;
      return false;
    }
  }

  #sawDamage(damaged: ReadonlySet<string>, verified: Date | undefined): boolean {
    const objects = this.#damage.found(damaged);
    const { lastVerify } = this.board.facts();
    const isNewer =
      verified !== undefined &&
      (lastVerify === undefined || verified.getTime() > lastVerify.finished.getTime());
    this.board.set({
      damagedObjects: this.#damage.size,
      // How much was read isn't in the record.
      ...(isNewer && {
        lastVerify: { started: verified, finished: verified, bytes: 0, findings: damaged.size },
      }),
    });
    if (objects.length === 0) return false;
    this.#tellDamage(objects);
    return true;
  }

  #tellDamage(objects: readonly string[]): void {
    this.tools.onEvent({ kind: "damage", sink: this.sink.name, at: this.tools.time.now(), objects });
    if (this.#damage.isMendable) this.agenda.want("what was found damaged is stored again");
  }

  #cannotAsk(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.tools.log.warn(`can't be asked what is damaged: ${reason}`, { sink: this.sink.name });
  }

  async #restorePoint(started: Date, done: () => void, signal: AbortSignal): Promise<void> {
    const { time, onEvent } = this.tools;
    this.#isCheap = true;
    const tell = (id: string | undefined, bytes: number): void => {
      const result = { started, finished: time.now(), id, bytes, isOwn: true };
      this.board.made(result);
      onEvent({ kind: "restore-point", sink: this.sink.name, result });
    };
    let report;
    try {
      report = await makeRestorePoint(
        this.sink,
        this.tools,
        this.board.hasRestorePoint,
        this.#observer("restore-point"),
        signal,
      );
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
      const { damaged } = await verifiedOn(this.sink, this.tools, signal);
      this.#damage.found(damaged);
      this.board.set({ damagedObjects: this.#damage.size });
    } catch (error) {
      this.#cannotAsk(error);
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
    if (objects.length > 0) this.#tellDamage(objects);
  }

  async #prune(done: () => void, signal: AbortSignal): Promise<void> {
    const { now } = this.tools.time;
    const result = await pruneSink(this.sink, this.tools, now, this.#observer("prune"), signal);
    done();
    this.board.set({ lastPrune: result });
    this.tools.onEvent({ kind: "pruned", sink: this.sink.name, result });
  }

  #promoted(id: RestorePointId): void {
    const at = timeOf(id);
    this.board.made({ started: at, finished: at, id, bytes: 0, isOwn: true, isPromoted: true });
  }

  #observer(job: Job): Observer {
    const { log } = this.tools;
    return (event) => {
      this.board.observe(job, event);
      // What comes behind the lock begins with the server's control DB.
      if (job === "restore-point" && event.kind === "step" && event.step !== "lock") this.#isCheap = false;
      if (event.kind === "promoted") this.#promoted(event.restorePoint);
      if (event.kind === "warning") log.warn(event.message, { sink: this.sink.name });
      if (event.kind === "step") log.debug(`step: ${event.step}`, { sink: this.sink.name, step: event.step });
    };
  }
}
