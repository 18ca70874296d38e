import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SoakServer } from "./server.js";
import type { SoakSink } from "./sinks.js";

/** How often things are scheduled, in seconds. */
export interface Pace {
  readonly restorePoints: number;
  readonly verify: number;
  readonly prune: number;
}

export const KEEP_LAST = 6;

/** What a sink's file may have besides: all of it right, and none of it the same for the service. */
const SINK_VARIANTS: readonly (readonly string[])[] = [
  [],
  ["retries: {for: 15s, max_wait: 5s}", "timeouts: {stall: 10s}"],
  ["connections: 2", "timeouts: {stall: 20s}"],
  ["retries: {for: 5s, attempts: 1}", "limits: {upload: 20MiB}"],
];
const AGENT_VARIANTS: readonly string[] = ["1s", "500ms", "2s"];

/** What is wrong in a configuration that must not be taken. */
const MISTAKES: readonly ((config: string) => void)[] = [
  (config) => {
    writeFileSync(join(config, "sinks.d", "zz-more.yaml"), "type: local\npth: /nowhere\n");
  },
  (config) => {
    writeFileSync(join(config, "sinks.d", "zz-more.yaml"), "type: nothing\npath: /nowhere\n");
  },
  (config) => {
    writeFileSync(join(config, "agent.yaml"), "server: {url: [\n");
  },
  (config) => {
    writeFileSync(
      join(config, "agent.yaml"),
      "server:\n  url: http://127.0.0.1:1\nschedule: {every: often}\n",
    );
  },
];

/** The service's configuration, which changes, and those of commands: with and without the proxies. */
export class Configuration {
  readonly service: string;
  readonly direct: string;
  readonly faulty: string;
  readonly #tokenFile: string;
  #interval = AGENT_VARIANTS[0] ?? "1s";
  readonly #variants = new Map<string, readonly string[]>();

  constructor(
    directory: string,
    private readonly server: SoakServer,
    private readonly sinks: readonly SoakSink[],
    private readonly pace: Pace,
    token: string,
  ) {
    this.service = join(directory, "service");
    this.direct = join(directory, "direct");
    this.faulty = join(directory, "faulty");
    for (const config of [this.service, this.direct, this.faulty])
      mkdirSync(join(config, "sinks.d"), { recursive: true });
    this.#tokenFile = join(directory, "token");
    writeFileSync(this.#tokenFile, `${token}\n`, { mode: 0o600 });
    this.write();
    for (const way of ["direct", "faulty"] as const) {
      writeFileSync(join(this[way], "agent.yaml"), lines(this.#serverLines()));
      for (const sink of sinks) writeFileSync(this.#sinkFile(this[way], sink), lines(sink.yaml(way)));
    }
  }

  /** As it should be. */
  write(): void {
    const { restorePoints, verify, prune } = this.pace;
    writeFileSync(
      join(this.service, "agent.yaml"),
      lines([
        ...this.#serverLines(),
        "log: {level: debug, format: json}",
        "service: {listen: 127.0.0.1:0}",
        `schedule: {every: ${restorePoints}s}`,
        `continuous: {interval: ${this.#interval}}`,
        `verify: {every: ${verify}s, budget: 30%}`,
        `prune: {every: ${prune}s}`,
        "promise: {lag: 30s}",
      ]),
    );
    for (const sink of this.sinks)
      writeFileSync(
        this.#sinkFile(this.service, sink),
        lines([
          ...sink.yaml("faulty"),
          `retention: {keep_last: ${KEEP_LAST}}`,
          ...(this.#variants.get(sink.name) ?? []),
        ]),
      );
    writeFileSync(
      join(this.service, "sinks.d", "zz-more.yaml"),
      "type: local\npath: /nowhere\nenabled: false\n",
    );
  }

  /** Another one that is right. */
  change(random: () => number): void {
    const pick = <T>(all: readonly T[]): T | undefined => all[Math.floor(random() * all.length)];
    if (random() < 0.3)
      this.#interval = pick(AGENT_VARIANTS.filter((each) => each !== this.#interval)) ?? "1s";
    for (const { name } of this.sinks)
      if (random() < 0.5) this.#variants.set(name, pick(SINK_VARIANTS) ?? []);
    this.write();
  }

  /** One that is wrong. */
  spoil(random: () => number): void {
    MISTAKES[Math.floor(random() * MISTAKES.length)]?.(this.service);
  }

  #sinkFile(config: string, sink: SoakSink): string {
    return join(config, "sinks.d", `${sink.name}.yaml`);
  }

  #serverLines(): readonly string[] {
    const { url, storage, controlDbDirectory } = this.server;
    return [
      "server:",
      `  url: ${url}`,
      `  token: {file: ${this.#tokenFile}}`,
      `  storage: [${storage}]`,
      `  control_db: [${controlDbDirectory}]`,
      "  remove_control_db_zips: true",
    ];
  }
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
