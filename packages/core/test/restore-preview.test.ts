import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Token } from "@axon-backup/axon-server";
import { previewRestore, restore, type RestoreOptions } from "@axon-backup/core";
import { expect } from "chai";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { again, restoreUntil } from "./support-restore-again.js";
import { onSmallDisk, skipped } from "./support-restore-disk.js";
import { scratch, tree } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

describe("what a restore would find in its target", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let sink: ReturnType<typeof testSink>;
  let options: RestoreOptions;
  beforeEach(async () => {
    directory = scratch("memory");
    sink = testSink();
    const state = await fixture("4.6");
    await storeRestorePoint(sink, pointId(0), stateAt(state, 60, 15));
    await storeRestorePoint(sink, pointId(1), stateAt(state, 140, 36));
    options = { sink, name: "memory", target: join(directory.path, "target") };
  });
  afterEach(() => {
    directory.remove();
  });

  it("an old store: what would stay with delta, and that it is refused without", async () => {
    await restore({ ...options, restorePoint: pointId(0) });
    const before = await tree(directory.path);
    const refused = await previewRestore(options);
    expect(refused.target.state).to.equal("old store");
    expect(refused.target.problem?.message).to.contain("is not empty");
    expect(refused.kept).to.equal(null);
    for (const more of [{}, { token: 50 as Token }]) {
      const preview = await previewRestore({ ...options, ...more, delta: true });
      expect(preview.target).to.include({ state: "old store", problem: undefined });
      expect(preview.kept?.files).to.be.greaterThan(0);
      expect(preview.measured?.sample.objects).to.equal(preview.objects - (preview.kept?.files ?? 0));
      expect(await tree(directory.path)).to.deep.equal(before);
      const { kept } = await restore({ ...options, ...more, delta: true });
      // The segment that was open has its length, and other content.
      expect(kept.files)
        .to.be.greaterThan(0)
        .and.at.most(preview.kept?.files ?? 0);
      directory.removeBelow(options.target);
      await restore({ ...options, restorePoint: pointId(0) });
    }
  });

  it("something else than an old store: delta is refused as well", async () => {
    await restore({ ...options, restorePoint: pointId(0) });
    await writeFile(join(options.target, "precious"), "");
    const { target, kept } = await previewRestore({ ...options, delta: true });
    expect(target.state).to.equal("in use");
    expect(target.problem?.message).to.contain("something else").and.contain("precious");
    expect(kept).to.deep.equal({ files: 0, bytes: 0 });
  });

  it("what a restore left that was cut off: what would stay with resume", async () => {
    let seen = 0;
    for (let at = 20; await restoreUntil(at, { ...options, resume: true }); at += 40) {
      const { target, kept } = await previewRestore({ ...options, resume: true });
      expect(target, `at ${at}`).to.include({ state: "interrupted", problem: undefined });
      const report = await again({ ...options, resume: true });
      if (report) expect(kept, `at ${at}`).to.deep.equal(report.kept);
      if (report && report.kept.files > 0) seen++;
      directory.removeBelow(options.target);
    }
    expect(seen).to.be.greaterThan(0);
  });

  it("a restore that works there", async () => {
    let during: ReturnType<typeof previewRestore> | undefined;
    await restore({
      ...options,
      observer(event) {
        if (event.kind === "work") during ??= previewRestore({ ...options, resume: true });
      },
    });
    expect((await during)?.target.problem?.kind).to.be.oneOf(["locked", "usage"]);
  });

  it("a file system that can't be written", async function () {
    const result = await onSmallDisk(directory.path, "64k,ro", "support-restore-read-only.js");
    if (result === undefined) {
      skipped(this, "no disk can be mounted here: run as root, or allow user namespaces");
      return;
    }
    const readOnly = {
      preview: "failed",
      remedy: "The file system is mounted read-only. Choose another directory, or mount it for writing.",
      restore: "failed",
    };
    expect(JSON.parse(result)).to.deep.equal([readOnly, readOnly]);
  });
});
