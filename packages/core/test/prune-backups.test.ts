import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { Repository, restore } from "../dist/index.js";
import { BackupScene, segmentKey } from "./backup-scene.js";
import { age, pruneOn, referredTo, restorePointsOn } from "./prune-scene.js";

describe("backups and prune", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene("young");
  });
  afterEach(() => {
    scene.close();
  });
  /** But for the note on a failure. */
  const keys = (): string[] =>
    [...scene.sink.storage.keys()].filter((key) => key !== "last-failure.json").sort();
  const whole = (): string[] => [...referredTo(scene.sink), "repository.json"].sort();

  it("go on one after the other: what was removed isn't missed, and nothing is sent again", async () => {
    await scene.commit();
    scene.grow();
    await scene.commit();
    age(scene.sink);
    await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(await scene.restorePoints()).to.equal(1);
    const { contexts } = await scene.commit();
    expect(contexts[0]?.added.objects).to.equal(0);
    expect(contexts[0]?.repaired.objects).to.equal(0);
    expect(contexts[0]?.inherited.objects).to.be.greaterThan(10);
    await scene.verifyAll();
    age(scene.sink);
    await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(keys()).to.deep.equal(whole());
    await scene.verifyAll();
  });

  /** A run that is cut off after some objects; each is in a checkpoint. */
  async function cutOff(): Promise<string[]> {
    scene.grow();
    const before = new Set(keys());
    const faulty = faultySink(scene.sink);
    for (let pass = 0; pass < 15; pass++) faulty.script("put", { kind: "pass" });
    faulty.script("put", { kind: "fail", error: "transient" });
    await scene.fail(faulty, { checkpointInterval: 0, concurrency: 1 });
    return keys().filter((key) => key.startsWith("contexts/") && !before.has(key));
  }

  it("what a run that was cut off has noted stays for the next one, however old it is", async () => {
    await scene.commit();
    await cutOff();
    const checkpoints = (await (await Repository.open(scene.sink))?.checkpoints()) ?? [];
    const noted = checkpoints.flatMap(({ checkpoint }) =>
      (checkpoint?.stores ?? []).flatMap(({ store, files }) =>
        files.map(({ name }) => `contexts/default/${store}/${name}`),
      ),
    );
    expect(noted.length).to.be.greaterThan(3);
    age(scene.sink);
    const { waiting } = await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(keys()).to.include.members(noted);
    expect(waiting.length).to.be.greaterThan(2);
    expect(noted).to.include.members(waiting.map(({ key }) => key));
    await scene.commit();
    await scene.verifyAll();
  });

  it("a checkpoint that can't be read: what it may have noted stays", async () => {
    await scene.commit();
    const stored = await cutOff();
    const checkpoint = keys().find((key) => key.startsWith("checkpoints/")) ?? "";
    const object = scene.sink.storage.get(objectKey(checkpoint));
    if (object) scene.sink.storage.set(objectKey(checkpoint), { ...object, bytes: object.bytes.subarray(1) });
    age(scene.sink);
    await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(keys()).to.include.members(stored);
    await scene.commit();
    age(scene.sink);
    await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(keys()).to.deep.equal(whole());
  });

  it("the object of a damaged segment stays as long as a restore point needs it, its successor as long as it is needed", async () => {
    scene.grow();
    const name = "00000000000000000034.events";
    const good = readFileSync(join(scene.store, name));
    const bad = Buffer.from(good);
    bad[5000] = (bad[5000] ?? 0) ^ 1;
    writeFileSync(join(scene.store, name), bad);
    await scene.commit();
    writeFileSync(join(scene.store, name), good);
    await scene.commit();
    const [first, second] = [segmentKey(34), objectKey(`${segmentKey(34)}@2`)];
    age(scene.sink);
    await pruneOn(scene.sink, { rules: { last: 2 } });
    expect(keys()).to.include(first).and.to.include(second);
    const { removed } = await pruneOn(scene.sink, { rules: { last: 1 } });
    expect(removed.map(({ key }) => key)).to.include(first);
    expect(keys()).not.to.include(first);
    expect(keys()).to.deep.equal(whole());
    await scene.verifyAll();
    const target = join(scene.directory, "restored");
    await restore({ sink: scene.sink, name: "memory", target });
    expect(readFileSync(join(target, "default", name)).equals(good)).to.equal(true);
    await scene.commit();
    await scene.verifyAll();
  });

  it("a backup doesn't begin while objects are removed, and prune not while a backup runs", async () => {
    await scene.commit();
    await scene.commit();
    const errors: Error[] = [];
    const watched = faultySink(
      scene.sink,
      {},
      {
        onCall: async (method, key) => {
          if (method === "delete" && key?.startsWith("restore-points/") === true)
            errors.push(await scene.fail());
        },
      },
    );
    await pruneOn(watched, { rules: { last: 1 } });
    scene.source.onCall = async (call) => {
      if (!call.startsWith("list default events")) return;
      scene.source.onCall = () => undefined;
      await pruneOn(scene.sink, { rules: { last: 1 } }).catch((error: unknown) => {
        if (error instanceof Error) errors.push(error);
      });
    };
    await scene.commit();
    expect(errors).to.have.length(2);
    for (const error of errors) expect(error).to.have.property("kind", "locked");
    expect(await restorePointsOn(scene.sink)).to.have.length(2);
    await scene.verifyAll();
  });
});
