import { EngineError, type FollowEvent, LockedError, type SourceWatch } from "@axon-backup/core";
import { type ProcessIdentity, processState } from "@axon-backup/sink";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink } from "../composition/sinks.js";
import { Agenda } from "./agenda.js";
import { Failures } from "./failures.js";
import { followSink } from "./follow-sink.js";
import type { SinkFacts } from "./health.js";
import type { Job, SinkState } from "./model.js";
import type { PlannedJob } from "./plan-job.js";
import { SinkBoard } from "./sink-board.js";
import { SinkJobs, type SinkJobTools } from "./sink-jobs.js";
import { pause } from "./time.js";
import { Turn } from "./turn.js";

/** What a worker works with. */
export interface WorkerTools extends SinkJobTools {
  readonly engine: SinkJobTools["engine"] & Pick<Engine, "follow">;
  readonly watch: SourceWatch;
  /** From 0 to below 1. */
  readonly random: () => number;
  /** Something in the state has changed. */
  readonly onChange: () => void;
}

/** Timers don't notice that a clock was set, or that the machine has slept: what is due is looked for so often. Milliseconds. */
const LOOK_AGAIN = 30_000;
/** Following tells nothing when all goes well and nothing is new: it counts as a success after so long. Milliseconds. */
const FOLLOWS_WELL = 60_000;

/** How often it is looked whether a process of this machine that has the lock still lives. Milliseconds. */
const LOOK_AT_HOLDER = 5000;

/** How often it is looked what others, as `axon-backup verify`, have found on the sink. Milliseconds. */
const LOOK_AT_OTHERS = 300_000;

/**
 * Works on one sink: restore points and retention when they are due, one at a time, and between them new events as they come. A verification runs beside restore points and new events: it
 * reads alone, and may take hours.
 */
export class SinkWorker {
  readonly name: string;
  readonly #failures: Failures;
  readonly #agenda: Agenda;
  readonly #board: SinkBoard;
  readonly #jobs: SinkJobs;
  /** Whether the sink has been looked at. */
  #known = false;
  /** What is waited in, and can be ended when something else is to be done. */
  #turn: Turn | undefined;
  #verifying: Promise<void> | undefined;
  /** A process of this machine that has the repository is waited for. */
  #watching: Promise<void> | undefined;
  #end: AbortSignal | undefined;

  constructor(
    private readonly sink: ConfiguredSink,
    private readonly tools: WorkerTools,
  ) {
    const { time, random, redact, watch, onChange } = tools;
    this.name = sink.name;
    this.#failures = new Failures(time, random, redact);
    this.#agenda = new Agenda(sink, time, random, (job) => this.#failures.notBefore(job));
    this.#board = new SinkBoard(sink, watch, time.now(), onChange, redact);
    this.#jobs = new SinkJobs(sink, tools, this.#board, this.#agenda);
  }

  /** How the sink is now. */
  state(now: Date): SinkState {
    return this.#board.state(now);
  }

  facts(): SinkFacts {
    return this.#board.facts();
  }

  /** What changes as long as it gets on; undefined while there is nothing that it would have to get on with. */
  progress(): string | undefined {
    return this.#board.progress();
  }

  /** Makes a restore point as soon as what runs now has ended; following is ended for it. */
  restorePointNow(why: string): void {
    this.#agenda.want(why);
    this.retryNow();
  }

  /** What has failed may go well now. */
  retryNow(): void {
    this.#failures.retryNow();
    this.#turn?.end();
  }

