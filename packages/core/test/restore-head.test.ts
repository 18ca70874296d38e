import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { token } from "@axon-backup/axon-server";
import { type ObjectKey, objectKey } from "@axon-backup/sink";
import { memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import {
  checkRestored,
  type HeadManifest,
  previewRestore,
  Repository,
  restore,
  type RestoreOptions,
  type RestoreReport,
} from "../dist/index.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { describeHeads, storeHead } from "./support-head.js";
import {
  afterTransaction,
  cutBytes,
  type Files,
  filesAt,
  fixture,
  newestSegments,
  pointId,
  type ServerState,
  stateAt,
  storeRestorePoint,
} from "./support-restore.js";

/** A captured store: two restore points, and a head after the second. */
describeHeads("restoring a head", (pieceBytes) => {
  let whole: ServerState;
  let events: Files;
  let directory: string;
  let sink: MemorySink;
  let head: HeadManifest;
  before(async () => {
    whole = await fixture("2023.2");
    events = whole.contexts[0]?.events ?? new Map();
  });
  const AT = [60, 110, 140] as const;
  const stateOf = (last: number): ServerState => stateAt(whole, last, -1);
  const follow = (last: number, of = sink): Promise<HeadManifest> =>
    storeHead(of, (_, store) => filesAt(store, whole.contexts[0]?.[store] ?? new Map(), last), {
      now: new Date(0),
      pieceBytes,
    });
  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), "axon-backup-head-"));
    sink = memorySink();
    await storeRestorePoint(sink, pointId(0), stateOf(AT[0]));
    await storeRestorePoint(sink, pointId(1), stateOf(AT[1]));
    head = await follow(AT[2]);
  });
  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  let runs = 0;
  const run = async (
    options: Partial<RestoreOptions> = {},
  ): Promise<RestoreReport & { files: Map<string, Buffer> }> => {
    const target = join(directory, String(runs++));
    const report = await restore({ sink, name: "memory", target, ...options });
    const names = readdirSync(join(target, "default"));
    const files = new Map(names.map((name) => [name, readFileSync(join(target, "default", name))]));
    return { ...report, files } as unknown as RestoreReport & { files: Map<string, Buffer> };
  };
  const failure = async (options: Partial<RestoreOptions>): Promise<Error> => {
    try {
      await run(options);
    } catch (error) {
      if (error instanceof Error) return error;
    }
    throw new Error("it was to fail");
  };
  const eventsOf = (files: Files): Files =>
    new Map([...files].filter(([name]) => name.endsWith(".events")).sort());
  /** The segments when `last` had just been written. */
  const expected = (last: number): Files => eventsOf(filesAt("events", events, last));
  const spoil = (key: ObjectKey): void => {
    const { bytes } = sink.storage.get(key) ?? {};
    if (bytes) bytes[100] = (bytes[100] ?? 0) ^ 1;
  };

  it("is the latest one, byte for byte, with the control DB of the restore point before", async () => {
    for (const restorePoint of [undefined, "latest", "head", head.id] as const) {
      const report = await run(restorePoint === undefined ? {} : { restorePoint });
      expect(report).to.deep.include({ restorePoint: head.id, isHead: true });
      expect(report.controlDb.restorePoint).to.equal(pointId(1));
      expect(eventsOf(report.files)).to.deep.equal(expected(AT[2]));
    }
  });

  it("leaves restore points what they are", async () => {
    for (const number of [0, 1] as const) {
      const report = await run({ restorePoint: pointId(number) });
      expect(report).to.deep.include({ restorePoint: pointId(number), isHead: false });
      expect(eventsOf(report.files)).to.deep.equal(expected(AT[number]));
    }
  });

  it("has what comes after the newest restore point, to a token; before that, the closest restore point's control DB is taken", async () => {
    const beyond = await run({ token: token(130) });
    expect(beyond).to.deep.include({ restorePoint: head.id, isHead: true });
    expect(beyond.controlDb.restorePoint).to.equal(pointId(1));
    const { files } = beyond;
    const last = newestSegments("events", events)
      .filter(({ name }) => name.segment <= 130)
      .at(-1);
    const end = last?.transactions.filter(({ firstToken }) => firstToken <= 130).at(-1)?.end ?? 0;
    expect(last && files.get(last.name.name)).to.deep.equal(last && cutBytes(last.bytes, end));
    expect(beyond.contexts[0]?.events.nextToken).to.equal(afterTransaction(events, 130));
    expect(await run({ token: token(100) })).to.deep.include({ restorePoint: pointId(1), isHead: false });
    expect(await run({ token: token(40) })).to.deep.include({ restorePoint: pointId(0), isHead: false });
    expect(await run({ token: token(40), restorePoint: "head" })).to.deep.include({ restorePoint: head.id });
  });

  it("is searched for a time", async () => {
    const { contexts } = await run();
    const at = contexts[0]?.events.lastTimestamp;
    if (!at) throw new Error("no time");
    const report = await run({ time: at });
    expect(report).to.deep.include({ restorePoint: head.id });
    expect(report.contexts[0]?.events.nextToken).to.equal(contexts[0]?.events.nextToken);
  });

  it("is previewed and checked like a restore point", async () => {
    const target = join(directory, "preview");
    const preview = await previewRestore({ sink, name: "memory", target });
    expect(preview).to.deep.include({ restorePoint: head.id, isHead: true });
    expect(preview.controlDb.restorePoint).to.equal(pointId(1));
    await restore({ sink, name: "memory", target });
    const checked = await checkRestored({ target, against: { sink, name: "memory" } });
    expect(checked.findings).to.deep.equal([]);
    expect(checked.restorePoint).to.equal(head.id);
  });

  it("is restored as it was when it is replaced, and its segments closed, meanwhile", async () => {
    let isReplaced = false;
    const report = await run({
      observer: (event) => {
        if (event.kind !== "step" || event.step !== "transfer" || isReplaced) return;
        isReplaced = true;
        // The copies grow into closed files, and the head goes on.
        for (const [name, bytes] of events) {
          const key = objectKey(`contexts/default/events/${name}`);
          const object = sink.storage.get(key);
          if (object) sink.storage.set(key, { ...object, bytes });
        }
        sink.storage.delete(HEAD_KEY);
      },
    });
    expect(isReplaced).to.equal(true);
    expect(report.restorePoint).to.equal(head.id);
    expect(eventsOf(report.files)).to.deep.equal(expected(AT[2]));
  });

  it("isn't done without when it is damaged: only if a restore point is named, or has what is asked for", async () => {
    spoil(HEAD_KEY);
    for (const asked of [
      {},
      { restorePoint: "head" },
      { token: token(130) },
      { time: new Date() },
    ] as const) {
      const error = await failure(asked);
      expect(error).to.deep.include({ kind: "damage" });
      expect(error.message).to.contain("head.json is damaged");
    }
    expect(await failure({}))
      .to.have.property("remedy")
      .that.contains(`--restore-point ${pointId(1)}`);
    for (const restorePoint of [pointId(0), pointId(1)])
      expect((await run({ restorePoint })).warnings.join("\n")).not.to.contain("head.json");
    expect((await run({ token: token(AT[1]) })).isHead).to.equal(false);
  });

  it("is taken from another sink when it is damaged on the first", async () => {
    const other = memorySink();
    await storeRestorePoint(other, pointId(1), stateOf(AT[1]));
    const theirs = await follow(130, other);
    spoil(HEAD_KEY);
    const others = [{ name: "other", open: () => Promise.resolve(other) }];
    const report = await run({ others });
    expect(report).to.deep.include({ restorePoint: theirs.id, isHead: true });
    expect(report.warnings.join("\n")).to.contain("head.json is damaged");
  });

  it("says so when there is none", async () => {
    await (await Repository.open(sink))?.removeHead();
    expect((await run()).restorePoint).to.equal(pointId(1));
    const error = await failure({ restorePoint: "head" });
    expect(error).to.deep.include({ kind: "usage" });
    expect(error.message).to.contain(`after restore point ${pointId(1)}`);
    expect(await failure({ restorePoint: head.id })).to.deep.include({ kind: "usage" });
  });

  it("is each sink's own: another sink serves one that the first doesn't have, and objects that are damaged in the first", async () => {
    const other = memorySink();
    await storeRestorePoint(other, pointId(1), stateOf(AT[1]));
    await follow(130, other);
    const ahead = await follow(145, other);
    expect(ahead.id).not.to.equal(head.id);
    const others = [{ name: "other", open: () => Promise.resolve(other) }];
    const byId = await run({ others, restorePoint: ahead.id });
    expect(byId).to.deep.include({ restorePoint: ahead.id, sink: "other" });
    expect(eventsOf(byId.files)).to.deep.equal(expected(145));
    // What the first one's head says is restored, of the other's longer copies.
    for (const [key, object] of sink.storage)
      if (key.startsWith("contexts/"))
        sink.storage.set(key, { ...object, bytes: Buffer.alloc(object.bytes.length) });
    const report = await run({ others });
    expect(report.restorePoint).to.equal(head.id);
    expect(eventsOf(report.files)).to.deep.equal(expected(AT[2]));
  });

  it("goes on from a restore point whose manifest another sink has", async () => {
    const other = memorySink();
    await storeRestorePoint(other, pointId(1), stateOf(AT[1]));
    // Of the same repository, as one that was copied.
    const manifest = objectKey(`restore-points/${pointId(1)}.json`);
    const object = sink.storage.get(manifest);
    if (object) other.storage.set(manifest, { ...object, bytes: Buffer.from(object.bytes) });
    spoil(manifest);
    const report = await run({ others: [{ name: "other", open: () => Promise.resolve(other) }] });
    expect(report).to.deep.include({ restorePoint: head.id, isHead: true });
    expect(eventsOf(report.files)).to.deep.equal(expected(AT[2]));
  });

  it("names another restore point's control DB when the one that it has borrowed is gone", async () => {
    sink.storage.delete(objectKey(`controldb/${pointId(1)}.zip`));
    const error = await failure({});
    expect(error)
      .to.have.property("remedy")
      .that.contains(`--restore-point ${pointId(0)}`);
  });
});
