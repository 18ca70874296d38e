import { spawn } from "node:child_process";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  copyStore,
  type Generation,
  type Standin,
  type StandinOptions,
  startStandin,
} from "@axon-backup/axon-server-standin";

const repositoryRoot = fileURLToPath(new URL("../../../", import.meta.url));
export const binary = join(repositoryRoot, "packages/agent/bin/axon-backup.js");
export const fixtures = join(repositoryRoot, "test/fixtures");

/** What a command left behind. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that runs. */
export interface Running {
  readonly pid: number;
  /** What it has written to its standard error so far. */
  said(): string;
  kill(signal: NodeJS.Signals): void;
  readonly ended: Promise<Ended>;
}

export interface SceneOptions extends Partial<StandinOptions> {
  /** The store to begin with: a fixture's directory below `test/fixtures`, or none. Default `<generation>/store`. */
  readonly store?: string | null;
  /** Lines for agent.yaml, behind `url`. `{storage}` is replaced. */
  readonly server?: readonly string[];
  /** Names of local sinks. Default: nas. */
  readonly sinks?: readonly string[];
  /** Fills the storage directory before the server starts. */
  readonly prepare?: (storage: string) => unknown;
}

/** A stand-in server, a configuration and sinks in a temporary folder; commands are run as a user would. */
export class Scene {
  /** What `axon-backup` is started by: a command and its arguments in front of it. Default: nothing. */
  through: readonly string[] = [];

  private constructor(
    readonly directory: string,
    readonly server: Standin,
    readonly config: string,
  ) {}

  static async open(options: SceneOptions = {}): Promise<Scene> {
    const { store, server: lines = ["storage: [{storage}]"], sinks = ["nas"], prepare, ...standin } = options;
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-test-"));
    const generation: Generation = standin.generation ?? "2023.2";
    const storage = join(directory, "server", "data");
    mkdirSync(storage, { recursive: true });
    if (store !== null) copyStore(join(fixtures, store ?? `${generation}/store`), storage);
    await prepare?.(storage);
    const server = await startStandin({ handoverInterval: 0, ...standin, generation, storage });
    const config = join(directory, "config");
    mkdirSync(join(config, "sinks.d"), { recursive: true });
    const scene = new Scene(directory, server, config);
    scene.writeAgentConfig(lines);
    for (const name of sinks) scene.writeSink(name, [`type: local`, `path: ${scene.sinkPath(name)}`]);
    return scene;
  }

  get storage(): string {
    return this.server.storage;
  }

  sinkPath(name = "nas"): string {
    return join(this.directory, "sinks", name);
  }

  /** A path for something new. */
  path(name: string): string {
    return join(this.directory, name);
  }

  writeAgentConfig(server: readonly string[], rest: readonly string[] = [], url = this.server.url): void {
    const lines = server.map((line) => `  ${line.replaceAll("{storage}", this.storage)}`);
    // The port that is the default is one for the whole machine.
    const quiet = rest.some((line) => line.startsWith("service:")) ? [] : ["service: {listen: off}"];
    writeFileSync(
      join(this.config, "agent.yaml"),
      ["server:", `  url: ${url}`, ...lines, ...quiet, ...rest, ""].join("\n"),
    );
  }

  writeSink(name: string, lines: readonly string[]): void {
    mkdirSync(join(this.directory, "sinks"), { recursive: true });
    writeFileSync(join(this.config, "sinks.d", `${name}.yaml`), `${lines.join("\n")}\n`);
  }

  addToSink(name: string, line: string): void {
    appendFileSync(join(this.config, "sinks.d", `${name}.yaml`), `${line}\n`);
  }

  /** Starts `axon-backup`. */
  start(args: readonly string[], env: NodeJS.ProcessEnv = {}): Running {
    const [command = "", ...rest] = [
      ...this.through,
      process.execPath,
      binary,
      "--config",
      this.config,
      ...args,
    ];
    const child = spawn(command, rest, {
      env: { ...process.env, NO_COLOR: "1", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code, signal) => {
        const stderr = Buffer.concat(err).toString();
        // A leak of listeners, or a deprecated call: nothing that an operator should have to read.
        if (/^\(node:\d+\)/m.test(stderr))
          reject(new Error(`axon-backup ${args.join(" ")}: Node warns\n${stderr}`));
        else resolve({ code, signal, stdout: Buffer.concat(out).toString(), stderr });
      });
    });
    if (child.pid === undefined) throw new Error("the command could not be started");
    return {
      pid: child.pid,
      said: () => Buffer.concat(err).toString(),
      kill: (signal) => {
        child.kill(signal);
      },
      ended,
    };
  }

  /** Runs `axon-backup` to its end. */
  async run(...args: readonly string[]): Promise<Ended> {
    return this.start(args).ended;
  }

  /** Runs it, and throws with everything that it said unless it ends with `code`. */
  async expect(code: number, ...args: readonly string[]): Promise<Ended> {
    const ended = await this.run(...args);
    if (ended.code !== code)
      throw new Error(
        `axon-backup ${args.join(" ")} ended with ${ended.code ?? ended.signal ?? "?"} instead of ${code}\n${ended.stdout}\n${ended.stderr}`,
      );
    return ended;
  }

  /** Runs it with `--json`, expecting success (or `code`). */
  async json<T>(args: readonly string[], code = 0): Promise<T> {
    const { stdout } = await this.expect(code, ...args, "--json");
    return JSON.parse(stdout) as T;
  }

  async close(): Promise<void> {
    await this.server.close();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Every file below a directory, by its path from there. */
export function filesBelow(directory: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  if (!existsSync(directory)) return files;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(directory.length + 1), readFileSync(path));
  }
  return files;
}

/** Throws unless the restored context has exactly the files that the server has, byte for byte; index files of open segments aside. */
export function compareStores(server: string, restored: string): void {
  const expected = filesBelow(server);
  const actual = filesBelow(restored);
  for (const [name, bytes] of expected) {
    const found = actual.get(name);
    if (found === undefined) throw new Error(`${name} was not restored`);
    if (Buffer.compare(found, bytes) !== 0) throw new Error(`${name} was restored with other bytes`);
    actual.delete(name);
  }
  if (actual.size > 0) throw new Error(`restored, but not on the server: ${[...actual.keys()].join(", ")}`);
}
