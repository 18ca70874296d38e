import { faultySink, memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import type { EngineEvent } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";

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
