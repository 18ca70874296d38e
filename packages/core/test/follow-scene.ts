import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import {
  AxonServerClient,
  AxonServerSource,
  parseStoreFileName,
  type ServerSource,
  type SourceHandle,
} from "@axon-backup/axon-server";
import {
  readSegment,
  type Standin,
  type StandinOptions,
  startStandin,
} from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import type { Sink } from "@axon-backup/sink";
import { memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import {
  backup,
  follow,
  type FollowEnd,
  type FollowEvent,
  type FollowOptions,
  Repository,
  restore,
  type SourceWatch,
  type StoredMoment,
  verify,
  type WatchEvent,
  type WatchOptions,
  watchSource,
} from "../dist/index.js";

/** Waits for what a test is about; the test's own time-out ends it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await setImmediate();
}

/** One sink being followed. */
export class Following {
  readonly events: FollowEvent[] = [];
  readonly ended: Promise<FollowEnd>;
  result: { readonly end: FollowEnd } | { readonly error: unknown } | undefined;
  readonly #stop = new AbortController();

  constructor(options: Omit<FollowOptions, "agent" | "name" | "maxPutRate"> & Partial<FollowOptions>) {
    this.ended = follow({
      name: "memory",
      agent: "0.1.0",
      maxPutRate: { count: 1000, per: 1 },
      ...options,
      signal: this.#stop.signal,
      onEvent: (event) => {
        this.events.push(event);
        options.onEvent?.(event);
      },
    });
    this.ended.then(
      (end) => (this.result = { end }),
      (error: unknown) => (this.result = { error }),
    );
  }

  get stored(): StoredMoment | undefined {
    return this.events.flatMap((event) => ("stored" in event ? [event.stored] : [])).at(-1);
  }

  get warnings(): string[] {
    return this.events.flatMap((event) => (event.kind === "warning" ? [event.message] : []));
  }

  count(kind: FollowEvent["kind"]): number {
    return this.events.filter((event) => event.kind === kind).length;
  }

  get isHeld(): boolean {
    return this.events.filter((event) => event.kind === "lease").at(-1)?.held === true;
  }

  /** Waits until the sink has everything up to this event. */
  async reaches(last: number, context = "default"): Promise<void> {
    await until(() => {
      if (this.result && "error" in this.result) throw this.result.error;
      if (this.result) throw new Error(JSON.stringify(this.result.end));
      const mark = this.stored?.contexts.find((stored) => stored.context === context);
      return (mark?.events.nextToken ?? 0) > last;
    });
  }

  async stop(): Promise<void> {
    this.#stop.abort(new Error("stopped"));
    await this.ended.catch(() => undefined);
  }
}

/** A server that is written to, watched, and followed. */
export class FollowScene {
  readonly directory = mkdtempSync(join(tmpdir(), "axon-backup-follow-"));
  readonly storage = join(this.directory, "data");
  readonly sink: MemorySink = memorySink();
  readonly watchEvents: WatchEvent[] = [];
  standin!: Standin;
  readonly source: ServerSource = this.#counting();
  /** Reads of the server's files, and openings. */
  reads = 0;
  opens = 0;
  #client: AxonServerSource | undefined;
  #watch: SourceWatch | undefined;
  readonly #followings: Following[] = [];
  #restores = 0;

  static async start(options: Partial<StandinOptions> = {}): Promise<FollowScene> {
    const scene = new FollowScene();
    await scene.startServer(options);
    return scene;
  }

  async startServer(options: Partial<StandinOptions> = {}): Promise<void> {
    mkdirSync(this.storage, { recursive: true });
    this.standin = await startStandin({
      generation: "2023.2",
      storage: this.storage,
      segmentSize: 2048,
      indexBytes: 64,
      handoverInterval: "manual",
      ...options,
    });
    const client = new AxonServerClient({ url: this.standin.url, attempts: 1, retryDelay: 1 });
    this.#client = new AxonServerSource({ client, storageRoots: [this.storage] });
  }

  async stopServer(): Promise<void> {
    await this.#client?.close();
    await this.standin.close();
  }

  watch(options: Partial<WatchOptions> = {}): SourceWatch {
    this.#watch ??= watchSource({
      source: this.source,
      interval: 1,
      notice: "files",
      onEvent: (event) => this.watchEvents.push(event),
      ...options,
    });
    return this.#watch;
  }

  follow(options: Partial<FollowOptions> = {}): Following {
    const following = new Following({ watch: this.watch(), sink: this.sink, ...options });
    this.#followings.push(following);
    return following;
  }

  async backup(sink: Sink = this.sink): Promise<void> {
    const { sinks } = await backup({
      source: this.source,
      sinks: [{ name: "memory", open: () => Promise.resolve(sink) }],
      agent: "0.1.0",
      secondLook: 0,
    });
    for (const report of sinks) if (report.outcome === "failed") throw report.error;
  }

  /** The latest restore point, or the head, is restored, compared with the server's files, and verified. @returns the last event's token */
  async check(sink: Sink = this.sink): Promise<number> {
    const target = join(this.directory, `restored-${this.#restores++}`);
    const { restorePoint } = await restore({ sink, name: "memory", target });
    const repository = await Repository.open(sink);
    const head = await repository?.head();
    expect(restorePoint).to.equal(head?.id ?? (await repository?.restorePoints())?.at(-1));
    let next = 0;
    for (const name of readdirSync(join(target, "default")).sort()) {
      const parsed = parseStoreFileName(name, name.endsWith("events") ? "events" : "snapshots");
      if (parsed?.kind !== "segment") continue;
      const path = join(target, "default", name);
      const restored = readFileSync(path);
      const served = readFileSync(join(this.storage, "default", name));
      // Zeros follow what is valid; before, all is as the server has it.
      const { end, nextToken } = readSegment(path, parsed.segment);
      expect(restored.length, name).to.equal(served.length);
      expect(restored.compare(served, 0, end, 0, end), name).to.equal(0);
      if (parsed.store === "events") next = nextToken;
    }
    if (head) expect(head.contexts[0]?.events.nextToken).to.equal(next);
    const { findings } = await verify({ sink, name: "memory", readData: true, mark: false });
    expect(findings).to.deep.equal([]);
    rmSync(target, { recursive: true });
    return next - 1;
  }

  async close(): Promise<void> {
    for (const following of this.#followings) await following.stop();
    await this.#watch?.close();
    await this.stopServer();
    rmSync(this.directory, { recursive: true });
  }

  /** The source of the server that runs now. */
  #counting(): ServerSource {
    const inner = (): AxonServerSource => {
      if (this.#client === undefined) throw new Error("no server");
      return this.#client;
    };
    return {
      identify: (signal) => inner().identify(signal),
      createControlDbBackup: (signal) => inner().createControlDbBackup(signal),
      list: (...given) => inner().list(...given),
      open: async (file): Promise<SourceHandle> => {
        this.opens++;
        const handle = await inner().open(file);
        return {
          size: handle.size,
          read: (buffer, position) => {
            this.reads++;
            return handle.read(buffer, position);
          },
          isCurrent: async () => (await handle.isCurrent?.()) ?? true,
          close: () => handle.close(),
        };
      },
      heads: (signal) => inner().heads(signal),
      measure: (...given) => inner().measure(...given),
      close: () => Promise.resolve(),
    };
  }
}
