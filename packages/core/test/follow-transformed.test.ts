import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Repository } from "../dist/index.js";
import { FollowScene, until } from "./follow-scene.js";

describe("following a server that transforms events", () => {
  let scene: FollowScene;
  beforeEach(async () => {
    scene = await FollowScene.start();
    scene.standin.appendSample("default", 60, { perTransaction: 1 });
    scene.standin.handover(Infinity);
    await scene.backup();
  });
  afterEach(() => scene.close());

  /** The segments of the newest restore point that a transformation wrote. */
  async function transformed(): Promise<string[]> {
    const repository = await Repository.open(scene.sink);
    const id = (await repository?.restorePoints())?.at(-1);
    if (repository === undefined || id === undefined) throw new Error("no restore point");
    const [context] = (await repository.manifest(id)).contexts;
    if (context === undefined) throw new Error("no context");
    const files = await repository.closedFiles(context.events);
    return files.flatMap(({ name }) => (/_\d+\.events$/.test(name) ? [name] : []));
  }
  const written = (): string[] =>
    readdirSync(join(scene.storage, "default")).filter((name) => /_\d+\.events$/.test(name));
  async function followed(last: number): Promise<void> {
    const following = scene.follow();
    await following.reaches(last);
    await following.stop();
  }

  it("ends with each version that the restore point doesn't have, though they have one number, and goes on after one that has all", async () => {
    const transformation = scene.standin.beginTransformation("default", [1, 20]);
    while (transformation.applyNext() !== undefined) {
      const end = await scene.follow().ended;
      expect(end.reason).to.equal("transformed");
      expect(end.message).to.contain("_00001.events");
      await scene.backup();
    }
    expect(await transformed())
      .to.have.members(written())
      .and.have.length(2);
    scene.standin.appendSample("default", 5);
    await followed(64);
    expect(await scene.check()).to.equal(64);
    scene.standin.compact("default");
    await followed(64);
    await scene.backup();
    expect(await transformed()).to.have.members(written());
    expect(await scene.check()).to.equal(64);
  });

  it("goes on while events of the restore point are transformed, and restores the head with them as they were", async () => {
    const following = scene.follow();
    scene.standin.appendSample("default", 5);
    await following.reaches(64);
    scene.standin.transform("default", [1]);
    scene.standin.appendSample("default", 5);
    await following.reaches(69);
    expect(await scene.check()).to.equal(69);
    await following.stop();
    expect((await scene.follow().ended).reason).to.equal("transformed");
    await scene.backup();
    expect(await transformed())
      .to.have.members(written())
      .and.have.length(1);
    expect(await scene.check()).to.equal(69);
  });

  for (const compacted of [false, true])
    it(`takes a segment that the head has whole, and that was closed, transformed${compacted ? " and compacted" : ""} since, in its new version`, async () => {
      const following = scene.follow();
      scene.standin.appendSample("default", 40, { perTransaction: 1 });
      await following.reaches(99);
      await following.stop();
      scene.standin.handover(Infinity);
      scene.standin.transform("default", [1, 65, 80]);
      if (compacted) scene.standin.compact("default");
      expect((await scene.follow().ended).reason).to.equal("transformed");
      await scene.backup();
      expect(await transformed())
        .to.have.members(written())
        .and.have.length(3);
      expect(await scene.check()).to.equal(99);
      await followed(99);
    });

  it("takes it in its new version when it was stored whole before", async () => {
    const following = scene.follow();
    scene.standin.appendSample("default", 40, { perTransaction: 1 });
    await following.reaches(99);
    scene.standin.handover(Infinity);
    await until(() => following.count("settled") > 0);
    scene.standin.transform("default", [65, 80]);
    await following.stop();
    await scene.backup();
    expect(await transformed())
      .to.have.members(written())
      .and.have.length(2);
    expect(await scene.check()).to.equal(99);
  });
});
