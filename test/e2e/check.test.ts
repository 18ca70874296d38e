import { mkdirSync, readdirSync, watch } from "node:fs";
import { expect } from "chai";
import { Scene } from "../support/scene.js";

describe("a check that is cut off", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    mkdirSync(scene.sinkPath(), { recursive: true });
  });
  afterEach(() => scene.close());

  const objects = () =>
    readdirSync(scene.sinkPath(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  const checks = () => readdirSync(scene.sinkPath()).filter((name) => name.startsWith("check-"));

  /** Starts `check`, and ends it when it has begun to store things. */
  async function cutOff(signal: NodeJS.Signals) {
    let killed = false;
    const running = scene.start(["check"]);
    const watcher = watch(scene.sinkPath(), { recursive: true }, (_event, name) => {
      // In a case: several levels below the sink's directory.
      if (killed || name === null || !/^check-.*\/.*\//.test(name)) return;
      killed = true;
      running.kill(signal);
    });
    const ended = await running.ended;
    watcher.close();
    return ended;
  }

  it("by SIGINT, leaves nothing", async () => {
    const { code, stderr } = await cutOff("SIGINT");
    expect(code, stderr).to.equal(130);
    expect(objects()).to.deep.equal([]);
    expect(checks()).to.deep.equal([]);
  });

  it("by kill -9, is in nobody's way, and the next check tidies up", async () => {
    expect((await cutOff("SIGKILL")).signal).to.equal("SIGKILL");
    expect(checks()).to.have.length(1);
    await scene.expect(0, "backup");
    await scene.expect(0, "check");
    expect(checks()).to.deep.equal([]);
    await scene.expect(0, "verify", "--read-data");
  });
});
