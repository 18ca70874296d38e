import type { Clock } from "@axon-backup/core";
import type { Log } from "../../output/log.js";
import type { ServiceState, ServiceView } from "../model.js";
import { sendByProgram } from "./send.js";
import { statusLine } from "./status-line.js";

export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  /** Tells systemd, sd_notify(3). For tests. */
  readonly send?: (variables: readonly string[]) => Promise<void>;
  readonly pid?: number;
}

/** The status line is told no more often, and sooner when it is news how a sink is. Milliseconds. */
const STATUS_DISTANCE = 10_000;
const NEWS_DISTANCE = 1000;

/**
 * Tells systemd how the service is: ready, its status line, and that it gets on (sd_notify(3)). Does nothing without `NOTIFY_SOCKET`. The unit needs `NotifyAccess=all`, because a program tells it:
 * Node has no datagram sockets of this kind.
 */
export class SystemdNotifier {
  readonly #isOn: boolean;
  readonly #send: (variables: readonly string[]) => Promise<void>;
  #queue: Promise<void> = Promise.resolve();
  #status = "";
  /** How the sinks were when it was told last. */
  #health = "";
  #isNews = false;
  #cancelStatus: (() => void) | undefined;
  #cancelWatchdog = (): void => undefined;
  #hasFailed = false;
  #wasStuck = false;
  readonly #unsubscribe: () => void;

  constructor(
    private readonly service: ServiceView & { stuck(): readonly string[] },
    private readonly options: NotifierOptions,
  ) {
    const { env, send } = options;
    this.#isOn = (env["NOTIFY_SOCKET"] ?? "") !== "";
    this.#send = send ?? ((variables) => sendByProgram(variables, env));
    this.#unsubscribe = this.#isOn
      ? service.subscribe({
          onChange: (state) => {
            this.#statusSoon(healthIn(state) !== this.#health);
          },
        })
      : () => undefined;
    const interval = this.#isOn ? watchdogInterval(env, options.pid ?? process.pid) : undefined;
    if (interval !== undefined) this.#feed(interval);
  }

  ready(): void {
    this.#forgetStatus();
    this.#health = healthIn(this.service.state());
    this.#status = statusLine(this.service.state());
    this.#tell("READY=1", `STATUS=${this.#status}`);
  }

  /** `ready` follows. */
  reloading(): void {
    // CLOCK_MONOTONIC, as Type=notify-reload asks for.
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1000n}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1", "STATUS=ending");
    this.#cancelWatchdog();
    this.#cancelStatus?.();
    this.#unsubscribe();
  }

  /** Resolves when everything has been told. */
  async close(): Promise<void> {
    await this.#queue;
  }

  #statusSoon(isNews: boolean): void {
    if (isNews && !this.#isNews) {
      this.#forgetStatus();
      this.#isNews = true;
    }
    this.#cancelStatus ??= this.options.clock.after(isNews ? NEWS_DISTANCE : STATUS_DISTANCE, () => {
      this.#cancelStatus = undefined;
      this.#isNews = false;
      this.#health = healthIn(this.service.state());
      const status = statusLine(this.service.state());
      if (status === this.#status) return;
      this.#status = status;
      this.#tell(`STATUS=${status}`);
    });
  }

  #forgetStatus(): void {
    this.#cancelStatus?.();
    this.#cancelStatus = undefined;
    this.#isNews = false;
  }

  /** As long as every worker gets on: systemd starts a service anew that has stopped doing this. */
  #feed(interval: number): void {
    const { clock, log } = this.options;
    const stuck = this.service.stuck();
    if (stuck.length === 0) this.#tell("WATCHDOG=1");
    else if (!this.#wasStuck)
      log.error(`work gets on nowhere: systemd starts the service anew`, { sinks: stuck });
    this.#wasStuck = stuck.length > 0;
    this.#cancelWatchdog = clock.after(interval, () => {
      this.#feed(interval);
    });
  }

  #tell(...variables: readonly string[]): void {
    if (!this.#isOn) return;
    this.#queue = this.#queue.then(async () => {
      try {
        await this.#send(variables);
      } catch (error) {
        if (!this.#hasFailed)
          this.options.log.warn(
            `systemd can't be told how the service is: ${error instanceof Error ? error.message : String(error)}`,
          );
        this.#hasFailed = true;
      }
    });
  }
}

/** How each sink is, to be compared. */
function healthIn({ sinks }: ServiceState): string {
  return sinks.map(({ name, health }) => `${name} ${health}`).join("\n");
}

/** Milliseconds between two signs of life, half of what systemd waits; undefined when it doesn't. */
export function watchdogInterval(env: NotifierOptions["env"], pid: number): number | undefined {
  const microseconds = Number(env["WATCHDOG_USEC"]);
  const forPid = env["WATCHDOG_PID"];
  if (!(microseconds > 0) || (forPid !== undefined && forPid !== String(pid))) return undefined;
  return microseconds / 2000;
}
