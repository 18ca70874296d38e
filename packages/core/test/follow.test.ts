import { expect } from "chai";
import { FollowScene, until } from "./follow-scene.js";

describe("following a server", () => {
  let scene: FollowScene;

  beforeEach(async () => {
    scene = await FollowScene.start();
    scene.standin.appendSample("default", 12);
    await scene.backup();
  });
  afterEach(() => scene.close());

  it("brings new transactions to the sink, where they are restored from", async () => {
    const following = scene.follow();
    for (let round = 0; round < 5; round++) {
      scene.standin.appendSample("default", 3);
      await following.reaches(scene.standin.head("default"));
    }
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("asks the sink for nothing while nothing is new", async () => {
    const following = scene.follow({ idle: 20 });
    scene.standin.appendSample("default", 1);
    await following.reaches(scene.standin.head("default"));
    await until(() => !following.isHeld);
    const calls = { ...scene.sink.calls };
    const { reads, opens } = scene;
    await until(() => scene.reads > reads + 50);
    expect(scene.sink.calls).to.deep.equal(calls);
    expect(scene.opens, "files stay open").to.equal(opens);
  });

  it("follows through many segments", async () => {
    const following = scene.follow();
    scene.standin.appendSample("default", 200);
    await following.reaches(scene.standin.head("default"));
    expect(await scene.check()).to.equal(scene.standin.head("default"));
    expect(following.warnings).to.deep.equal([]);
  });
});
