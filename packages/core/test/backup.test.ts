import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Sink } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError, nextRestorePointId, Repository } from "../dist/index.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import { BackupScene, segmentKey } from "./backup-scene.js";
import { isPut } from "./sink-support.js";

/** Passes everything on, and notes the keys of puts. */
function recordingSink(inner: Sink): { readonly sink: Sink; readonly puts: string[] } {
  const puts: string[] = [];
  const onCall = (method: string, key: string | undefined): void => {
    if (isPut(method) && key !== undefined && key !== WRITER_KEY) puts.push(key);
  };
  return { sink: faultySink(inner, {}, { onCall }), puts };
}

describe("a backup", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  it("asks for the control DB first, for snapshots before events, and writes the manifest last", async () => {
    const { sink, puts } = recordingSink(scene.sink);
    await scene.commit(sink);
    const calls = scene.source.calls.filter((call) => !call.startsWith("open"));
    expect(calls).to.deep.equal([
      "identify",
      "controldb",
      "list default snapshots all",
      "list default events all",
    ]);
    expect(puts[0]).to.equal("repository.json");
    expect(puts.at(-1)).to.match(/^restore-points\//);
    await scene.verifyAll();
  });

  it("stores the valid bytes of an open segment, and not its zeros", async () => {
    await scene.commit();
    expect(scene.sink.storage.get(segmentKey(153))?.bytes.byteLength).to.equal(9413);
    expect(scene.sink.storage.get(segmentKey(34, "snapshots"))?.bytes.byteLength).to.equal(2887);
    expect(scene.sink.storage.get(segmentKey(0))?.bytes.byteLength).to.equal(16384);
  });

  it("sends what is new, and the open segments always", async () => {
    scene.makeYoung();
    const first = await scene.commit();
    expect(first.contexts[0]?.lastEventToken).to.be.within(134, 149);
    scene.grow();
    const { sink, puts } = recordingSink(scene.sink);
    const second = await scene.commit(sink);
    expect(second.contexts[0]).to.deep.include({ lastEventToken: 172 });
    const sent = puts.filter((key) => key.startsWith("contexts/") && !/(bloom|index)$/.test(key)).sort();
    expect(sent).to.deep.equal(
      [133, 150, 151, 152, 153].map((segment) => segmentKey(segment)).concat(segmentKey(34, "snapshots")),
    );
    expect(scene.source.calls).to.include("list default events 99");
    await scene.verifyAll();
  });

  it("takes nothing over that has gone from the sink or was found damaged", async () => {
    await scene.commit();
    scene.sink.storage.delete(segmentKey(34));
    const damaged = scene.sink.storage.get(segmentKey(99))?.bytes;
    damaged?.set([255], 700);
    const repository = await Repository.open(scene.sink);
    await repository?.markDamaged({
      key: segmentKey(99),
      finding: "is wrong",
      found: new Date().toISOString(),
    });
    const { contexts } = await scene.commit();
    expect(contexts[0]?.repaired.objects).to.equal(2);
    await scene.verifyAll();
    expect([...scene.sink.storage.keys()].filter((key) => key.startsWith("damaged/"))).to.deep.equal([]);
  });

  it("doesn't repair with other bytes than those that were lost", async () => {
    await scene.commit();
    const before = scene.sink.storage.get(segmentKey(34));
    const repository = await Repository.open(scene.sink);
    await repository?.markDamaged({
      key: segmentKey(34),
      finding: "is wrong",
      found: new Date().toISOString(),
    });
    const path = join(scene.store, `${"34".padStart(20, "0")}.events`);
    const bytes = readFileSync(path);
    bytes[16000] = 7;
    writeFileSync(path, bytes);
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "diverged");
    expect(scene.sink.storage.get(segmentKey(34))).to.equal(before);
  });

  it("fails when a segment is gone on both sides, rather than commit half a store", async () => {
    await scene.commit();
    scene.sink.storage.delete(segmentKey(34));
    rmSync(join(scene.store, `${"34".padStart(20, "0")}.events`));
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "damage");
    expect(error.message).to.include("00000000000000000034.events");
    expect(await scene.restorePoints()).to.equal(1);
  });

  it("makes an id after the newest one, also when the clock went back", async () => {
    const first = await scene.commit(scene.sink, { now: () => new Date("2026-03-01T00:00:00Z") });
    const second = await scene.commit(scene.sink, { now: () => new Date("2026-02-01T00:00:00Z") });
    expect(second.warnings.join("\n")).to.include(
      `restore point ${second.restorePoint} is named later than it is`,
    );
    expect(second.restorePoint > first.restorePoint).to.be.true;
    expect(second.restorePoint).to.equal(nextRestorePointId(new Date(0), first.restorePoint));
  });

  it("stores everything of a store again when a page of its manifest is damaged, and the page with it", async () => {
    for (let version = 1; version < 600; version++)
      writeFileSync(
        join(scene.store, `${"1".padStart(20, "0")}_${String(version).padStart(5, "0")}.bloom`),
        "x",
      );
    await scene.commit();
    const [page] = [...scene.sink.storage.keys()].filter((key) => key.startsWith("pages/"));
    if (page === undefined) throw new Error("no page was written");
    scene.sink.storage.delete(page);
    const { warnings } = await scene.commit();
    expect(warnings.join()).to.include(page);
    expect(scene.sink.storage.has(page)).to.be.true;
    await scene.verifyAll();
  });

  it("warns once of a context that is not backed up any more, and keeps what it has of it", async () => {
    await scene.commit();
    scene.source.identity = { ...scene.source.identity, contexts: ["other"] };
    const { warnings, contexts } = await scene.commit();
    expect(contexts.map(({ context }) => context)).to.deep.equal(["other"]);
    expect(warnings.join()).to.include("context default");
    expect((await scene.commit()).warnings.join()).to.not.include("context default");
    await scene.verifyAll();
  });

  it("stores no control DB that isn't one", async () => {
    for (const content of ["", "<html>not a zip</html>"]) {
      const path = join(scene.directory, "controldb1.zip");
      writeFileSync(path, content);
      scene.source.createControlDbBackup = () => Promise.resolve({ name: "controldb1.zip", path });
      const error = await scene.fail();
      expect(error.message).to.include(path).and.to.include("not a backup of a control DB");
      expect(await scene.restorePoints()).to.equal(0);
    }
  });

  it("is refused on a node of a cluster, and for contexts that the server doesn't store", async () => {
    const unknown = await scene
      .runAll([scene.sink], { contexts: ["default", "nope"] })
      .catch((error: unknown) => error);
    expect(unknown).to.be.instanceOf(Error).with.property("message").that.includes("nope");
    scene.source.identity = { ...scene.source.identity, edition: "EE" };
    const enterprise = await scene.runAll([scene.sink]).catch((error: unknown) => error);
    expect(enterprise).to.be.instanceOf(EngineError);
    expect(scene.sink.storage.size).to.equal(0);
  });
});
