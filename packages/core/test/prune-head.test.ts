import { objectKey } from "@axon-backup/sink";
import type { MemorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { type HeadManifest, Repository, type RestorePointId } from "../dist/index.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { segmentKey } from "./backup-scene.js";
import { age, controlDb, DAY, failure, keysOf, pruneOn, restorePointsOn } from "./prune-scene.js";
import { describeHeads, storeHead } from "./support-head.js";
import { TimelineScene } from "./timeline-scene.js";

describeHeads("prune with a head", (pieceBytes) => {
  let scene: TimelineScene;
  let sink: MemorySink;
  let base: RestorePointId;
  let head: HeadManifest;
  /** Two restore points, of which the second has six events; nine at the head. */
  beforeEach(async () => {
    scene = new TimelineScene();
    sink = scene.sink;
    scene.append(5, "one");
    await scene.commit();
    scene.append(1, "one");
    base = (await scene.commit()).restorePoint;
    scene.append(3, "two");
    head = await storeHead(sink, (context) => scene.server.files(context), { pieceBytes });
    scene.expected[0]?.set(head.id, new Map([["default", scene.server.files("default")]]));
    age(sink);
  });

  it("keeps what the head alone needs, as long as it counts", async () => {
    const report = await pruneOn(sink, { rules: { last: 1 } });
    expect(keysOf(report, "restore-point")).to.have.length(1);
    expect(keysOf(report, "store-file")).to.deep.equal([]);
    expect(report.waiting).to.deep.equal([]);
    expect(sink.storage.has(HEAD_KEY)).to.equal(true);
    for (const id of scene.expected[0]?.keys() ?? []) if (id < base) scene.expected[0]?.delete(id);
    await scene.checkAll();

    await (await Repository.open(sink))?.removeHead();
    expect(keysOf(await pruneOn(sink))).to.deep.equal([segmentKey(8)]);
  });

  it("removes nothing while the head can't be read, until the next backup has removed it", async () => {
    const { bytes } = sink.storage.get(HEAD_KEY) ?? {};
    if (bytes) bytes[100] = (bytes[100] ?? 0) ^ 1;
    const before = [...sink.storage.keys()].sort();
    for (const dryRun of [false, true]) {
      const error = await failure(pruneOn(sink, { rules: { last: 1 }, dryRun }));
      expect(error).to.deep.include({ kind: "damage" });
      expect(error.message).to.contain(HEAD_KEY);
      expect(error).to.have.property("remedy").that.contains("The next backup removes");
    }
    expect([...sink.storage.keys()].sort()).to.deep.equal(before);
    await scene.commit();
    expect(keysOf(await pruneOn(sink, { rules: { last: 1 } }), "restore-point")).to.have.length(2);
  });

  it("keeps the control DB that a restore point has borrowed of one that goes, and so do backups", async () => {
    scene.cut(8);
    scene.append(1, "other");
    const { restorePoint } = await scene.commit();
    const report = await pruneOn(sink, { rules: { last: 1 } });
    expect(await restorePointsOn(sink)).to.deep.equal([head.id, restorePoint]);
    expect(keysOf(report, "restore-point")).to.contain(`restore-points/${base}.json`);
    expect(sink.storage.has(objectKey(controlDb(base)))).to.equal(true);
    for (const id of scene.expected[0]?.keys() ?? []) if (id <= base) scene.expected[0]?.delete(id);
    await scene.commit();
    await scene.checkAll();
    // Long after, it would be an orphan's.
    const now = new Map(sink.storage);
    await scene.commit(0, { now: () => new Date(Date.now() + 3 * DAY) });
    expect(sink.storage.has(objectKey(controlDb(base)))).to.equal(true);

    // With the last one that needs it, it goes.
    sink.storage.clear();
    for (const [key, object] of now) sink.storage.set(key, object);
    const last = await pruneOn(sink, { rules: { last: 1, abandoned: 0 } });
    expect(keysOf(last, "restore-point")).to.contain(`restore-points/${head.id}.json`);
    expect(sink.storage.has(objectKey(controlDb(base)))).to.equal(false);
  });
});
