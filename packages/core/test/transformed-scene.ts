import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import type { StoreKind } from "@axon-backup/axon-server";
import { memorySink } from "@axon-backup/sink-testkit";
import { backup, Repository, restore, type RestorePointId, type SinkReport, verify } from "../dist/index.js";
import { DirectorySource } from "./directory-source.js";

const FIXTURE = fileURLToPath(new URL("../../../test/fixtures/2023.2/", import.meta.url));
const TRANSFORMED = join(FIXTURE, "store-transformed/default");

type Committed = SinkReport & { readonly outcome: "committed" };

/** Segments in a version: `0_1` for `0_00001`. */
const fileOf = (segment: string, extension = "events"): string => {
  const [first = "", version] = segment.split("_");
  return `${first.padStart(20, "0")}${version === undefined ? "" : `_${version.padStart(5, "0")}`}.${extension}`;
};

/**
 * The captured server, through its moments `6-after-oversize`, `7-transformed`, `8-transformed-twice` and `9-compacted`. Index files stand in a few bytes, and name what they are of.
 */
export class TransformedScene {
  readonly directory = mkdtempSync(join(tmpdir(), "axon-backup-transformed-"));
  readonly store = join(this.directory, "default");
  readonly sink = memorySink();
  readonly source: DirectorySource;

  constructor() {
    mkdirSync(this.store);
    for (const name of readdirSync(TRANSFORMED)) if (/^\d+\.(events|snapshots)$/.test(name)) this.#take(name);
    this.source = new DirectorySource(this.store, join(FIXTURE, "controldb1795486544709.zip"), {
      events: 152,
      snapshots: 0,
    });
  }

  close(): void {
    rmSync(this.directory, { recursive: true });
  }

  /** The server writes new versions. */
  transform(...segments: readonly string[]): void {
    for (const segment of segments) this.#take(fileOf(segment));
  }

  /** Compaction removes versions; the server goes on listing index files of theirs. */
  compact(...segments: readonly string[]): void {
    for (const segment of segments) {
      for (const extension of ["events", "index"]) rmSync(join(this.store, fileOf(segment, extension)));
      this.source.phantoms.add(fileOf(segment, "index"));
    }
  }

  /** Segment 99 is still open, and there is nothing after it. */
  makeYoung(): void {
    for (const name of readdirSync(this.store))
      if (Number.parseInt(name, 10) > 99 || /^0*99\.index$/.test(name)) rmSync(join(this.store, name));
    const path = join(this.store, fileOf("99"));
    const bytes = readFileSync(path);
    const [end = 0] = transactionsOf(bytes).slice(5);
    writeFileSync(path, bytes.fill(0, end));
    this.source.lastClosed.events = 66;
  }

  /** The server goes on, as it did. */
  grow(): void {
    for (const name of readdirSync(TRANSFORMED))
      if (/^\d+\.events$/.test(name) && Number.parseInt(name, 10) >= 99) this.#take(name);
    this.source.lastClosed.events = 152;
  }

  /** A segment of another history: an event of it is another one. */
  falsify(segment: string): void {
    const path = join(this.store, fileOf(segment));
    const bytes = readFileSync(path);
    const size = bytes.readInt32BE(5);
    const end = 5 + 7 + size;
    bytes.writeUInt8(bytes.readUInt8(end - 3) ^ 1, end - 3);
    bytes.writeUInt32BE(crc32(bytes.subarray(5 + 7, end)), end);
    writeFileSync(path, bytes);
  }

  /** A version is taken away, and the one before is there again: the server was brought back to before the transformation. */
  undo(segment: string, version: string): void {
    for (const extension of ["events", "index"]) rmSync(join(this.store, fileOf(version, extension)));
    this.#take(fileOf(segment));
  }

  /** `8-transformed-twice`. */
  transformTwice(): void {
    this.transform("0_1", "66_1", "0_2", "99_2");
  }

  /** `9-compacted`. */
  compactAll(): void {
    this.compact("0", "0_1", "66", "99");
  }

