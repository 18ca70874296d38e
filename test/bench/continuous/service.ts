import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

/** What of `/api/state` is looked at (docs/monitoring/README.md). */
export interface ServiceStateJson {
  readonly sinks: readonly {
    readonly sink: string;
    readonly health: string;
    readonly reasons: readonly string[];
    readonly lease: string;
    readonly activity: { readonly job: string } | null;
    readonly contexts: readonly { readonly behind: { readonly tokens: number } }[];
    readonly counts: {
      readonly bytesUp: number;
      readonly methods: Readonly<Record<string, { readonly calls: number }>>;
    };
  }[];
}

/** How long the service may take to begin, in milliseconds. */
const BEGIN_MS = 60_000;

/** `axon-backup run`, as a process. */
export class Service {
  #said = "";

  private constructor(
    private readonly child: ChildProcess,
    private readonly address: { url: string },
  ) {}

  /** @param command with its arguments, `run` included; resolves when its HTTP server listens */
  static async start(command: readonly [string, ...string[]]): Promise<Service> {
    const [program, ...args] = command;
    const env = Object.entries(process.env).filter(([name]) => !/^(NODE|npm)_/.test(name));
    const child = spawn(program, args, {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...Object.fromEntries(env), NO_COLOR: "1" },
    });
    const service = new Service(child, { url: "" });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      service.#said = (service.#said + text).slice(-1_000_000);
    });
    try {
      for (const end = performance.now() + BEGIN_MS; service.address.url === "";) {
        service.requireRunning();
        if (performance.now() > end) throw new Error(`the service doesn't listen:\n${service.#said}`);
        service.address.url = /http:\/\/127\.0\.0\.1:\d+\//.exec(service.#said)?.[0] ?? "";
        await delay(20);
      }
    } catch (error) {
      await service.end("SIGKILL");
      throw error;
    }
    return service;
  }

  get pid(): number {
    if (this.child.pid === undefined) throw new Error("the service isn't running");
    return this.child.pid;
  }

  /** What it has written to its standard error: the last million characters. */
  get said(): string {
    return this.#said;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  async state(): Promise<ServiceStateJson> {
    return (await (await fetch(`${this.address.url}api/state`)).json()) as ServiceStateJson;
  }

  /** The values of a metric, by sink. */
  async metric(name: string): Promise<ReadonlyMap<string, number>> {
    const text = await (await fetch(`${this.address.url}metrics`)).text();
    const line = new RegExp(`^${name}\\{sink="([^"]+)"\\} (\\S+)$`, "gm");
    return new Map(Array.from(text.matchAll(line), ([, sink = "", value]) => [sink, Number(value)]));
  }

  /** Resolves as soon as the state is as wanted. @throws Error with what it said, when it ends or takes too long */
  async until(what: string, wanted: (state: ServiceStateJson) => boolean, patience = 120_000): Promise<void> {
    for (const end = performance.now() + patience; ;) {
      this.requireRunning();
      const state = await this.state();
      if (wanted(state)) return;
      if (performance.now() > end)
        throw new Error(
          `${what}: not after ${patience} ms\n${JSON.stringify(state.sinks, undefined, 1)}\n${this.#said.slice(-4000)}`,
        );
      await delay(100);
    }
  }

  requireRunning(): void {
    if (this.hasEnded)
      throw new Error(
        `the service ended with ${this.child.exitCode ?? this.child.signalCode ?? "?"}:\n${this.#said.slice(-4000)}`,
      );
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** @returns its exit code; null when a signal killed it */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    if (!this.hasEnded) {
      const ended = once(this.child, "exit");
      this.child.kill(signal);
      await ended;
    }
    return this.child.exitCode;
  }
}

/** Whether everything that was seen is on every sink, and followed. */
export function isCaughtUp(count: number): (state: ServiceStateJson) => boolean {
  return ({ sinks }) =>
    sinks.length === count &&
    sinks.every(
      ({ activity, contexts }) =>
        activity?.job === "follow" &&
        contexts.length > 0 &&
        contexts.every(({ behind }) => behind.tokens === 0),
    );
}
