import { fileURLToPath } from "node:url";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "@axon-backup/core";
import {
  NOTIFIED_EVENTS,
  type NotificationChannel,
  type NotificationTarget,
} from "../../dist/config/notifications-types.js";
import type { ErrorDescription } from "../../dist/errors/describe-error.js";
import type { Log, LogLevel } from "../../dist/output/log.js";
import { Redactor } from "../../dist/secrets/redactor.js";
import type { SecretContext } from "../../dist/secrets/resolve.js";
import type {
  Job,
  ServiceEvent,
  ServiceListener,
  ServiceState,
  ServiceView,
  SinkFailure,
  SinkState,
} from "../../dist/service/model.js";
import type { Message } from "../../dist/service/notifications/message.js";

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** The fake clock's 0. */
export const START = new Date("2026-11-24T15:30:00.000Z");

/** Time that goes on only when told to. */
export class FakeClock implements Clock {
  time = 0;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): number {
    return this.time;
  }

  readonly date = (): Date => new Date(START.getTime() + this.time);

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.time + milliseconds, run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  get timers(): number {
    return this.#timers.size;
  }

  /** Lets the time pass, with every timer that is due on the way. */
  advance(milliseconds: number): void {
    const end = this.time + milliseconds;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.at - b.at);
      if (next === undefined || next.at > end) break;
      this.#timers.delete(next);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}

/** Waits until it is so: for real servers and programs, which take their time. */
export async function eventually(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await setImmediate();
  }
}

export interface LogLine {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function memoryLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLevel) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
      lines.push({ level, message, fields });
    };
  return { log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") }, lines };
}

export function secretsOf(
  env: Readonly<Record<string, string>> = {},
  warnings: string[] = [],
): SecretContext {
  return { env, redactor: new Redactor(), warn: (message) => void warnings.push(message) };
}

export function channelOf(
  target: NotificationTarget,
  more: Partial<NotificationChannel> = {},
): NotificationChannel {
  return { name: target.kind, on: NOTIFIED_EVENTS, after: 2 * MINUTE, remind: 24 * HOUR, target, ...more };
}

export function errorOf(message = "it broke", more: Partial<ErrorDescription> = {}): ErrorDescription {
  return { message, causes: [], exitCode: 1, unexpected: false, ...more };
}

export function failureOf(job: Job = "restore-point", more: Partial<SinkFailure> = {}): SinkFailure {
  return {
    job,
    at: START,
    since: START,
    attempts: 1,
    error: errorOf(),
    cause: "sink",
    retry: undefined,
    ...more,
  };
}

export const failed = (sink: string, more: Partial<SinkFailure> = {}): ServiceEvent => {
  const failure = failureOf(more.job, more);
  return { kind: "failed", sink, failure };
};

export const recovered = (sink: string, job: Job = "restore-point"): ServiceEvent => ({
  kind: "recovered",
  sink,
  job,
  at: START,
  since: START,
});

export function sinkOf(name: string, more: Partial<SinkState> = {}): SinkState {
  return {
    name,
    type: "local",
    health: "current",
    reasons: [],
    late: {},
    retrying: undefined,
    activity: undefined,
    restorePoints: [],
    nextRestorePoint: undefined,
    lastSuccess: undefined,
    lags: [],
    lastVerify: undefined,
    lastPrune: undefined,
    failure: undefined,
    damagedObjects: 0,
    lease: "free",
    counts: {} as SinkState["counts"],
    promise: { lag: MINUTE, restorePoint: 26 * HOUR },
    ...more,
  };
}

export function stateOf(sinks: readonly SinkState[], more: Partial<ServiceState> = {}): ServiceState {
  return {
    version: "0.1.0",
    started: START,
    server: { name: "axonserver-1", version: "2023.2.8", edition: "SE", seen: START, problem: undefined },
    serverProblem: undefined,
    isNothingScheduled: false,
    sinks,
    rejectedConfiguration: undefined,
    isStopping: false,
    ...more,
  };
}

/** A service that does what the test says. */
export class FakeView implements ServiceView {
  readonly listeners = new Set<ServiceListener>();

  constructor(private current: ServiceState) {}

  state(): ServiceState {
    return this.current;
  }

  subscribe(listener: ServiceListener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  change(state: ServiceState): void {
    this.current = state;
    for (const { onChange } of this.listeners) onChange?.(state);
  }

  emit(event: ServiceEvent): void {
    for (const { onEvent } of this.listeners) onEvent?.(event);
  }
}

/** A message to send. */
export function messageNamed(subject: string, more: Partial<Message> = {}): Message {
  return {
    version: 1,
    id: subject,
    event: "failed",
    severity: "error",
    time: START.toISOString(),
    since: START.toISOString(),
    reminder: false,
    host: "backup-1",
    server: "axonserver-1",
    agent: "axon-backup 0.1.0",
    sink: "nas",
    job: "restore-point",
    promise: null,
    error: { message: "it broke", causes: [], remedy: null, problems: [] },
    attempts: 1,
    damagedObjects: null,
    objects: [],
    timelines: [],
    also: [],
    subject,
    text: `${subject}.\n`,
    ...more,
  };
}

/** A file among the certificates of tests: `ca.pem`, `server.pem`, `server.key`, `other-ca.pem`. */
export function certificateFile(name: string): string {
  return fileURLToPath(new URL(`../../../axon-server/test/tls/${name}`, import.meta.url));
}
