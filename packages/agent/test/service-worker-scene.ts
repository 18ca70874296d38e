import type {
  BackupOptions,
  BackupReport,
  FollowEnd,
  FollowOptions,
  Repository,
  SinkReport,
  SourceWatch,
  TimelineChange,
  VerifyReport,
} from "@axon-backup/core";
import type { ConfiguredSink } from "../dist/composition/sinks.js";
import { DEFAULT_SINK_SERVICE, type SinkService } from "../dist/config/sink-service.js";
import type { ServiceEvent } from "../dist/service/model.js";
import { SinkWorker, type WorkerTools } from "../dist/service/worker.js";
import { memorySink, NO_DAMAGE } from "./fakes.js";
import { FakeTime } from "./fake-time.js";

/** A promise that a test settles. */
export interface Held<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
}

/** What a fake repository holds. */
export interface Content {
  readonly points?: readonly string[];
  readonly verified?: string;
  readonly damaged?: readonly string[];
}

export const STORED = { id: "x", restorePoint: "x", at: new Date(0), contexts: [] } as never;

/** A worker whose engine does what a test says, and notes what it was asked for. */
export class WorkerScene {
  readonly time: FakeTime;
  readonly events: ServiceEvent[] = [];
  /** What the engine was asked for, in that order, with the time. */
  readonly asked: string[] = [];
  /** How many jobs ran at the same time at most, following and verifying aside. */
  busiest = 0;
  #busy = 0;
  content: Content = {};
  /** What the next backups do; the last one stays. */
  backups: (() => Promise<SinkReport> | SinkReport)[] = [committed];
  follows: ((options: FollowOptions) => Promise<FollowEnd>)[] = [untilAborted];
  verifies: (() => Promise<VerifyReport>)[] = [() => Promise.resolve(NO_DAMAGE)];
  openFails: Error | undefined;
  /** What jobs themselves store on the sink. */
  objects = new Map<string, Uint8Array>();
  /** Restore points that the next backup makes of what was stored before it. */
  readonly promoted: string[] = [];
  /** What backups get to before they succeed or fail. */
  steps: readonly string[] = [];
  readonly worker: SinkWorker;
  readonly #end = new AbortController();
  #running: Promise<void> | undefined;

  constructor(service: Partial<SinkService> = {}, start?: string, more: Partial<ConfiguredSink> = {}) {
    this.time = new FakeTime(start);
    const sink: ConfiguredSink = {
      name: "nas",
      type: "local",
      connections: 4,
      directory: undefined,
      service: { ...DEFAULT_SINK_SERVICE, verify: NO_VERIFY, ...service },
      open: () =>
        this.openFails ? Promise.reject(this.openFails) : Promise.resolve(memorySink(this.objects)),
      bare: () => Promise.resolve(memorySink()),
      counts: () => undefined,
      retrying: () => undefined,
      ...more,
    };
    this.worker = new SinkWorker(sink, this.#tools());
  }

  start(): void {
    this.#running = this.worker.run(this.#end.signal);
  }

  async end(): Promise<void> {
    this.#end.abort(new Error("the test is over"));
    await this.#running;
  }

  get state() {
    return this.worker.state(this.time.now());
  }

  kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  #tools(): WorkerTools {
    const silent = (): void => undefined;
    const log = { debug: silent, info: silent, warn: silent, error: silent };
    const watch = { state: { revision: 0, positions: new Map() } } as unknown as SourceWatch;
    return {
      engine: {
        openRepository: () => Promise.resolve(this.#repository()),
        backup: async (options: BackupOptions) => {
          if (options.mustExist === true && this.#repository() === undefined)
            return this.#report({
              sink: "nas",
              outcome: "failed",
              error: new Error("the repository that was there is gone"),
              warnings: [],
            });
          for (const step of this.steps) options.observer?.({ kind: "step", sink: "nas", step });
          for (const id of this.promoted.splice(0))
            options.observer?.({ kind: "promoted", sink: "nas", restorePoint: id as never });
          const report = await this.#job("restore-point", options.signal, () => take(this.backups)());
          if (report.outcome === "committed")
            this.content = { ...this.content, points: [...(this.content.points ?? []), report.restorePoint] };
          return this.#report(report);
        },
        verify: (options) => this.#note("verify", options.signal, () => take(this.verifies)()),
        prune: () =>
          this.#job("prune", undefined, () =>
            Promise.resolve({ removed: [], failed: [], notTried: 0, broken: [] } as never),
          ),
        follow: (options) => this.#note("follow", options.signal, () => take(this.follows)(options)),
      },
      source: {} as never,
      watch,
      contexts: undefined,
      removeControlDbZip: false,
      redact: (text) => text,
      log,
      time: this.time,
      random: () => 1,
      onChange: silent,
      onEvent: (event) => this.events.push(event),
    };
  }

  #report(report: SinkReport): BackupReport {
    return { started: this.time.now(), finished: this.time.now(), sinks: [report] };
  }

  async #note<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
    this.asked.push(`${this.time.now().toISOString().slice(11, 19)} ${what}`);
    let abort = (): void => undefined;
    const aborted = new Promise<never>((_, reject) => {
      abort = () => {
        reject(signal?.reason as Error);
      };
    });
    signal?.addEventListener("abort", abort);
    try {
      return await Promise.race([work(), aborted]);
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  async #job<T>(what: string, signal: AbortSignal | undefined, work: () => Promise<T> | T): Promise<T> {
    this.busiest = Math.max(this.busiest, ++this.#busy);
    try {
      return await this.#note(what, signal, async () => work());
    } finally {
      this.#busy--;
    }
  }

  #repository(): Repository | undefined {
    const { points = [], verified, damaged = [] } = this.content;
    if (points.length === 0) return undefined;
    return {
      restorePoints: () => Promise.resolve(points),
      verifiedRestorePoints: () =>
        Promise.resolve(verified === undefined ? [] : [{ id: points[0], depth: "data", verified }]),
      damagedKeys: () => Promise.resolve(new Set(damaged)),
    } as unknown as Repository;
  }
}

const NO_VERIFY: SinkService["verify"] = { schedule: { kind: "never" }, readData: true };

function take<T>(list: T[]): T {
  const [first] = list;
  if (list.length > 1) list.shift();
  if (first === undefined) throw new Error("nothing to do");
  return first;
}

export function committed(timelines: readonly TimelineChange[] = []): SinkReport {
  return {
    sink: "nas",
    outcome: "committed",
    restorePoint: "20261124T120000.000Z" as never,
    contexts: [],
    timelines,
    sent: { objects: 1, bytes: 1000 },
    warnings: [],
  };
}

export function failed(error: unknown): SinkReport {
  return { sink: "nas", outcome: "failed", error, warnings: [] };
}

/** Follows, and stores nothing. */
export function untilAborted({ onEvent }: FollowOptions): Promise<FollowEnd> {
  onEvent?.({ kind: "started", stored: STORED });
  return new Promise(() => undefined);
}

/** A job that goes on until the test ends it. */
export function held<T>(): { readonly work: () => Promise<T> } & Held<T> {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((done, fail) => {
    resolve = done;
    reject = fail;
  });
  return { work: () => promise, resolve, reject };
}
