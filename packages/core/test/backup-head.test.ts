import type { ObjectKey } from "@axon-backup/sink";
import type { MemorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { type HeadManifest, Repository, type RestorePointId } from "../dist/index.js";
import { encodeDocument } from "../dist/repository/document.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { segmentKey } from "./backup-scene.js";
import { describeHeads, storeHead } from "./support-head.js";
import { TimelineScene } from "./timeline-scene.js";

/** A backup on a sink where the continuous mode has stored what came after the newest restore point. */
describeHeads("backup after a head", (pieceBytes) => {
  let scene: TimelineScene;
  let sink: MemorySink;
  let base: RestorePointId;
  let head: HeadManifest;
  /** Six events at the restore point, nine at the head: segment 4 was open, and is complete. */
  beforeEach(async () => {
    scene = new TimelineScene();
    sink = scene.sink;
    scene.append(6, "one");
    base = (await scene.commit()).restorePoint;
    scene.append(3, "two");
    head = await followed();
  });

  /** Stores the head, and notes what it must restore to. */
  async function followed(): Promise<HeadManifest> {
    const stored = await storeHead(sink, (context) => scene.server.files(context), { pieceBytes });
    scene.expected[0]?.set(
      stored.id,
      new Map([...scene.server.logs.keys()].map((name) => [name, scene.server.files(name)])),
    );
    return stored;
  }

  const ids = async (): Promise<string[]> => (await scene.manifests()).map(({ id }) => id);
  const spoil = (key: ObjectKey): void => {
    const { bytes } = sink.storage.get(key) ?? {};
    if (bytes) bytes[100] = (bytes[100] ?? 0) ^ 1;
  };
  const hasHead = (): boolean => sink.storage.has(HEAD_KEY);

  it("goes on from the restore point, and removes the head, which is part of the new one", async () => {
    scene.append(1, "three");
    const report = await scene.commit();
    expect(report.timelines).to.deep.equal([]);
    expect(report.warnings).to.deep.equal([]);
    expect(report.restorePoint > head.id).to.equal(true);
    expect(await ids()).to.deep.equal([base, report.restorePoint]);
    expect((await scene.manifests())[1]).to.deep.include({ parent: base });
    expect(hasHead()).to.equal(false);
    scene.expected[0]?.delete(head.id);
    await scene.checkAll();
  });

  it("makes a restore point of the head when the server's history goes on from before it", async () => {
    scene.cut(8);
    scene.append(3, "other");
    const told: string[] = [];
    const report = await scene.commit(0, {
      observer: (event) => {
        if (event.kind === "promoted") told.push(event.restorePoint);
      },
    });
    expect(told).to.deep.equal([head.id]);
    expect(await ids()).to.deep.equal([base, head.id, report.restorePoint]);
    expect(report.timelines).to.have.length(1);
    expect(report.timelines[0]).to.deep.include({
      context: "default",
      timeline: 1,
      from: { timeline: 0, restorePoint: head.id },
    });
    expect(report.warnings.join("\n")).to.contain(`kept as restore point ${head.id}`);
    const [, promoted, newest] = await scene.manifests();
    expect(promoted?.controlDb.run).to.equal(base);
    expect(promoted?.parent).to.equal(base);
    expect(newest?.parent).to.equal(head.id);
    expect(newest?.contexts[0]?.branch).to.deep.include({ restorePoint: head.id });
    expect(hasHead()).to.equal(false);
    // Each restores to what the server had then, the head among them.
    await scene.checkAll();
  });

  it("takes what the head knows for the server's history, not what the restore point knows alone", async () => {
    // The same as at the restore point, and another one since: without the head, nothing would differ.
    scene.cut(6);
    scene.append(3, "other");
    expect((await scene.commit()).timelines).to.have.length(1);
    await scene.checkAll();
  });

  it("makes a restore point of the head when a context of it is left out", async () => {
    scene.append(2, "second", "second");
    const both = (await scene.commit()).restorePoint;
    scene.append(2, "second", "second");
    const ahead = await followed();
    scene.server.logs.delete("second");
    const report = await scene.commit();
    expect(await ids()).to.deep.equal([base, both, ahead.id, report.restorePoint]);
    scene.expected[0]?.delete(head.id);
    await scene.checkAll();
  });

  it("goes on without a head that is damaged, tells of it, and removes it", async () => {
    spoil(HEAD_KEY);
    scene.append(1, "three");
    const report = await scene.commit();
    expect(report.timelines).to.deep.equal([]);
    expect(report.warnings.join("\n")).to.match(/head\.json is damaged.*; going on from the restore point/);
    expect(hasHead()).to.equal(false);
    scene.expected[0]?.delete(head.id);
    await scene.checkAll();
  });

  const shorten = (key: ObjectKey): void => {
    const object = sink.storage.get(key);
    if (object) sink.storage.set(key, { ...object, bytes: object.bytes.subarray(0, 10) });
  };

  it("makes a restore point of what is whole of a head: up to the last transaction before the damage", async () => {
    shorten(segmentKey(8));
    scene.cut(8);
    scene.expected[0]?.set(head.id, new Map([["default", scene.server.files("default")]]));
    scene.cut(6);
    scene.append(3, "other");
    const report = await scene.commit();
    expect(await ids()).to.deep.equal([base, head.id, report.restorePoint]);
    expect(report.warnings.join("\n"))
      .to.contain("what came after token 7 is lost")
      .and.to.contain(`kept as restore point ${head.id}`);
    await scene.checkAll();
  });

  it("goes on from the restore point, and tells so, when not even what that needs can be read of a head", async () => {
    const pieces = [...sink.storage.keys()].filter((key) => key.startsWith("pieces/"));
    shorten(segmentKey(4));
    scene.cut(3);
    scene.append(3, "other");
    const report = await scene.commit();
    expect(await ids()).to.deep.equal([base, report.restorePoint]);
    expect(report.warnings.join("\n")).to.contain("can't be kept as one of its own");
    expect(report.timelines[0]?.from).to.deep.equal({ timeline: 0, restorePoint: base });
    expect((await scene.manifests())[1]?.contexts[0]?.branch).to.deep.include({ restorePoint: base });
    expect([...sink.storage.keys()]).to.include.members(pieces);
  });

  it("leaves the head of a restore point that somebody else has made since alone", async () => {
    // Committed, and then this process stood still: another one has gone on.
    const repository = await Repository.open(sink);
    const report = await scene.commit(0, {
      observer: (event) => {
        const object = sink.storage.get(HEAD_KEY);
        if (event.kind !== "committed" || object === undefined) return;
        const bytes = encodeDocument("head", { ...head, restorePoint: event.restorePoint });
        sink.storage.set(HEAD_KEY, { ...object, bytes });
      },
    });
    expect((await repository?.readHead())?.restorePoint).to.equal(report.restorePoint);
  });

  for (const [what, goOn] of [
    ["the history is the same", (): void => undefined],
    [
      "the history is another one",
      (): void => {
        scene.cut(7);
      },
    ],
  ] as const)
    it(`loses nothing of the head wherever it is killed, when ${what}`, async () => {
      goOn();
      scene.append(6, "three");
      const begun = new Map(sink.storage);
      const noted = new Map(scene.expected[0]);
      const isSame = what.endsWith("same");
      let kills = 0;
      for (let isDone = false; !isDone; kills++) {
        sink.storage.clear();
        for (const [key, object] of begun) sink.storage.set(key, object);
        scene.expected[0]?.clear();
        for (const [id, stores] of noted) scene.expected[0]?.set(id, stores);

        const [killed] = (await scene.killed(0, kills)).sinks;
        isDone = killed?.outcome === "committed" && !killed.warnings.join().includes("tidying");
        await checkKept(isSame);
        await scene.commit();
        expect(hasHead(), `killed after ${kills}`).to.equal(false);
        await checkKept(isSame);
      }
      expect(kills).to.be.greaterThan(8);
    });

  /** What the head has is in the head, in a restore point made of it, or in a new one that goes on from it; and all of them restore. */
  async function checkKept(isSame: boolean): Promise<void> {
    const commits = await (await Repository.open(sink))?.commits();
    const points = commits?.restorePoints ?? [];
    const counts = commits?.head.state === "current" && commits.head.manifest.id === head.id;
    const isThere = counts || points.includes(head.id);
    if (!isThere) {
      expect(isSame && points.length > 1, "the head is lost").to.equal(true);
      scene.expected[0]?.delete(head.id);
    }
    await scene.checkAll();
  }
});
