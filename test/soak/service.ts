import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { appendFileSync, readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { memoryOf } from "../bench/continuous/process.js";
import { binary } from "../support/scene.js";
import { commandEnvironment } from "./commands.js";
import type { Journal } from "./journal.js";

/** What of `/api/state` is looked at (docs/monitoring/README.md). */
export interface State {
  readonly ready: boolean;
  readonly rejectedConfiguration: object | null;
  readonly sinks: readonly SinkState[];
}

export interface SinkState {
  readonly sink: string;
  readonly health: string;
  readonly reasons: readonly string[];
  readonly activity: { readonly job: string } | null;
  readonly contexts: readonly {
    readonly storedToken: number | null;
    readonly behind: { readonly tokens: number; readonly seconds: number };
  }[];
}

/** What a process needs of the machine. */
export interface Needs {
  /** Seconds since the process began. */
  readonly age: number;
  readonly residentBytes: number;
  readonly openFiles: number;
}

const BEGIN_MS = 60_000;
const ASK_MS = 10_000;
/** 10 s are promised, and how long it took is told; the machine may be busy. */
const END_MS = 30_000;

/** `axon-backup run`, over all of its processes. */
export class SoakService {
  #child: ChildProcess | undefined;
  #url = "";
  #began = 0;
  #expectsEnd = false;
  #rest = "";
  /** Of the newest process. */
  readonly needs: Needs[] = [];
  /** The most seconds that it took to end after SIGTERM. */
  slowestEnd: number | undefined;
  /** Those of processes before. */
  readonly lives: (readonly Needs[])[] = [];

  constructor(
    private readonly config: string,
    private readonly logFile: string,
    private readonly journal: Journal,
    /** Texts that must not be in the log. */
    private readonly secrets: readonly string[],
  ) {}

  get isRunning(): boolean {
    return this.#child !== undefined;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [binary, "--config", this.config, "run"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: commandEnvironment(),
    });
    this.#child = child;
    this.#url = "";
    this.#began = performance.now();
    this.#expectsEnd = false;
    this.#rest = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.#take(text);
    });
    child.once("exit", (code, signal) => {
      if (this.#child === child) this.#child = undefined;
      if (!this.#expectsEnd) this.journal.wrong(`the service ended by itself with ${code ?? signal ?? "?"}`);
    });
    for (const end = performance.now() + BEGIN_MS; this.#url === "";) {
      if (this.#child !== child) throw new Error("the service ended at its start");
      if (performance.now() > end) throw new Error("the service doesn't listen");
      await delay(20);
    }
  }

  /** @throws Error when it doesn't answer in time */
  async state(): Promise<State> {
    const response = await fetch(`${this.#url}api/state`, { signal: AbortSignal.timeout(ASK_MS) });
    return (await response.json()) as State;
  }

  /** The status of `/readyz`, and what it says. */
  async ready(): Promise<{ readonly status: number; readonly text: string }> {
    const response = await fetch(`${this.#url}readyz`, { signal: AbortSignal.timeout(ASK_MS) });
    return { status: response.status, text: await response.text() };
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** What the process needs now. */
  look(): void {
    const pid = this.#child?.pid;
    if (pid === undefined) return;
    try {
      this.needs.push({
        age: (performance.now() - this.#began) / 1000,
        residentBytes: memoryOf(pid, "VmRSS"),
        openFiles: readdirSync(`/proc/${pid}/fd`).length,
      });
    } catch (error) {
      // It has ended since.
      if (!(error instanceof Error && "code" in error)) throw error;
    }
  }

  /** Ends it. SIGTERM: it must end in time and with 0. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    this.look();
    this.#expectsEnd = true;
    const [asked, ended] = [performance.now(), once(child, "exit")];
    child.kill(signal);
    const timer = setTimeout(() => {
      this.journal.wrong(`the service hasn't ended ${END_MS / 1000} s after ${signal}`);
      child.kill("SIGKILL");
    }, END_MS);
    const [code] = (await ended) as [number | null];
    clearTimeout(timer);
    this.lives.push(this.needs.splice(0));
    if (signal !== "SIGTERM") return;
    if (code !== 0) this.journal.wrong(`the service ended with ${code ?? "a signal"} after SIGTERM`);
    const seconds = (performance.now() - asked) / 1000;
    this.slowestEnd = Math.max(this.slowestEnd ?? 0, seconds);
  }

  #take(text: string): void {
    appendFileSync(this.logFile, text);
    const [rest = "", ...lines] = (this.#rest + text).split("\n").reverse();
    this.#rest = rest;
    for (const line of lines.reverse()) this.#takeLine(line);
  }

  #takeLine(line: string): void {
    this.#url ||= /metrics and status: (http:\/\/127\.0\.0\.1:\d+\/)/.exec(line)?.[1] ?? "";
    for (const secret of this.secrets)
      if (line.includes(secret)) this.journal.wrong("a secret is in the service's log");
    if (/^\(node:\d+\)/.test(line)) this.journal.wrong(`Node warns: ${line}`);
    if (!line.startsWith("{")) return;
    const entry = parsed(line);
    if (entry === undefined) {
      this.journal.wrong(`a line of the log isn't whole: ${line.slice(0, 200)}`);
      return;
    }
    const { event, sink = "", stack, findings, restorePoints, msg = "" } = entry;
    if (stack !== undefined) this.journal.wrong(`an unexpected error in the log: ${line.slice(0, 2000)}`);
    if (event === undefined) return;
    this.journal.count(`log ${event} ${sink}`);
    if (event === "pruned") this.journal.count(`pruned ${sink}`, restorePoints);
    if (event === "damage" || (event === "verified" && (findings ?? 0) > 0))
      this.journal.wrong(`${sink}: ${msg}`);
  }
}

interface Entry {
  readonly event?: string;
  readonly sink?: string;
  readonly msg?: string;
  readonly stack?: string;
  readonly findings?: number;
  readonly restorePoints?: number;
}

function parsed(line: string): Entry | undefined {
  try {
    return JSON.parse(line) as Entry;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