  async commit(): Promise<Committed> {
    const { sinks } = await backup({
      source: this.source,
      sinks: [{ name: "memory", open: () => Promise.resolve(this.sink) }],
      agent: "0.1.0",
      secondLook: 0,
    });
    const [report] = sinks;
    if (report?.outcome === "committed") return report;
    throw report?.error instanceof Error ? report.error : new Error("no report");
  }

  async repository(): Promise<Repository> {
    const repository = await Repository.open(this.sink);
    if (repository === undefined) throw new Error("the sink is empty");
    return repository;
  }

  /** The closed files of a restore point's store that have this extension, in short. */
  async closed(
    id: RestorePointId,
    store: StoreKind = "events",
    extension: string = store,
  ): Promise<string[]> {
    const repository = await this.repository();
    const [context] = (await repository.manifest(id)).contexts;
    if (context === undefined) throw new Error("no context");
    const files = await repository.closedFiles(context[store]);
    return files.flatMap(({ name }) => (name.endsWith(`.${extension}`) ? [short(name)] : [])).sort(bySegment);
  }

  /** What was opened of events since the last time, in short. */
  opened(): string[] {
    const opened = this.source.calls
      .splice(0)
      .flatMap((call) => /^open (\S+\.events)$/.exec(call)?.[1] ?? []);
    return [...new Set(opened)].map(short).sort(bySegment);
  }

  /** Restores, and gives the events' segments by name, in short. */
  async restored(
    options: Partial<Parameters<typeof restore>[0]> = {},
  ): Promise<{ readonly restorePoint: RestorePointId; readonly files: ReadonlyMap<string, Buffer> }> {
    const target = mkdtempSync(join(this.directory, "restored-"));
    const { restorePoint } = await restore({
      sink: this.sink,
      name: "memory",
      target: join(target, "data"),
      ...options,
    });
    const directory = join(target, "data/default");
    const files = readdirSync(directory).filter((name) => name.endsWith(".events"));
    return {
      restorePoint,
      files: new Map(files.map((name) => [short(name), readFileSync(join(directory, name))])),
    };
  }

  async verifyAll(): Promise<void> {
    const { findings } = await verify({ sink: this.sink, name: "memory", readData: true, mark: false });
    if (findings.length > 0) throw new Error(JSON.stringify(findings));
  }

  /** The bytes of a segment, in short, as the fixture has it. */
  bytes(segment: string): Buffer {
    return readFileSync(join(TRANSFORMED, fileOf(segment)));
  }

  #take(name: string): void {
    cpSync(join(TRANSFORMED, name), join(this.store, name));
    const [, base, extension] = /^(.*)\.(events|snapshots)$/.exec(name) ?? [];
    const index = `${base ?? ""}.${extension === "events" ? "index" : "sindex"}`;
    writeFileSync(join(this.store, index), index);
  }
}

/** Where each transaction of a segment begins, and the last one ends. */
function transactionsOf(bytes: Buffer): number[] {
  const positions = [5];
  for (let position = 5, size = bytes.readInt32BE(5); size > 0; size = bytes.readInt32BE(position))
    positions.push((position += 7 + size + 4));
  return positions;
}

const short = (name: string): string =>
  name.replace(/^0{1,19}(?=\d)/, "").replace(/_0*|\.[a-z]+$/g, (part) => (part.startsWith("_") ? "_" : ""));

const bySegment = (one: string, other: string): number =>
  Number.parseInt(one, 10) - Number.parseInt(other, 10) || (one < other ? -1 : 1);

/** What stands in the place of a deleted event's payload. */
const EMPTY = Buffer.from("\n\x05empty");

/** The tokens of events that a transformation has deleted. */
export function emptied(files: ReadonlyMap<string, Buffer>): number[] {
  return [...files].flatMap(([segment, bytes]) => {
    const tokens: number[] = [];
    let token = Number.parseInt(segment, 10);
    for (const position of transactionsOf(bytes).slice(0, -1)) {
      let event = position + 7;
      for (let left = bytes.readInt16BE(position + 5); left > 0; left--, token++) {
        event += 4 + bytes.readInt32BE(event);
        if (bytes.subarray(event - EMPTY.length, event).equals(EMPTY)) tokens.push(token);
      }
    }
    return tokens;
  });
}
