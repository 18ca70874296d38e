import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Token } from "@axon-backup/axon-server";
import { objectKey, type Sink } from "@axon-backup/sink";
import { faultySink, memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import {
  backup,
  type BackupOptions,
  type BackupReport,
  type ContextManifest,
  type Manifest,
  Repository,
  restore,
  type RestorePointId,
  type SinkReport,
  verify,
} from "../dist/index.js";
import { TimelineServer } from "./timeline-server.js";
import { isPut } from "./sink-support.js";

/** What a server had of each context, by file. */
type Stores = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;

export type Committed = SinkReport & { readonly outcome: "committed" };

/** A server, sinks, and what each restore point must restore to. */
export class TimelineScene {
  readonly server = new TimelineServer();
  readonly sinks: readonly MemorySink[];
  /** By sink. */
  readonly expected: Map<RestorePointId, Stores>[];

  constructor(sinks = 1) {
    this.sinks = Array.from({ length: sinks }, () => memorySink());
    this.expected = this.sinks.map(() => new Map<RestorePointId, Stores>());
  }

  /** The first one. */
  get sink(): MemorySink {
    const [first] = this.sinks;
    if (first === undefined) throw new Error("no sink");
    return first;
  }

  /** Appends events that no other history has. */
  append(count: number, label: string, context = "default"): void {
    const log = this.server.logs.get(context) ?? [];
    const events = Array.from({ length: count }, (_, index) => `${label}-${log.length + index}`);
    this.server.logs.set(context, [...log, ...events]);
  }

  /** The store has the first `count` events alone. */
  cut(count: number, context = "default"): void {
    this.server.logs.set(context, (this.server.logs.get(context) ?? []).slice(0, count));
  }

  async runAll(indexes: readonly number[], options: Partial<BackupOptions> = {}): Promise<BackupReport> {
    const stores: Stores = new Map(
      [...this.server.logs.keys()].map((name) => [name, this.server.files(name)]),
    );
    const report = await backup({
      source: this.server,
      sinks: indexes.map((index) => ({
        name: String(index),
        open: () => Promise.resolve(this.#sink(index)),
      })),
      agent: "0.1.0",
      secondLook: 0,
      checkpointInterval: 0,
      ...options,
    });
    for (const sink of report.sinks)
      if (sink.outcome === "committed") this.expected[Number(sink.sink)]?.set(sink.restorePoint, stores);
    return report;
  }

  /** Backs up to one sink, and throws unless it commits. */
  async commit(index = 0, options: Partial<BackupOptions> = {}): Promise<Committed> {
    const [report] = (await this.runAll([index], options)).sinks;
    if (report?.outcome === "committed") return report;
    throw report?.error instanceof Error ? report.error : new Error("no report");
  }

  /** Backs up to one sink, and gives the error that it must end with. */
  async fail(index = 0): Promise<Error> {
    const [report] = (await this.runAll([index])).sinks;
    if (report?.outcome === "failed" && report.error instanceof Error) return report.error;
    throw new Error("the run was to fail");
  }

  /** Backs up to one sink and is killed at a write or removal: the one after so many. */
  async killed(index: number, after: number): Promise<BackupReport> {
    let left = after;
    const faulty = faultySink(
      this.#sink(index),
      {},
      {
        onCall(method) {
          if (isPut(method) || method === "delete") left--;
          if (left < 0) throw new Error("killed");
        },
      },
    );
    const sinks = [{ name: String(index), open: () => Promise.resolve(faulty) }];
    const report = await this.runAll([index], { sinks, concurrency: 1 });
    // As the lock of a process that is dead is taken over; this one isn't.
    this.sinks[index]?.storage.delete(objectKey("writer.json"));
    return report;
  }

  async manifests(index = 0): Promise<Manifest[]> {
    const repository = await this.#repository(index);
    return Promise.all((await repository.restorePoints()).map((id) => repository.manifest(id)));
  }

  /** What objects there are, to be compared later. */
  objects(prefix: string, index = 0): Map<string, string> {
    return new Map(
      [...(this.sinks[index]?.storage ?? [])]
        .filter(([key]) => key.startsWith(prefix))
        .map(([key, { bytes }]) => [key, Buffer.from(bytes).toString("hex")]),
    );
  }

  /** Puts every restore point together from its objects, as docs/repository-format.md says it is done by hand, and compares with what the server had. */
  async checkByHand(): Promise<void> {
    for (const index of this.sinks.keys()) {
      const expected = this.expected[index] ?? new Map<RestorePointId, Stores>();
      if (expected.size === 0) continue;
      const repository = await this.#repository(index);
      for (const [id, stores] of expected) {
        const { contexts } = await repository.manifest(id);
        for (const context of contexts)
          this.#compare(
            `${id} of sink ${index}`,
            stores.get(context.name),
            await this.#putTogether(repository, index, context),
          );
      }
    }
  }

  /** Restores every restore point with the engine, compares it, and verifies every byte. */
  async checkAll(): Promise<void> {
    await this.checkByHand();
    for (const index of this.sinks.keys()) {
      if ((this.expected[index]?.size ?? 0) === 0) continue;
      const { findings } = await verify({
        sink: this.#sink(index),
        name: String(index),
        readData: true,
        mark: false,
      });
      if (findings.length > 0) throw new Error(JSON.stringify(findings));
      for (const [id, stores] of this.expected[index] ?? []) await this.#restore(index, id, stores);
    }
  }

  /** Restores `default` up to a token, from the first sink. */
  async restoreTo(
    last: Token,
    restorePoint?: RestorePointId,
  ): Promise<{ restorePoint: RestorePointId; segment(first: number): Buffer }> {
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-timelines-"));
    try {
      const target = join(directory, "restored");
      const options = { sink: this.#sink(0), name: "0", target, token: last };
      const report = await restore({ ...options, ...(restorePoint && { restorePoint }) });
      const files = new Map(
        readdirSync(join(target, "default")).map((name) => [
          name,
          readFileSync(join(target, "default", name)),
        ]),
      );
      return {
        restorePoint: report.restorePoint,
        segment: (first) => files.get(`${String(first).padStart(20, "0")}.events`) ?? Buffer.alloc(0),
      };
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  async #restore(index: number, id: RestorePointId, stores: Stores): Promise<void> {
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-timelines-"));
    try {
      const target = join(directory, "restored");
      await restore({ sink: this.#sink(index), name: String(index), target, restorePoint: id });
      for (const [context, files] of stores) {
        const restored = readdirSync(join(target, context)).map(
          (name) => [name, readFileSync(join(target, context, name))] as const,
        );
        this.#compare(`${id} of sink ${index}, restored`, files, new Map(restored));
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  }

  async #putTogether(
    repository: Repository,
    index: number,
    context: ContextManifest,
  ): Promise<Map<string, Buffer>> {
    const folder = `${context.name}${context.timeline === 0 ? "" : `@${context.timeline}`}`;
    const files = new Map<string, Buffer>();
    for (const store of ["events", "snapshots"] as const) {
      const object = (key: string): Buffer =>
        Buffer.from(this.sinks[index]?.storage.get(objectKey(key))?.bytes ?? []);
      const read = (name: string): Buffer => object(`contexts/${folder}/${store}/${name}`);
      for (const { name } of await repository.closedFiles(context[store])) files.set(name, read(name));
      for (const { name, validBytes, length } of context[store].open) {
        let bytes = read(name);
        for (let more = bytes; bytes.length < validBytes && more.length > 0;) {
          more = object(`pieces/${folder}/${store}/${name}/${bytes.length}`);
          bytes = Buffer.concat([bytes, more]);
        }
        files.set(name, Buffer.concat([bytes.subarray(0, validBytes)], length));
      }
    }
    return files;
  }

  #compare(
    where: string,
    expected: ReadonlyMap<string, Buffer> | undefined,
    found: ReadonlyMap<string, Buffer>,
  ): void {
    const text = (files: ReadonlyMap<string, Buffer> | undefined): string =>
      JSON.stringify([...(files ?? [])].map(([name, bytes]) => [name, bytes.toString("hex")]).sort());
    if (text(expected) !== text(found)) throw new Error(`${where} is not what the server had`);
  }

  async #repository(index: number): Promise<Repository> {
    const repository = await Repository.open(this.#sink(index));
    if (repository === undefined) throw new Error(`sink ${index} is empty`);
    return repository;
  }

  #sink(index: number): Sink {
    const sink = this.sinks[index];
    if (sink === undefined) throw new Error(`no sink ${index}`);
    return sink;
  }
}
