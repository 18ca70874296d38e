import { readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

describe("a repository that is damaged", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    await scene.expect(0, "backup");
  });
  afterEach(() => scene.close());

  const segment = "contexts/default/events/00000000000000000034.events";
  const at = (key: string): string => join(scene.sinkPath(), key);

  async function expectMended(): Promise<void> {
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    compareStores(join(scene.storage, "default"), scene.path("restored/default"));
    expect(filesBelow(at("damaged")).size, "marks left").to.equal(0);
  }

  it("a flipped bit is found by verify, named, and mended by the next backup", async () => {
    const bytes = readFileSync(at(segment));
    bytes[5000] = (bytes[5000] ?? 0) ^ 4;
    writeFileSync(at(segment), bytes);
    await scene.expect(0, "verify");
    const { stdout } = await scene.expect(5, "verify", "--read-data");
    expect(stdout).to.include(segment);
    await scene.expect(5, "restore", "--to", scene.path("never"));
    await expectMended();
  });

  it("a missing object is found by verify without reading, and mended", async () => {
    rmSync(at(segment));
    const { stdout } = await scene.expect(5, "verify");
    expect(stdout).to.include(segment);
    await expectMended();
  });

  it("a missing object is mended without verify, too", async () => {
    rmSync(at(segment));
    await expectMended();
  });

  it("a cut object is found by verify without reading, and mended", async () => {
    truncateSync(at(segment), 16_000);
    await scene.expect(5, "verify");
    await expectMended();
  });

  it("a damaged copy of an open segment is overwritten by the next backup", async () => {
    const open = "contexts/default/events/00000000000000000153.events";
    const bytes = readFileSync(at(open));
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    writeFileSync(at(open), bytes);
    await scene.expect(5, "verify", "--read-data");
    await expectMended();
  });

  it("a damaged manifest is passed over: the backup goes on from the one before", async () => {
    scene.server.appendSample("default", 100);
    await scene.expect(0, "backup");
    const newest = readdirSync(at("restore-points")).sort().at(-1) ?? "";
    truncateSync(at(`restore-points/${newest}`), 100);
    await scene.expect(5, "verify");
    const { stderr } = await scene.expect(0, "backup");
    expect(stderr).to.include(newest);
    await scene.expect(0, "verify", "--restore-point", "latest", "--read-data");
  });
});
