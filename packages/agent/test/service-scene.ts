import type { SinkCounts } from "@axon-backup/core";
import type { ErrorDescription } from "../dist/errors/describe-error.js";
import type {
  RestorePointResult,
  ServiceEvent,
  ServiceListener,
  ServiceState,
  ServiceView,
  SinkState,
} from "../dist/service/model.js";

/** The moment of these scenes. */
export const NOW = new Date("2026-11-24T12:00:00Z");

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

export function before(milliseconds: number): Date {
  return new Date(NOW.getTime() - milliseconds);
}

/** A service that is what a test says. */
export class FakeService implements ServiceView {
  readonly #listeners = new Set<ServiceListener>();
  #state: ServiceState;

  constructor(state: ServiceState) {
    this.#state = state;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  state(): ServiceState {
    return this.#state;
  }

  subscribe(listener: ServiceListener): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  change(state: Partial<ServiceState>): void {
    this.#state = { ...this.#state, ...state };
    for (const { onChange } of this.#listeners) onChange?.(this.#state);
  }

  changeSink(name: string, change: Partial<SinkState>): void {
    this.change({
      sinks: this.#state.sinks.map((sink) => (sink.name === name ? { ...sink, ...change } : sink)),
    });
  }

  tell(event: ServiceEvent): void {
    for (const { onEvent } of this.#listeners) onEvent?.(event);
  }
}

export function errorOf(message: string, more: Partial<ErrorDescription> = {}): ErrorDescription {
  return { message, causes: [], exitCode: 1, unexpected: false, ...more };
}

/** Restore points, one an hour, the newest `age` ago; those whose index is in `failed` failed. */
export function hourly(count: number, age: number, failed: readonly number[] = []): RestorePointResult[] {
  return Array.from({ length: count }, (_, i) => {
    const started = before(age + (count - 1 - i) * HOUR);
    const id = started.toISOString().replace(/[-:]/g, "");
    return {
      started,
      finished: new Date(started.getTime() + 4200),
      id: failed.includes(i) ? undefined : id,
      bytes: failed.includes(i) ? 0 : 5_300_000 + i * 91_000,
      isOwn: true,
    };
  });
}

const NO_ERRORS = {
  "not-found": 0,
  range: 0,
  denied: 0,
  invalid: 0,
  full: 0,
  conflict: 0,
  transient: 0,
  aborted: 0,
  other: 0,
};

export const COUNTS: SinkCounts = {
  methods: {
    put: {
      calls: 12,
      retries: 3,
      errors: { ...NO_ERRORS, other: 1 },
      duration: { sum: 31.5, buckets: [2, 3, 0, 0, 0, 0, 0, 5, 0, 0, 0, 1, 0, 0, 1] },
    },
    list: {
      calls: 4,
      retries: 0,
      errors: NO_ERRORS,
      duration: { sum: 0.2, buckets: [1, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0] },
    },
  },
  bytesUp: 987_654_321,
  bytesDown: 4321,
};

/** A sink of which all is well. */
export function currentSink(name = "nas", type = "local"): SinkState {
  return {
    name,
    type,
    health: "current",
    reasons: [],
    late: {},
    retrying: undefined,
    activity: { job: "follow", since: before(52 * MINUTE), step: undefined, progress: undefined },
    restorePoints: hourly(50, 12 * MINUTE),
    nextRestorePoint: new Date(NOW.getTime() + 48 * MINUTE),
    lastSuccess: before(3000),
    lags: [
      {
        context: "default",
        storedToken: 12_345_678,
        serverToken: 12_345_678,
        tokens: 0,
        bytes: 0,
        since: undefined,
      },
      { context: "billing", storedToken: 88_120, serverToken: 88_120, tokens: 0, bytes: 0, since: undefined },
    ],
    lastVerify: {
      started: before(9 * HOUR),
      finished: before(8.5 * HOUR),
      bytes: 5_400_000_000,
      findings: 0,
    },
    lastPrune: { finished: before(7 * HOUR), restorePoints: 24, objects: 96, bytes: 128_000_000 },
    failure: undefined,
    damagedObjects: 0,
    lease: "held",
    counts: COUNTS,
    promise: { lag: MINUTE, restorePoint: 130 * MINUTE },
  };
}

/** One that makes a restore point, and is late with it. */
export function behindSink(name = "offsite-azure"): SinkState {
  return {
    ...currentSink(name, "azure"),
    health: "behind",
    reasons: ["events of 4 min wait, and 1 min is promised"],
    activity: {
      job: "restore-point",
      since: before(4 * MINUTE),
      step: "transfer",
      progress: { bytes: 1_610_612_736, totalBytes: 4_294_967_296, objects: 7, totalObjects: 19 },
    },
    lags: [
      {
        context: "default",
        storedToken: 12_301_002,
        serverToken: 12_345_678,
        tokens: 44_676,
        bytes: 18_990_113,
        since: before(4 * MINUTE),
      },
      { context: "billing", storedToken: 88_120, serverToken: 88_120, tokens: 0, bytes: 0, since: undefined },
    ],
    restorePoints: hourly(37, 72 * MINUTE, [9]),
    lastSuccess: before(4 * MINUTE),
  };
}

/** One that can't be reached, and whose error would like to be a script. */
export function failingSink(name = "offsite-s3"): SinkState {
  return {
    ...currentSink(name, "s3"),
    health: "failing",
    reasons: ["the newest restore point is of 5 h ago, and 2 h 10 min is promised"],
    activity: undefined,
    restorePoints: hourly(50, 12 * MINUTE, [20, 45, 46, 47, 48, 49]),
    lags: [
      {
        context: "default",
        storedToken: 12_001_414,
        serverToken: 12_345_678,
        tokens: 344_264,
        bytes: 146_331_008,
        since: before(5 * HOUR),
      },
      {
        context: "billing",
        storedToken: null,
        serverToken: 88_120,
        tokens: 88_121,
        bytes: 9_120_331,
        since: before(5 * HOUR),
      },
    ],
    lastSuccess: before(5 * HOUR),
    lastVerify: undefined,
    lastPrune: undefined,
    failure: {
      job: "restore-point",
      at: before(40_000),
      since: before(5 * HOUR),
      attempts: 14,
      retry: new Date(NOW.getTime() + 80_000),
      cause: "sink",
      error: errorOf(`can't write axon-backup/segments/<script>globalThis.hacked = 1</script>`, {
        causes: [`the storage answered "<img src=x onerror='globalThis.hacked = 1'>" & 503`],
        remedy: "Look at the storage; it is tried again by itself.",
      }),
    },
    lease: "free",
  };
}

/** One with damage. */
export function damagedSink(name = "vault"): SinkState {
  return {
    ...currentSink(name, "sftp"),
    health: "damaged",
    reasons: ["2 objects are damaged; the next restore point stores them again"],
    activity: {
      job: "verify",
      since: before(11 * MINUTE),
      step: "data",
      progress: { bytes: 2_000_000_000, totalBytes: 5_400_000_000, objects: 12, totalObjects: 31 },
    },
    lastVerify: {
      started: before(33 * HOUR),
      finished: before(32 * HOUR),
      bytes: 5_400_000_000,
      findings: 2,
    },
    damagedObjects: 2,
    lease: "elsewhere",
    promise: { lag: undefined, restorePoint: 26 * HOUR },
  };
}

/** A service with these sinks. */
export function stateWith(sinks: readonly SinkState[]): ServiceState {
  return {
    version: "0.1.0",
    started: before(80 * HOUR),
    server: {
      name: "axonserver-1",
      version: "2025.1.2",
      edition: "SE",
      seen: before(1000),
      problem: undefined,
    },
    serverProblem: undefined,
    isNothingScheduled: false,
    sinks,
    rejectedConfiguration: undefined,
    isStopping: false,
  };
}

/** A sink of each kind of trouble. */
export function busyState(): ServiceState {
  return stateWith([currentSink(), behindSink(), failingSink(), damagedSink()]);
}
