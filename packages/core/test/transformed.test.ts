import { rmSync } from "node:fs";
import { join } from "node:path";
import { type Token } from "@axon-backup/axon-server";
import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { diffRestorePoints } from "../dist/index.js";
import { emptied, TransformedScene } from "./transformed-scene.js";

const FIRST = ["0", "34", "66", "99", "133", "150", "151", "152"];
const ONCE = ["0_1", "34", "66_1", "99", "133", "150", "151", "152"];
const TWICE = ["0_2", "34", "66_1", "99_2", "133", "150", "151", "152"];

describe("transformed segments", () => {
  let scene: TransformedScene;
  beforeEach(() => {
    scene = new TransformedScene();
  });
  afterEach(() => {
    scene.close();
  });

  it("are in the next restore point in their newest version alone, and are copied once", async () => {
    const before = await scene.commit();
    expect(await scene.closed(before.restorePoint)).to.deep.equal(FIRST);
    scene.opened();
    scene.transform("0_1", "66_1");
    const once = await scene.commit();
    expect(once.warnings).to.deep.equal([]);
    expect(scene.opened()).to.deep.equal(["0_1", "66_1", "153"]);
    expect(once.contexts[0]?.added.objects).to.equal(4);
    expect(await scene.closed(once.restorePoint)).to.deep.equal(ONCE);
    expect(await scene.closed(once.restorePoint, "events", "index")).to.deep.equal(ONCE);
    expect(await scene.closed(once.restorePoint, "snapshots")).to.deep.equal(["0"]);
    const again = await scene.commit();
    expect(scene.opened()).to.deep.equal(["153"]);
    expect(await scene.closed(again.restorePoint)).to.deep.equal(ONCE);
    scene.transform("0_2", "99_2");
    const twice = await scene.commit();
    expect(scene.opened()).to.deep.equal(["0_2", "99_2", "153"]);
    expect(await scene.closed(twice.restorePoint)).to.deep.equal(TWICE);
    expect(await scene.closed(twice.restorePoint, "events", "index")).to.deep.equal(TWICE);
    await scene.verifyAll();
    expect([...(await scene.restored({ restorePoint: before.restorePoint })).files.keys()]).to.deep.equal([
      ...FIRST,
      "153",
    ]);
    for (const [id, deleted] of [
      [before.restorePoint, []],
      [once.restorePoint, [3, 67]],
      [twice.restorePoint, [3, 5, 67, 100]],
    ] as const) {
      const { files } = await scene.restored({ restorePoint: id });
      expect(emptied(files), id).to.deep.equal(deleted);
      for (const [segment, bytes] of files)
        expect(bytes.equals(scene.bytes(segment)), segment).to.equal(true);
    }
  });

  it("all come into the backup when they appear one by one", async () => {
    await scene.commit();
    scene.transform("0_1");
    const partly = await scene.commit();
    expect(await scene.closed(partly.restorePoint)).to.deep.equal(["0_1", ...FIRST.slice(1)]);
    scene.opened();
    scene.transform("66_1");
    const { restorePoint } = await scene.commit();
    expect(scene.opened()).to.deep.equal(["66_1", "153"]);
    expect(await scene.closed(restorePoint)).to.deep.equal(ONCE);
    const { files } = await scene.restored();
    expect(emptied(files)).to.deep.equal([3, 67]);
  });

  it("are backed up first in their newest version alone, also when compaction has left index files in the listing", async () => {
    scene.transformTwice();
    const { restorePoint } = await scene.commit();
    expect(scene.opened()).to.deep.equal([...TWICE, "153"]);
    expect(await scene.closed(restorePoint)).to.deep.equal(TWICE);
    scene.sink.storage.clear();
    scene.compactAll();
    const compacted = await scene.commit();
    expect(compacted.warnings).to.deep.equal([]);
    expect(await scene.closed(compacted.restorePoint)).to.deep.equal(TWICE);
    expect(await scene.closed(compacted.restorePoint, "events", "index")).to.deep.equal(TWICE);
    await scene.verifyAll();
  });

  it("compaction is no loss, no divergence and nothing new", async () => {
    const before = await scene.commit();
    scene.transformTwice();
    const twice = await scene.commit();
    scene.compactAll();
    scene.opened();
    const compacted = await scene.commit();
    expect(compacted.warnings).to.deep.equal([]);
    expect(compacted.timelines).to.deep.equal([]);
    expect(scene.opened()).to.deep.equal(["153"]);
    expect(await scene.closed(compacted.restorePoint)).to.deep.equal(TWICE);
    expect(await scene.closed(twice.restorePoint)).to.deep.equal(TWICE);
    await scene.verifyAll();
    expect(emptied((await scene.restored({ restorePoint: before.restorePoint })).files)).to.deep.equal([]);
  });

  it("transformed and compacted between two backups are taken as they are", async () => {
    await scene.commit();
    scene.transformTwice();
    scene.compactAll();
    const { restorePoint, warnings } = await scene.commit();
    expect(warnings).to.deep.equal([]);
    expect(await scene.closed(restorePoint)).to.deep.equal(TWICE);
    await scene.verifyAll();
  });

  it("a superseded version that the sink has lost isn't missed", async () => {
    await scene.commit();
    scene.sink.storage.delete(objectKey(`contexts/default/events/${"0".padStart(20, "0")}.events`));
    scene.transformTwice();
    scene.compactAll();
    const { restorePoint, warnings } = await scene.commit();
    expect(warnings).to.deep.equal([]);
    expect(await scene.closed(restorePoint)).to.deep.equal(TWICE);
  });

  it("a version that compaction removes before it is copied is replaced by the newer one", async () => {
    await scene.commit();
    scene.transform("0_1", "66_1");
    let isOver = false;
    scene.source.onCall = (call) => {
      if (isOver || !call.includes("_00001.events")) return;
      isOver = true;
      scene.transform("0_2", "99_2");
      scene.compact("0", "0_1", "66", "99");
    };
    const first = await scene.commit();
    expect(await scene.closed(first.restorePoint)).to.deep.equal([
      "0_2",
      "34",
      "66_1",
      "99",
      "133",
      "150",
      "151",
      "152",
    ]);
    const second = await scene.commit();
    expect(await scene.closed(second.restorePoint)).to.deep.equal(TWICE);
    await scene.verifyAll();
  });

  it("a store that is cut is cut in the version that its restore point has", async () => {
    const before = await scene.commit();
    scene.transformTwice();
    const after = await scene.commit();
    for (const [restorePoint, cut, deleted] of [
      [before.restorePoint, "99", []],
      [after.restorePoint, "99_2", [3, 5, 67, 100]],
    ] as const) {
      const { files } = await scene.restored({ restorePoint, token: 105 as Token });
      expect([...files.keys()].at(-1)).to.equal(cut);
      expect(emptied(files)).to.deep.equal(deleted);
      const last = files.get(cut) ?? Buffer.of();
      expect(last.byteLength).to.equal(scene.bytes(cut).byteLength);
    }
  });

  it("what was deleted doesn't come back with a token or a time, unless a restore point from before is named", async () => {
    await scene.commit();
    scene.transform("0_1");
    await scene.commit();
    scene.transform("66_1");
    const after = await scene.commit();
    await scene.commit();
    const warnings: string[] = [];
    const { restorePoint, files } = await scene.restored({
      token: 105 as Token,
      observer: (event) => {
        if (event.kind === "warning") warnings.push(event.message);
      },
    });
    expect(restorePoint).to.equal(after.restorePoint);
    expect(emptied(files)).to.deep.equal([3, 67]);
    expect(warnings.join()).to.contain("events were transformed after restore point");
  });

  it("what superseded versions were is told by the difference of restore points", async () => {
    const before = await scene.commit();
    scene.transform("0_1", "66_1");
    const after = await scene.commit();
    const repository = await scene.repository();
    const { contexts } = await diffRestorePoints(repository, before.restorePoint, after.restorePoint);
    const [context] = contexts;
    if (context === undefined || !("stores" in context)) throw new Error("no stores");
    expect(context.change).to.equal("changed");
    expect(context.stores.events.events).to.equal(0);
    expect(
      context.stores.events.files.flatMap(({ kind, change, version }) =>
        kind === "segment" ? [[change, version]] : [],
      ),
    ).to.deep.equal([
      ["superseded", 0],
      ["added", 1],
      ["superseded", 0],
      ["added", 1],
    ]);
  });

  describe("and the server's history", () => {
    beforeEach(() => {
      scene.makeYoung();
    });

    it("is the same where the segment that was open last was transformed and compacted", async () => {
      await scene.commit();
      scene.grow();
      scene.transform("0_2", "99_2");
      scene.compact("0", "99");
      const { timelines, warnings, restorePoint } = await scene.commit();
      expect(timelines).to.deep.equal([]);
      expect(warnings).to.deep.equal([]);
      expect(await scene.closed(restorePoint)).to.deep.equal(["0_2", "34", "66", ...TWICE.slice(3)]);
      await scene.verifyAll();
    });

    it("is another one where the newest segment that wasn't transformed differs", async () => {
      await scene.commit();
      scene.grow();
      scene.transform("0_2", "99_2");
      scene.compact("0", "99");
      scene.falsify("66");
      const { timelines } = await scene.commit();
      expect(timelines).to.have.length(1);
      expect(timelines[0]?.reason).to.contain("00000000000000000066.events");
      await scene.verifyAll();
    });

    it("can't be told where all was transformed that could be compared, which a warning says", async () => {
      await scene.commit();
      scene.grow();
      scene.transform("0_2", "66_1", "99_2");
      scene.compact("0", "66", "99");
      rmSync(join(scene.store, `${"34".padStart(20, "0")}.events`));
      const { timelines, warnings } = await scene.commit();
      expect(timelines).to.deep.equal([]);
      expect(warnings.join()).to.contain("99.events was transformed since, and can't be compared");
    });
  });

  it("a server that was brought back to before a transformation, and has no other events, has another history", async () => {
    await scene.commit();
    scene.transform("66_1");
    scene.compact("66");
    const transformed = await scene.commit();
    scene.undo("66", "66_1");
    const { timelines, restorePoint } = await scene.commit();
    expect(timelines).to.have.length(1);
    expect(timelines[0]?.reason).to.contain("00000000000000000066_00001.events");
    expect(await scene.closed(restorePoint)).to.deep.equal(FIRST);
    expect((await scene.commit()).timelines).to.deep.equal([]);
    await scene.verifyAll();
    expect(emptied((await scene.restored({ restorePoint: transformed.restorePoint })).files)).to.deep.equal([
      67,
    ]);
  });

  it("that retention has removed on the server stay in the backup, and are no other history", async () => {
    await scene.commit();
    scene.transform("0_1");
    scene.compact("0");
    await scene.commit();
    for (const extension of ["events", "index"])
      rmSync(join(scene.store, `${"0".repeat(20)}_00001.${extension}`));
    const { timelines, restorePoint } = await scene.commit();
    expect(timelines).to.deep.equal([]);
    expect((await scene.closed(restorePoint))[0]).to.equal("0_1");
    await scene.verifyAll();
  });

  it("are kept apart from snapshots of the same number", async () => {
    scene.transform("0_1");
    const { restorePoint } = await scene.commit();
    expect(await scene.closed(restorePoint, "snapshots")).to.deep.equal(["0"]);
    expect(await scene.closed(restorePoint, "snapshots", "sindex")).to.deep.equal(["0"]);
    const repository = await scene.repository();
    const [context] = (await repository.manifest(restorePoint)).contexts;
    expect([context?.events.lastVersion, context?.snapshots.lastVersion]).to.deep.equal([1, 0]);
  });
});
