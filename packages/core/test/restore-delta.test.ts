import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, open, readdir, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { restore } from "@axon-backup/core";
import type { Token } from "@axon-backup/axon-server";
import { expect } from "chai";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import {
  again,
  bury,
  countingSink,
  expectSame,
  inodes,
  reference,
  restoreUntil,
} from "./support-restore-again.js";
import { skipped } from "./support-restore-disk.js";
import { rejection } from "./support-restore-errors.js";
import { scratch, tree } from "./support-restore-files.js";
import { tamper, testSink } from "./support-restore-sink.js";

const name = "memory";
const CONTROL_DB = "axonserver-controldb.mv.db";

describe("restore --delta", function () {
  this.timeout(120_000);
  let directory: ReturnType<typeof scratch>;
  let sink: ReturnType<typeof testSink>;
  let target: string;
  const older = pointId(0);
  const newer = pointId(1);
  let whole: ReadonlyMap<string, Buffer>;
  beforeEach(async () => {
    sink = testSink();
    const state = await fixture("4.6");
    await storeRestorePoint(sink, older, stateAt(state, 60, 15));
    await storeRestorePoint(sink, newer, stateAt(state, 140, 36));
    directory = scratch("memory");
    target = join(directory.path, "target");
    ({ files: whole } = await reference(join(directory.path, "reference"), { sink }));
  });
  afterEach(() => {
    directory.remove();
  });

  /** An old store at the target, whose control DB is another one. */
  async function oldStore(restorePoint = older): Promise<ReadonlyMap<string, Buffer>> {
    await restore({ sink, name, target, restorePoint });
    await writeFile(join(target, CONTROL_DB), "H:2, an old one");
    return tree(target);
  }

  it("fetches what differs, leaves alone what doesn't, and removes what the restore point doesn't have", async () => {
    await oldStore();
    for (const extra of [
      "00000000000000009999.events",
      "00000000000000000077_00001.events",
      "00000000000000000000.bloom",
    ])
      await writeFile(join(target, "default", extra), "old");
    const before = await inodes(target);
    const counting = countingSink(sink);
    const { kept, files } = await restore({ sink: counting, name, target, delta: true });
    await expectSame(target, whole);
    expect(kept.files).to.be.greaterThan(0);
    expect(kept.files + counting.fetched.length).to.equal(files - 1);
    const after = await inodes(target);
    const stayed = [...after].filter(([path, inode]) => before.get(path) === inode);
    expect(stayed).to.have.length(kept.files);
  });

  it("goes back to an earlier moment: what is behind it goes, snapshots as well", async () => {
    await oldStore(newer);
    const to = { sink, restorePoint: newer, token: 50 as Token };
    const { files } = await reference(join(directory.path, "cut"), to);
    const { kept } = await restore({ ...to, name, target, delta: true });
    await expectSame(target, files);
    expect(kept.files).to.be.greaterThan(0);
  });

  it("changes nothing in a store that is the restore point already", async () => {
    await restore({ sink, name, target });
    const before = await inodes(target);
    const counting = countingSink(sink);
    await restore({ sink: counting, name, target, delta: true });
    expect(counting.fetched).to.deep.equal([]);
    expect(await inodes(target)).to.deep.equal(before);
    await expectSame(target, whole);
  });

  it("lets the owner write to what stays, so that a server can", async () => {
    for (const restorePoint of [older, newer]) {
      await oldStore(restorePoint);
      for (const path of (await tree(target)).keys()) await chmod(join(target, path), 0o440);
      await chmod(join(target, "default"), 0o550);
      await restore({ sink, name, target, delta: true });
      const modes = new Map<string, number>();
      for (const path of ["default", ...(await tree(target)).keys()])
        modes.set(path, (await stat(join(target, path))).mode & 0o700);
      expect([...modes].filter(([, mode]) => (mode & 0o600) !== 0o600)).to.deep.equal([]);
      expect(modes.get("default")).to.equal(0o700);
      directory.removeBelow(target);
    }
  });

  it("finds files that have the right length and other bytes", async () => {
    await restore({ sink, name, target });
    const path = join(target, "default/00000000000000000000.events");
    {
      await using file = await open(path, "r+");
      await file.write(Buffer.from([0xff]), 0, 1, 1000);
    }
    const counting = countingSink(sink);
    await restore({ sink: counting, name, target, delta: true });
    expect(counting.fetched).to.deep.equal(["contexts/default/events/00000000000000000000.events"]);
    await expectSame(target, whole);
  });

  it("into an empty directory, or a new one, is a restore like any other", async () => {
    await restore({ sink, name, target, delta: true });
    await expectSame(target, whole);
  });

  it("that can't be completed leaves the old store as it was", async () => {
    const old = await oldStore();
    const inodesBefore = await inodes(target);
    tamper(sink.memory, "contexts/default/events/00000000000000000000.events", () => undefined);
    for (const resume of [false, true]) {
      await writeFile(join(target, "default/00000000000000000000.events"), "broken");
      expect(await rejection(restore({ sink, name, target, delta: true, resume }))).to.include({
        kind: "damage",
      });
      const names = (await readdir(target)).filter((entry) => !entry.startsWith("."));
      expect(names.sort()).to.deep.equal([CONTROL_DB, "default"]);
      const now = await tree(target);
      for (const [path, bytes] of old)
        if (!path.endsWith("0000.events")) expect(now.get(path)?.equals(bytes), path).to.equal(true);
      const inodesNow = await inodes(target);
      for (const [path, inode] of inodesBefore) expect(inodesNow.get(path), path).to.equal(inode);
    }
    await storeRestorePoint(sink, newer, stateAt(await fixture("4.6"), 140, 36));
    await restore({ sink, name, target, resume: true }); // goes on as the delta that it was
    await expectSame(target, whole);
  });

  const FOREIGN: Readonly<Record<string, (path: string) => Promise<unknown>>> = {
    "a file that isn't of the store": (path) => writeFile(join(path, "default/notes.txt"), "mine"),
    "a file beside the contexts": (path) => writeFile(join(path, "axonserver.properties"), "mine"),
    "a context that isn't restored": (path) =>
      cp(join(path, "default"), join(path, "billing"), { recursive: true }),
    "a directory inside of a context": (path) => mkdir(join(path, "default/old")),
    "a link in the place of a segment": (path) =>
      symlink("/etc/hostname", join(path, "default/00000000000000000900.events")),
  };
  for (const [what, put] of Object.entries(FOREIGN))
    it(`touches nothing where there is ${what}`, async () => {
      await oldStore();
      await put(target);
      const before = await names(target);
      const error = await rejection(restore({ sink, name, target, delta: true }));
      expect(error).to.include({ kind: "usage" });
      expect(await names(target)).to.deep.equal(before);
    });

  it("touches nothing while a server has the control DB open", async function () {
    if (!existsSync("/proc/locks")) {
      skipped(this, "this system doesn't tell of locks: it needs Linux");
      return;
    }
    const old = await oldStore();
    const child = spawn("flock", [join(target, CONTROL_DB), "sh", "-c", "echo locked; cat"], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    try {
      await once(child.stdout, "data");
      const error = await rejection(restore({ sink, name, target, delta: true }));
      expect(error).to.include({ kind: "locked" });
      expect(await tree(target)).to.deep.equal(old);
    } finally {
      child.stdin.end();
      await once(child, "close");
    }
    await restore({ sink, name, target, delta: true });
    await expectSame(target, whole);
  });

  it("leaves alone what does no harm: control DB backups and the database's trace", async () => {
    await oldStore();
    for (const harmless of ["controldb1795486546138.zip", "axonserver-controldb.trace.db"])
      await writeFile(join(target, harmless), "x");
    await restore({ sink, name, target, delta: true });
    expect((await names(target)).filter((path) => !whole.has(path) && path !== "default")).to.deep.equal([
      "axonserver-controldb.trace.db",
      "controldb1795486546138.zip",
    ]);
  });

  it("killed before any of its operations, is completed by the same again or by --resume; until then it can't be taken for a store", async () => {
    let mixtures = 0;
    const old = await oldStore();
    const copy = join(directory.path, "copy");
    await cp(target, copy, { recursive: true, preserveTimestamps: true });
    for (let at = 1; ; at++) {
      directory.removeBelow(target);
      await cp(copy, target, { recursive: true });
      if (!(await restoreUntil(at, { sink, target, delta: true, connections: 2 }))) break;
      const now = await tree(target);
      const visible = new Map([...now].filter(([path]) => !path.startsWith(".")));
      const working = (await readdir(target)).filter((entry) =>
        existsSync(join(target, entry, "journal.json")),
      );
      const isOld = sameFiles(visible, old);
      const isNew = sameFiles(visible, whole);
      if (!isOld && !isNew) {
        mixtures++;
        expect(working, `operation ${at}`).to.have.length(1);
        expect(visible.has(CONTROL_DB), `operation ${at}`).to.equal(false);
        const refused = await rejection(restore({ sink, name, target }));
        expect(refused.message, `operation ${at}`).to.include("parts of two stores");
      }
      // Without a working directory it hasn't begun, or is whole.
      await again({
        sink,
        target,
        ...(at % 2 === 0 && working.length > 0 ? { resume: true } : { delta: true }),
      });
      await expectSame(target, whole, `operation ${at}`);
    }
    expect(mixtures, "moments at which it was neither").to.be.greaterThan(3);
  });

  it("killed, and killed again in being completed, is completed in the end", async () => {
    await oldStore();
    const copy = join(directory.path, "copy");
    await cp(target, copy, { recursive: true });
    for (let at = 30; at < 130; at += 13)
      for (let second = 1; second < 90; second += 19) {
        directory.removeBelow(target);
        await cp(copy, target, { recursive: true });
        await restoreUntil(at, { sink, target, delta: true });
        await restoreUntil(second, { sink, target, delta: true });
        await restore({ sink, name, target, delta: true });
        await expectSame(target, whole, `operations ${at}, ${second}`);
      }
  });

  it("killed while it cuts snapshots, has not cut the old store's", async () => {
    await oldStore(newer);
    const old = await tree(target);
    const to = { sink, restorePoint: newer, token: 50 as Token };
    const { files } = await reference(join(directory.path, "cut"), to);
    for (let at = 20; ; at++) {
      if (!(await restoreUntil(at, { ...to, target, delta: true }))) break;
      const names = await readdir(target);
      if (!names.includes(CONTROL_DB)) break;
      const visible = new Map([...(await tree(target))].filter(([path]) => !path.startsWith(".")));
      expect(sameFiles(visible, old), `operation ${at}`).to.equal(true);
      await bury(target);
    }
    await restore({ ...to, name, target, delta: true });
    await expectSame(target, files);
  });

  it("completes a restore to an empty directory that was cut off, too", async () => {
    for (let at = 20; ; at += 3) {
      if (!(await restoreUntil(at, { sink, target }))) break;
      await restore({ sink, name, target, delta: true });
      await expectSame(target, whole, `operation ${at}`);
      directory.removeBelow(target);
    }
  });

  async function names(path: string): Promise<string[]> {
    return (await readdir(path, { recursive: true })).sort();
  }
});

function sameFiles(one: ReadonlyMap<string, Buffer>, other: ReadonlyMap<string, Buffer>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([path, bytes]) => other.get(path)?.equals(bytes) === true);
}
