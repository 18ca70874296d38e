import { bytesSource, objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { EngineError, Repository } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";

describe("a repository with files of somebody else's in its folders", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  for (const name of [
    "damaged/noext",
    "damaged/x",
    "damaged/notes.txt",
    "controldb/0-notes.txt",
    "checkpoints/notes",
    "checkpoints/notes.json",
    "restore-points/notes.json",
    "pages/notes",
  ])
    it(`${name}: goes on, and leaves it alone`, async () => {
      await scene.commit();
      const key = objectKey(name);
      await scene.sink.put(key, bytesSource(Buffer.from("mine")));
      await scene.commit();
      await scene.commit();
      expect(scene.sink.storage.has(key)).to.equal(true);
      expect(await scene.restorePoints()).to.equal(3);
      await scene.verifyAll();
    });
});

describe("a sink that had a repository, for sure, and is empty", () => {
  it("is an error, and nothing is written to it; one that has it is backed up", async () => {
    const scene = new BackupScene();
    try {
      const error = await scene.fail(scene.sink, { mustExist: true });
      expect(error).to.be.instanceOf(EngineError).with.property("message").that.includes("is gone");
      expect(scene.sink.storage.size).to.equal(0);
      await scene.commit();
      await scene.commit(scene.sink, { mustExist: true });
      expect(await scene.restorePoints()).to.equal(2);
    } finally {
      scene.close();
    }
  });
});

describe("a clock that no restore point can have", () => {
  it("is an error that says so, and what to do", async () => {
    const scene = new BackupScene();
    try {
      const error = await scene.fail(scene.sink, { now: () => new Date("+012020-04-05T06:07:08Z") });
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "failed");
      expect(error.message).to.include("clock").and.to.include("+012020");
      expect(error).to.have.property("remedy").that.includes("Set the clock");
      await scene.commit(scene.sink, { now: () => new Date("9999-12-31T23:59:59.999Z") });
      const last = await scene.fail();
      expect(last).to.be.instanceOf(EngineError).with.property("kind", "failed");
      expect(last.message).to.include("99991231T235959.999Z");
      expect(await (await Repository.open(scene.sink))?.restorePoints()).to.have.length(1);
    } finally {
      scene.close();
    }
  });
});
