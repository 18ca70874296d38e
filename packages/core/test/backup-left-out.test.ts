import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";
import { isPut } from "./sink-support.js";

describe("a context that was left out of the newest restore points and is back", () => {
  let scene: BackupScene;
  let store: string;
  beforeEach(() => {
    scene = new BackupScene("young");
    store = join(scene.directory, "b");
    cpSync(scene.store, store, { recursive: true });
    scene.source.elsewhere.set("b", store);
    haveContexts("b", "default");
  });
  afterEach(() => {
    scene.close();
  });

  function haveContexts(...contexts: string[]): void {
    scene.source.identity = { ...scene.source.identity, contexts };
  }

  /** Backed up twice with the rest, then left out of two restore points. */
  async function leaveOut(): Promise<void> {
    await scene.commit();
    await scene.commit();
    await scene.commit(scene.sink, { contexts: ["default"] });
    haveContexts("default");
    await scene.commit();
    haveContexts("b", "default");
  }

  const stored = (): Map<string, unknown> =>
    new Map([...scene.sink.storage].filter(([key]) => key.startsWith("contexts/b/")));

  /** Deleted and made again: files of the same names with other events. */
  function reset(): void {
    for (const segment of [0, 133]) {
      const path = join(store, `${String(segment).padStart(20, "0")}.events`);
      const bytes = readFileSync(path);
      bytes[200] = (bytes[200] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    }
  }

  it("goes on where it was: nothing closed is sent again, and the first restore point still restores", async () => {
    await leaveOut();
    const sent: string[] = [];
    const onCall = (method: string, key?: string): void => {
      if (isPut(method) && key?.startsWith("contexts/b/") === true) sent.push(key);
    };
    const { contexts } = await scene.commit(faultySink(scene.sink, {}, { onCall }));
    const b = contexts.find(({ context }) => context === "b");
    expect(b?.added.objects).to.equal(0);
    expect(b?.inherited.objects).to.be.greaterThan(3);
    expect(sent).to.have.members([
      "contexts/b/events/00000000000000000133.events",
      "contexts/b/snapshots/00000000000000000034.snapshots",
    ]);
    await scene.verifyAll();
  });

  it("goes on in a new timeline when it was made anew: what was stored isn't changed, and its restore points restore", async () => {
    await leaveOut();
    const before = stored();
    reset();
    const { timelines } = await scene.commit();
    expect(timelines.map(({ context, timeline }) => [context, timeline])).to.deep.equal([["b", 1]]);
    expect(stored()).to.deep.equal(before);
  });

  it("has diverged when its new history has fewer segments", async () => {
    await leaveOut();
    for (const segment of [34, 66, 99, 133])
      rmSync(join(store, `${String(segment).padStart(20, "0")}.events`), { force: true });
    scene.source.onCall = (call) => {
      scene.source.lastClosed.events = call.startsWith("list b events") ? undefined : 99;
    };
    const before = stored();
    const { timelines } = await scene.commit();
    expect(timelines.map(({ context, timeline }) => [context, timeline])).to.deep.equal([["b", 1]]);
    expect(stored()).to.deep.equal(before);
    await scene.verifyAll();
  });

  it("is guarded also when the restore points that have it can't be read", async () => {
    await leaveOut();
    const ids = [...scene.sink.storage.keys()].filter((key) => key.startsWith("restore-points/")).sort();
    for (const key of ids.slice(0, 2)) scene.sink.storage.get(objectKey(key))?.bytes.set([0], 150);
    const before = stored();
    reset();
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "diverged");
    expect(stored()).to.deep.equal(before);
  });

  it("costs nothing when it is new: no older manifest is read", async () => {
    haveContexts("default");
    for (let run = 0; run < 3; run++) await scene.commit();
    haveContexts("b", "default");
    const read: string[] = [];
    const onCall = (method: string, key?: string): void => {
      if (method === "get" && key?.startsWith("restore-points/") === true) read.push(key);
    };
    await scene.commit(faultySink(scene.sink, {}, { onCall }));
    expect(read, "the newest, and the one that was written").to.have.length(2);
  });
});
