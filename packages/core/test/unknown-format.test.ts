import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { token } from "@axon-backup/axon-server";
import { expect } from "chai";
import { EngineError, headOf, Repository, restore, type RestoreReport, verify } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";
import { rejection } from "./support-restore-errors.js";

const name = (segment: number, store = "events"): string => `${String(segment).padStart(20, "0")}.${store}`;

describe("segments of a format version that isn't known", () => {
  let scene: BackupScene;
  let target: string;
  beforeEach(() => {
    scene = new BackupScene();
    target = mkdtempSync(join(tmpdir(), "axon-backup-format-"));
  });
  afterEach(() => {
    scene.close();
    rmSync(target, { recursive: true });
  });

  /** Gives segments another format version, as a later server would. */
  function setVersion(version: number, ...names: readonly string[]): void {
    for (const file of names) {
      const handle = openSync(join(scene.store, file), "r+");
      writeSync(handle, Buffer.of(version), 0, 1, 0);
      closeSync(handle);
    }
  }

  const restoreAll = (options: { readonly token?: number } = {}): Promise<RestoreReport> =>
    restore({
      sink: scene.sink,
      name: "memory",
      target,
      ...(options.token !== undefined && { token: token(options.token) }),
    });

  it("make the head a lower bound, in the report and in the manifest", async () => {
    setVersion(3, name(153));
    const report = await scene.commit();
    expect(report.warnings.join()).to.include("format version 3");
    expect(report.contexts[0]).to.include({
      lastEventToken: 152,
      lastEventTokenExact: false,
      lastSnapshotToken: 39,
      lastSnapshotTokenExact: true,
    });
    const repository = await Repository.open(scene.sink);
    const [context] = (await repository?.manifest(report.restorePoint))?.contexts ?? [];
    if (context === undefined) throw new Error("no context in the manifest");
    expect(context.events.open.at(-1)).to.include({ name: name(153), unknownFormat: 3, nextToken: 153 });
    expect(context.snapshots.open.at(-1)).to.not.have.property("unknownFormat");
    expect([headOf(context.events), headOf(context.snapshots)]).to.deep.equal([
      { lastToken: 152, exact: false },
      { lastToken: 39, exact: true },
    ]);
    await scene.verifyAll();

    await scene.commit();
    expect((await scene.commit()).contexts[0], "nor do later runs know more").to.include({
      lastEventToken: 152,
      lastEventTokenExact: false,
    });
  });

  it("are restored whole, and the report calls the head a lower bound and knows no time of it", async () => {
    setVersion(3, name(153));
    await scene.commit();
    const { contexts } = await restoreAll();
    expect(contexts[0]?.events).to.include({
      lastToken: 152,
      lastTokenExact: false,
      lastTimestamp: null,
      dropped: 0,
      droppedExact: true,
    });
    expect(contexts[0]?.snapshots).to.include({ lastToken: 39, lastTokenExact: true });
    expect(
      readFileSync(join(target, "default", name(153))).equals(readFileSync(join(scene.store, name(153)))),
    ).to.equal(true);
  });

  it("refuse a restore to a token that may be in them, and say why", async () => {
    setVersion(3, name(153));
    await scene.commit();
    for (const beyond of [153, 160, 172, 1000]) {
      const error = await rejection(restoreAll({ token: beyond }));
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "usage");
      expect(error.message).to.include(`token ${beyond}`).and.include(name(153)).and.include("version 3");
      expect(error.message).to.include("the last token that can be told is 152");
      expect(error.message).to.not.include("its last token is");
    }
  });

  it("allow one to a token before them, of which everything is known but how much was cut off", async () => {
    setVersion(3, name(153));
    await scene.commit();
    const { contexts } = await restoreAll({ token: 140 });
    const events = contexts[0]?.events;
    expect(events?.lastToken).to.be.within(140, 149);
    expect(events).to.include({
      lastTokenExact: true,
      dropped: 152 - (events?.lastToken ?? 0),
      droppedExact: false,
    });
    expect(events?.lastTimestamp).to.be.instanceOf(Date);
  });

  it("can't be cut when they are closed, and are told apart from a token that isn't there", async () => {
    setVersion(3, name(152));
    await scene.commit();
    const error = await rejection(restoreAll({ token: 152 }));
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "failed");
    expect(error.message).to.include(name(152)).and.include("format version, 3");
    expect((await rejection(restoreAll({ token: 173 }))).message).to.include("its last token is 172");
  });

  it("tell nothing at all when there is no other", async () => {
    setVersion(3, name(0, "snapshots"));
    rmSync(join(scene.store, name(34, "snapshots")));
    scene.source.lastClosed.snapshots = undefined;
    const { contexts } = await scene.commit();
    expect(contexts[0]).to.include({ lastSnapshotToken: null, lastSnapshotTokenExact: false });
    const report = await restoreAll({ token: 140 });
    expect(report.contexts[0]?.snapshots, "snapshots that can't be looked at can't stay").to.include({
      lastToken: null,
      lastTokenExact: true,
      dropped: 0,
      droppedExact: false,
    });
  });

  it("are no gap when several of them are open, as after a burst", async () => {
    scene.source.lastClosed.events = 151;
    setVersion(3, name(152), name(153));
    const report = await scene.commit();
    expect(report.contexts[0]).to.include({ lastEventToken: 152, lastEventTokenExact: false });
    await scene.verifyAll();
    const { notes } = await verify({ sink: scene.sink, name: "memory", readData: true, mark: false });
    expect(notes.join()).to.include("2 segments are of format version 3");
    setVersion(2, name(153));
    scene.sink.storage.clear();
    expect((await scene.commit()).contexts[0], "the last one is what counts").to.include({
      lastEventToken: 172,
      lastEventTokenExact: true,
    });
  });
});
