import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectVerified, leftoversAt, restorePointsAt } from "../support/repository.js";
import { Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

/** Two backups of one repository: what a timer does whose interval is too short. */
describe("a second backup", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({
      store: null,
      prepare: (storage) =>
        generateStore({
          directory: join(storage, "default"),
          segments: 200,
          segmentSize: 16_384,
          indexBytes: 4096,
        }),
    });
  });
  afterEach(() => scene.close());

  const lock = (): string => join(scene.sinkPath(), "writer.json");

  it("ends at once, names the first, and does it no harm, even one that stands still", async () => {
    const first = scene.start(["backup"]);
    await holdsWhile(first, () => existsSync(lock()));
    first.kill("SIGSTOP");
    const second = await scene.run("backup");
    expect(second.code, second.stderr).to.equal(6);
    expect(second.stderr).to.include("another backup writes to this repository: process ");
    expect(readFileSync(lock(), "utf8")).to.include(`"since"`);
    first.kill("SIGCONT");
    const { code, stderr } = await first.ended;
    expect(code, stderr).to.equal(0);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(1);
    expect(leftoversAt(scene.sinkPath())).to.deep.equal([]);
    expect(existsSync(lock())).to.equal(false);
    await scene.expect(0, "backup");
    await expectVerified(scene.sinkPath(), "after both");
  });

  it("goes on at once after a first one that was killed", async () => {
    const first = scene.start(["backup"]);
    await holdsWhile(first, () => existsSync(lock()));
    first.kill("SIGKILL");
    await first.ended;
    expect(existsSync(lock())).to.equal(true);
    await scene.expect(0, "backup");
    expect(existsSync(lock())).to.equal(false);
    await expectVerified(scene.sinkPath(), "after both");
  });
});
