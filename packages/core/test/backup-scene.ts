import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { SegmentScanner, token } from "@axon-backup/axon-server";
import { type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import { memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import {
  backup,
  type BackupOptions,
  type BackupReport,
  Repository,
  type SinkReport,
  verify,
} from "../dist/index.js";
import { DirectorySource } from "./directory-source.js";

const fixture = fileURLToPath(new URL("../../../test/fixtures/2023.2/", import.meta.url));

/** The key of a segment of the scene. */
export const segmentKey = (segment: number, store = "events"): ObjectKey =>
  objectKey(`contexts/default/${store}/${String(segment).padStart(20, "0")}.${store}`);

/** A captured store in two states: a younger one, in which segment 133 is still open, and the whole. */
export class BackupScene {
  readonly directory = mkdtempSync(join(tmpdir(), "axon-backup-core-"));
  readonly store = join(this.directory, "default");
  readonly sink: MemorySink = memorySink();
  readonly source: DirectorySource;
  /** Files that a page lists; the engine's own number, if undefined. */
  pageFiles: number | undefined;

  constructor(state: "young" | "whole" = "whole") {
    cpSync(join(fixture, "store/default"), this.store, { recursive: true });
    // 2 MiB each, mostly zeros: two of them are enough elsewhere.
    for (const name of readdirSync(this.store))
      if (name.endsWith("index")) writeFileSync(join(this.store, name), name);
    this.source = new DirectorySource(this.store, join(fixture, "controldb1795486544709.zip"), {
      events: 152,
      snapshots: 0,
    });
    if (state === "young") this.makeYoung();
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** As it was when segment 133 had five transactions. */
  makeYoung(): void {
    for (const name of readdirSync(this.store))
      if (Number.parseInt(name, 10) > 133 || /^0*133\..*(index|bloom)$/.test(name))
        rmSync(join(this.store, name));
    const path = join(this.store, `${"133".padStart(20, "0")}.events`);
    const bytes = readFileSync(path);
    const ends: number[] = [];
    const scanner = new SegmentScanner({ segment: token(133), onTransaction: ({ end }) => ends.push(end) });
    scanner.push(bytes);
    bytes.fill(0, ends[4]);
    writeFileSync(path, bytes);
    this.source.lastClosed.events = 99;
  }

  /** The server has gone on: the store as it was captured. */
  grow(): void {
    cpSync(join(fixture, "store/default"), this.store, {
      recursive: true,
      filter: (path) => !path.endsWith("index"),
    });
    this.source.lastClosed.events = 152;
  }

  async run(sink: Sink = this.sink, options: Partial<BackupOptions> = {}): Promise<SinkReport> {
    const report = await this.runAll([sink], options);
    const [first] = report.sinks;
    if (first === undefined) throw new Error("no report");
    return first;
  }

  async runAll(sinks: readonly Sink[], options: Partial<BackupOptions> = {}): Promise<BackupReport> {
    return backup({
      source: this.source,
      sinks: sinks.map((sink, index) => ({ name: `sink${index}`, open: () => Promise.resolve(sink) })),
      agent: "0.1.0",
      secondLook: 0,
      ...(this.pageFiles !== undefined && { pageFiles: this.pageFiles }),
      ...options,
    });
  }

  /** Runs, and throws what went wrong unless it committed. */
  async commit(
    sink: Sink = this.sink,
    options: Partial<BackupOptions> = {},
  ): Promise<SinkReport & { outcome: "committed" }> {
    const report = await this.run(sink, options);
    if (report.outcome === "failed") throw report.error;
    return report;
  }

  /** Runs, and gives the error that it must end with. */
  async fail(sink: Sink = this.sink, options: Partial<BackupOptions> = {}): Promise<Error> {
    const report = await this.run(sink, options);
    if (report.outcome === "failed" && report.error instanceof Error) return report.error;
    throw new Error(`the run was to fail, and ended with ${JSON.stringify(report)}`);
  }

  async restorePoints(): Promise<number> {
    const repository = await Repository.open(this.sink);
    return (await repository?.restorePoints())?.length ?? 0;
  }

  /** Reads everything that any restore point needs; throws the findings. */
  async verifyAll(): Promise<void> {
    const { findings } = await verify({ sink: this.sink, name: "memory", readData: true, mark: false });
    if (findings.length > 0) throw new Error(JSON.stringify(findings));
  }
}
