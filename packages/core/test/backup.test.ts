import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import { faultySink, memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError, type EngineEvent, nextRestorePointId, Repository } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";

const segmentKey = (segment: number, store = "events"): ObjectKey =>
  objectKey(`contexts/default/${store}/${String(segment).padStart(20, "0")}.${store}`);

/** Passes everything on, and notes the keys of puts. */
function recordingSink(inner: Sink): { readonly sink: Sink; readonly puts: string[] } {
  const puts: string[] = [];
  const onCall = (method: string, key: string | undefined): void => {
    if (method === "put" && key !== undefined) puts.push(key);
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
    expect(second.restorePoint > first.restorePoint).to.be.true;
    expect(second.restorePoint).to.equal(nextRestorePointId(new Date(0), first.restorePoint));
  });

  it("stores everything of a store again when a page of its manifest is damaged, and the page with it", async () => {
    for (let version = 1; version < 600; version++)
      writeFileSync(join(scene.store, `${"0".repeat(20)}_${String(version).padStart(5, "0")}.bloom`), "x");
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

describe("files that vanish while a backup runs", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  const vanishing = (name: string, relisted: boolean): void => {
    const path = join(scene.store, name);
    let bytes: Buffer | undefined;
    scene.source.onCall = (call) => {
      if (call === `open ${name}` && bytes === undefined) {
        bytes = readFileSync(path);
        rmSync(path);
      } else if (call.startsWith("list default events") && bytes && relisted) writeFileSync(path, bytes);
    };
  };

  it("an index file is a warning", async () => {
    vanishing("00000000000000000034.bloom", false);
    const { warnings } = await scene.commit();
    expect(warnings.join()).to.include("00000000000000000034.bloom");
    await scene.verifyAll();
  });

  it("the oldest segment is a warning, when a fresh listing doesn't have it any more: retention has removed it", async () => {
    vanishing("00000000000000000000.events", false);
    const { warnings } = await scene.commit();
    expect(warnings.join()).to.include("00000000000000000000.events");
  });

  it("a segment in the middle is an error, also when a fresh listing doesn't have it any more: no restore point has a hole", async () => {
    vanishing("00000000000000000034.events", false);
    const error = await scene.fail();
    expect(error.message)
      .to.include("00000000000000000000.events")
      .and.to.include("00000000000000000066.events");
    expect(await scene.restorePoints()).to.equal(0);
    const again = await scene.fail();
    expect(again.message, "nor does the next run").to.include("is missing");
  });

  it("a segment that went after the newest restore point leaves no hole unseen", async () => {
    scene.makeYoung();
    await scene.commit();
    scene.grow();
    rmSync(join(scene.store, "00000000000000000150.events"));
    const error = await scene.fail();
    expect(error.message)
      .to.include("00000000000000000133.events")
      .and.to.include("00000000000000000151.events");
  });

  it("a segment that a fresh listing still has, in the same place, is an error", async () => {
    const list = scene.source.list.bind(scene.source);
    vanishing("00000000000000000034.events", false);
    const whole = await list("default", "events", undefined);
    scene.source.list = async (context, store, cursor) =>
      store === "events" ? whole : list(context, store, cursor);
    const error = await scene.fail();
    expect(error.message).to.include("00000000000000000034.events").and.to.include("missing");
    expect(await scene.restorePoints()).to.equal(0);
  });

  it("an open segment that is gone is listed again", async () => {
    vanishing("00000000000000000153.events", true);
    await scene.commit();
    expect(scene.source.calls.filter((call) => call.startsWith("list default events"))).to.have.length(2);
    await scene.verifyAll();
  });
});

describe("segments that are damaged on the server", () => {
  it("are stored as they are, with a warning that names them", async () => {
    const scene = new BackupScene();
    try {
      const path = join(scene.store, "00000000000000000034.events");
      const bytes = readFileSync(path);
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      const { warnings } = await scene.commit();
      expect(warnings.join()).to.include(path).and.to.include("damaged on the server");
      expect(Buffer.compare(scene.sink.storage.get(segmentKey(34))?.bytes ?? Buffer.of(), bytes)).to.equal(0);
    } finally {
      scene.close();
    }
  });
});

describe("several sinks", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  it("share the control DB and the listings, and fail alone", async () => {
    const broken = faultySink(memorySink(), {
      put: Array.from({ length: 9 }, () => ({ kind: "pass" as const })).concat([]),
    });
    broken.script("put", { kind: "fail", error: "full" });
    const third = memorySink();
    const { sinks } = await scene.runAll([scene.sink, broken, third]);
    expect(sinks.map(({ outcome }) => outcome)).to.deep.equal(["committed", "failed", "committed"]);
    const calls = scene.source.calls.filter((call) => !call.startsWith("open"));
    expect(calls).to.deep.equal([
      "identify",
      "controldb",
      "list default snapshots all",
      "list default events all",
    ]);
    await scene.verifyAll();
  });

  it("don't wait for one that hangs", async () => {
    const stop = new AbortController();
    const hanging = faultySink(memorySink(), { put: [{ kind: "hang" }] });
    const events: EngineEvent[] = [];
    const observer = (event: EngineEvent): void => {
      events.push(event);
      if (event.kind === "committed") stop.abort(new Error("enough"));
    };
    const ended = await scene
      .runAll([hanging, scene.sink], { observer, signal: stop.signal })
      .catch((error: unknown) => error);
    expect(ended).to.have.property("message", "enough");
    expect(events.filter(({ kind }) => kind === "committed")).to.have.length(1);
    expect(await scene.restorePoints()).to.equal(1);
  });

  it("go on from where each of them stands", async () => {
    const late = memorySink();
    scene.makeYoung();
    await scene.commit();
    scene.grow();
    const { sinks } = await scene.runAll([scene.sink, late]);
    expect(sinks.map(({ outcome }) => outcome)).to.deep.equal(["committed", "committed"]);
    const lists = scene.source.calls.filter((call) => call.startsWith("list default events"));
    expect(lists.slice(1).sort()).to.deep.equal(["list default events 99", "list default events all"]);
    const closed = (sink: typeof late): string[] =>
      [...sink.storage.keys()].filter((key) => key.startsWith("contexts/")).sort();
    expect(closed(late)).to.deep.equal(closed(scene.sink));
  });
});
