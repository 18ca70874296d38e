import { readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { pending } from "../support/pending.js";
import { leftoversAt, restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";
import { openSmallDisk, type SmallDisk } from "../support/small-disk.js";

describe("a disk that is full", () => {
  let scene: Scene;
  let disk: SmallDisk;
  /** Opens a scene whose commands see a small disk, or ends the test as pending. */
  async function open(context: Mocha.Context, size: string): Promise<void> {
    scene = await Scene.open({ indexBytes: 4096 });
    const opened = await openSmallDisk(scene.path("disk"), size);
    if (typeof opened === "string") pending(context, opened);
    disk = opened;
    scene.through = disk.through;
  }
  afterEach(async () => {
    await disk.close();
    await scene.close();
  });

  /** Takes all of the disk's space but so many bytes; returns what gives it back. */
  function fill(free: number): () => void {
    const path = join(disk.here, "filler");
    const chunk = 4096;
    writeFileSync(path, "");
    try {
      for (;;) writeFileSync(path, Buffer.alloc(chunk), { flag: "a" });
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
    }
    const taken = filesBelow(disk.here).get("filler")?.byteLength ?? 0;
    writeFileSync(path, Buffer.alloc(Math.max(0, taken - free)));
    return () => {
      rmSync(path);
    };
  }

  it("as a sink: the backup fails with the remedy, earlier restore points verify, and with space the next run succeeds", async function () {
    await open(this, "4m");
    const sink = join(disk.path, "sink");
    const here = join(disk.here, "sink");
    scene.writeSink("nas", ["type: local", `path: ${sink}`]);
    await scene.expect(0, "backup");
    const before = restorePointsAt(here);
    expect(before).to.have.length(1);

    const free = fill(64 * 1024);
    scene.server.appendSample("default", 300);
    const { stdout, stderr } = await scene.expect(1, "backup");
    expect(stdout + stderr)
      .to.match(/don't fit|no space left/)
      .and.to.include("Free space")
      .and.to.include(sink);
    expect(restorePointsAt(here), "restore points").to.deep.equal(before);
    expect(leftoversAt(here).filter((path) => !path.startsWith("checkpoints/"))).to.deep.equal([]);
    await scene.expect(0, "verify", "--read-data");

    free();
    await scene.expect(0, "backup");
    expect(restorePointsAt(here)).to.have.length(2);
    expect(leftoversAt(here)).to.deep.equal([]);
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    const segments = (files: Map<string, Buffer>) =>
      new Map([...files].filter(([name]) => /\.(events|snapshots)$/.test(name)));
    const expected = segments(filesBelow(join(scene.storage, "default")));
    expect(segments(filesBelow(scene.path("restored/default")))).to.deep.equal(expected);
  });

  it("as a sink that has no room for the first backup: nothing committed, and with space it succeeds", async function () {
    await open(this, "4m");
    scene.writeSink("nas", ["type: local", `path: ${join(disk.path, "sink")}`]);
    for (const room of [4096, 16_384, 49_152, 81_920]) {
      const free = fill(room);
      const { stdout, stderr } = await scene.expect(1, "backup");
      expect(stdout + stderr, `with ${room} bytes`)
        .to.match(/don't fit|no space left/)
        .and.to.include("Free space");
      expect(restorePointsAt(join(disk.here, "sink"))).to.deep.equal([]);
      free();
    }
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
  });

  it("as the target of a restore: an error with the remedy, and the target is as before", async function () {
    await open(this, "100k");
    await scene.expect(0, "backup");
    const before = readdirSync(disk.here);
    for (const target of [join(disk.path, "restored"), disk.path]) {
      const { stderr } = await scene.expect(1, "restore", "--to", target);
      expect(stderr)
        .to.include(disk.path)
        .and.to.match(/free|space/i);
      expect(stderr).to.match(/"remedy":"[^"]{20,}"/);
      expect(readdirSync(disk.here)).to.deep.equal(before);
    }
    const elsewhere = scene.path("restored");
    await scene.expect(0, "restore", "--to", elsewhere);
    compareStores(join(scene.storage, "default"), join(elsewhere, "default"));
  });
});
