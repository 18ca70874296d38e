import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { Scene } from "../support/scene.js";

describe("from a server alone to a restored store", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true, sinks: [] });
    rmSync(scene.config, { recursive: true });
  });
  afterEach(() => scene.close());

  it("takes init, check, backup and restore, and nothing by hand", async () => {
    await scene.expect(
      0,
      "init",
      "--server",
      scene.server.url,
      "--sink",
      `nas=local:${scene.path("backup")}`,
      "--yes",
    );
    await scene.expect(0, "check");
    await scene.expect(0, "backup");
    const target = scene.path("restored");
    await scene.expect(0, "restore", "--to", target);
    const segments = (directory: string) =>
      readdirSync(join(directory, "default")).filter((name) => name.endsWith(".events"));
    expect(segments(target)).to.deep.equal(segments(scene.storage)).and.not.to.have.length(0);
    for (const name of segments(target))
      expect(
        readFileSync(join(target, "default", name)).equals(
          readFileSync(join(scene.storage, "default", name)),
        ),
      ).to.equal(true);
    // Again: what is there stays.
    await scene.expect(
      1,
      "init",
      "--server",
      scene.server.url,
      "--sink",
      `nas=local:${scene.path("other")}`,
      "--yes",
    );
    expect(readFileSync(join(scene.config, "sinks.d/nas.yaml"), "utf8")).to.contain(scene.path("backup"));
  });
});