  /** Works until the signal is aborted, and resolves when nothing runs any more. Whatever goes wrong with the sink is in its state. */
  async run(signal: AbortSignal): Promise<void> {
    const others = this.#lookAtOthers(signal);
    this.#end = signal;
    while (!signal.aborted) {
      if (!this.#known) await this.#getToKnow(signal);
      else {
        const next = this.#next();
        if (next === undefined || next.wait > 0) await this.#between(signal);
        else if (next.job !== "verify") await this.#do(next.job, signal);
        else
          this.#verifying = this.#do("verify", signal).finally(() => {
            this.#verifying = undefined;
            this.#turn?.end();
          });
      }
    }
    await this.#verifying;
    await others;
    await this.#watching;
  }

  /** Nobody need wait for a lock of a process that has ended: on this machine, that can be seen, and costs nothing. */
  async #watchHolder(holder: ProcessIdentity, signal: AbortSignal): Promise<void> {
    while (!signal.aborted && processState(holder) === "alive")
      await pause(this.tools.time, LOOK_AT_HOLDER, signal);
    this.#watching = undefined;
    if (!signal.aborted && processState(holder) === "dead") this.retryNow();
  }

  /** Looks now and then what others have found and mended; beside all else, whose way it is never in. */
  async #lookAtOthers(signal: AbortSignal): Promise<void> {
    for (;;) {
      await pause(this.tools.time, LOOK_AT_OTHERS, signal);
      if (signal.aborted) return;
      // While something of its own is read, that tells what there is.
      if (!this.#known || this.#verifying !== undefined) continue;
      if (await this.#jobs.lookAgain(signal)) this.#turn?.end();
    }
  }

  #next(): ReturnType<Agenda["next"]> {
    this.#board.setNextRestorePoint(this.#agenda.nextRestorePoint());
    // Without a restore point there is nothing to verify, nor to prune; and what is read must not be removed meanwhile.
    const others = this.#board.hasRestorePoint && this.#verifying === undefined;
    return this.#agenda.next(others ? ["restore-point", "verify", "prune"] : ["restore-point"]);
  }

  async #getToKnow(signal: AbortSignal): Promise<void> {
    await this.#rest(this.#waitFor("restore-point"), signal);
    if (signal.aborted) return;
    await this.#attempt("restore-point", signal, async () => {
      await this.#jobs.getToKnow(signal);
      this.#known = true;
      const { continuous, schedule } = this.sink.service;
      // New events go on from a restore point: who makes none by schedule still needs the first one.
      if (continuous.enabled && schedule.kind === "never" && !this.#board.hasRestorePoint)
        this.#agenda.want("new events are stored after a restore point, and there is none");
    });
  }

  /** Milliseconds until a job that failed is tried again. */
  #waitFor(job: Job): number {
    return Math.max(0, (this.#failures.notBefore(job) ?? 0) - this.tools.time.clock.now());
  }

  /** Waits; ends when something else is to be done. */
  async #rest(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (milliseconds === 0) return;
    using turn = this.#takeTurn(signal);
    await pause(this.tools.time, milliseconds, turn.signal);
  }

  /** Stores new events as they come, until something else is due. */
  async #between(signal: AbortSignal): Promise<void> {
    const { time } = this.tools;
    using turn = this.#takeTurn(signal);
    let cancel = (): void => undefined;
    const look = (): void => {
      const next = this.#next();
      if (next !== undefined && next.wait <= 0) turn.end();
      else cancel = time.clock.after(Math.min(next?.wait ?? LOOK_AGAIN, LOOK_AGAIN), look);
    };
    look();
    try {
      const { enabled } = this.sink.service.continuous;
      const follows = enabled && this.#board.hasRestorePoint && !this.#agenda.isWantedToFollow;
      await pause(time, follows ? this.#waitFor("follow") : Infinity, turn.signal);
      if (follows && !turn.signal.aborted) await this.#follow(turn.signal);
    } finally {
      cancel();
    }
  }

  #takeTurn(signal: AbortSignal): Turn {
    return (this.#turn = new Turn(signal));
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { clock } = this.tools.time;
    let cancel = (): void => undefined;
    await this.#attempt("follow", signal, async () => {
      const { reason, message } = await followSink(this.sink, this.tools, signal, (event) => {
        this.#followed(event);
        if (event.kind !== "started") return;
        cancel = clock.after(FOLLOWS_WELL, () => {
          this.#succeeded("follow");
        });
      });
      if (reason === "changed")
        throw new EngineError(
          "failed",
          `the server's files have changed: ${message}`,
          "What is stored is compared with them when it is tried again. That happens where a server was restored or lost its last events; then another timeline follows.",
        );
      this.#agenda.wantToFollow(message);
      this.tools.log.info(`a restore point is needed: ${message}`, { sink: this.name });
    });
    cancel();
  }

  #followed(event: FollowEvent): void {
    const { log, onEvent, time } = this.tools;
    switch (event.kind) {
      case "started":
        this.#agenda.follows();
        this.#board.stored(event.stored, event.stored.at);
        return;
      case "cycle": {
        const at = time.now();
        this.#board.stored(event.stored, at);
        this.#succeeded("follow");
        onEvent({ kind: "cycle", sink: this.name, at, bytes: event.bytes, milliseconds: event.milliseconds });
        return;
      }
      case "settled":
        log.debug(`stored ${event.key}`, { sink: this.name, key: event.key, bytes: event.bytes });
        return;
      case "lease":
        this.#board.set({ lease: event.held ? "held" : "free" });
        return;
      case "warning":
        log.warn(event.message, { sink: this.name });
    }
  }

  async #do(job: PlannedJob, signal: AbortSignal): Promise<void> {
    await this.#attempt(job, signal, () => this.#jobs.do(job, signal));
  }

  /** Does it; what goes wrong is noted, and the job is tried again later. */
  async #attempt(job: Job, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    this.#board.begin(job, this.tools.time.now());
    if (job === "restore-point" || job === "prune") this.#board.set({ lease: "held" });
    const letGo = (): void => {
      if (job !== "verify") this.#board.set({ lease: "free" });
    };
    try {
      await work();
      letGo();
      // Following ends when it can't go on: what it has stored until then tells of its success.
      if (job !== "follow") this.#succeeded(job);
    } catch (error) {
      letGo();
      // Whatever failed because it was to end failed for that reason.
      if (!signal.aborted) this.#failed(job, error);
    } finally {
      this.#board.end(job);
    }
  }

  #succeeded(job: Job): void {
    const before = this.#failures.succeeded(job);
    this.#board.set({ failure: this.#failures.newest });
    if (before === undefined) return;
    const at = this.tools.time.now();
    this.tools.onEvent({ kind: "recovered", sink: this.name, job, at, since: before.since });
  }

  #failed(job: Job, error: unknown): void {
    const isCheap = job === "restore-point" && (!this.#known || this.#jobs.wasCheap);
    const { failure, isLocked } = this.#failures.failed(job, error, isCheap);
    if (isLocked) this.#board.set({ lease: "elsewhere" });
    if (error instanceof LockedError && error.holder && this.#end)
      this.#watching ??= this.#watchHolder(error.holder, this.#end);
    if (failure === undefined) {
      const reason = error instanceof Error ? error.message : String(error);
      this.tools.log.info(`somebody else works on it: ${reason}`, { sink: this.name });
      return;
    }
    this.#board.set({ failure: this.#failures.newest });
    this.tools.onEvent({ kind: "failed", sink: this.name, failure });
  }
}
