import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { generateStore, type GenerateOptions } from "@axon-backup/axon-server-standin";

const repositoryRoot = fileURLToPath(new URL("../../../", import.meta.url));
const agent = join(repositoryRoot, "packages/agent/bin/axon-backup.js");
const server = join(repositoryRoot, "packages/axon-server-standin/bin/axon-server-standin.js");

/** Whether a program can be run. */
export function hasProgram(name: string, ...args: readonly string[]): boolean {
  return spawnSync(name, args, { stdio: "ignore" }).status === 0;
}

/** A generated store, the server that stands before it, and where things are put. */
export interface Store {
  readonly directory: string;
  /** With the context's directory. */
  readonly data: string;
  readonly bytes: number;
  readonly files: number;
}

/** The temporary folder with everything in it, and the servers. */
export class Workshop {
  readonly #servers: ChildProcess[] = [];

  private constructor(
    readonly directory: string,
    readonly signal: AbortSignal,
  ) {}

  static open(parent: string, signal: AbortSignal): Workshop {
    return new Workshop(mkdtempSync(join(parent, "axon-backup-bench-")), signal);
  }

  path(...names: readonly string[]): string {
    return join(this.directory, ...names);
  }

  /** Generates a store without an open segment (the server makes a small one), and a server process that serves it. */
  async store(
    name: string,
    options: Omit<GenerateOptions, "directory" | "open">,
  ): Promise<Store & { readonly url: string }> {
    const data = this.path(name, "data");
    mkdirSync(data, { recursive: true });
    await generateStore({ ...options, directory: join(data, "default"), open: false, signal: this.signal });
    const url = await this.#serve(data);
    return { directory: this.path(name), data, url, ...contentOf(data) };
  }

  /** A configuration with one sink: a directory, or the lines of its YAML file. */
  configuration(
    store: Store & { readonly url: string },
    name: string,
    sink: string | readonly string[],
  ): string {
    const lines = typeof sink === "string" ? ["type: local", `path: ${sink}`] : sink;
    const config = join(store.directory, `config-${name}`);
    mkdirSync(join(config, "sinks.d"), { recursive: true });
    writeFileSync(join(config, "agent.yaml"), `server:\n  url: ${store.url}\n  storage: [${store.data}]\n`);
    writeFileSync(join(config, "sinks.d", "nas.yaml"), `${lines.join("\n")}\n`);
    return config;
  }

  async #serve(storage: string): Promise<string> {
    const child = spawn(process.execPath, [server, "--storage", storage, "--port", "0"], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.#servers.push(child);
    return new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code) => {
        reject(new Error(`the stand-in server ended with ${code ?? "a signal"}`));
      });
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        const [url] = /^http:\S+(?=,)/.exec(text) ?? [];
        if (url !== undefined) resolve(url);
      });
    });
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers
        .filter((child) => child.exitCode === null && child.signalCode === null)
        .map(async (child) => {
          const ended = new Promise((resolve) => child.once("exit", resolve));
          child.kill();
          await ended;
        }),
    );
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** The command line, as a user runs it. */
export function axonBackup(config: string, ...args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, agent, "--config", config, "--quiet", ...args];
}

/** The command line without a configuration. */
export function axonBackupVersion(): readonly [string, ...string[]] {
  return [process.execPath, agent, "--version"];
}

/** How much is below a directory. */
export function contentOf(directory: string): { readonly bytes: number; readonly files: number } {
  const paths = filesBelow(directory);
  return { bytes: paths.reduce((sum, path) => sum + statSync(path).size, 0), files: paths.length };
}

/** The regular files below a directory. */
export function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
