import { mkdir, open, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { restore, type RestoreOptions } from "@axon-backup/core";
import { type ObjectKey, type Sink, SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { again, bury, countingSink, expectSame, reference, restoreUntil } from "./support-restore-again.js";
import { rejection } from "./support-restore-errors.js";
import { scratch } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

const name = "memory";
const WORKING = ".axon-backup-restore";

describe("restore --resume", function () {
  this.timeout(120_000);
  let directory: ReturnType<typeof scratch>;
  let sink: ReturnType<typeof testSink>;
  let files: ReadonlyMap<string, Buffer>;
  let target: string;
  before(async () => {
    sink = testSink();
    await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 60, 15));
  });
  beforeEach(async () => {
    directory = scratch("memory");
    ({ files } = await reference(join(directory.path, "reference"), { sink }));
    target = join(directory.path, "target");
  });
  afterEach(() => {
    directory.remove();
  });

  /** How many objects are fetched before the one that fails. */
  const FETCHED = 3;

  /** Ends in the middle of the transfer, as on a sink that fails. */
  async function failHalfway(
    resume: boolean,
    options: Partial<RestoreOptions> = {},
    fetched = FETCHED,
  ): Promise<void> {
    let left = fetched;
    const failing = new Proxy(options.sink ?? sink, {
      get: (inner, key) =>
        key === "get"
          ? (object: ObjectKey, how?: Parameters<Sink["get"]>[1]) => {
              if (object.startsWith("contexts/") && left-- === 0)
                throw new SinkError("transient", "the line is down");
              return inner.get(object, how);
            }
          : (Reflect.get(inner, key) as unknown),
    });
    const error = await rejection(
      restore({ ...options, sink: failing, name, target, resume, connections: 1 }),
    );
    expect(error).to.include({ kind: "failed" });
  }

  it("killed before any of its operations, succeeds when run again, and fetches nothing twice that was whole", async () => {
    for (let at = 1; ; at++) {
      if (!(await restoreUntil(at, { sink, target, resume: true, connections: 2 }))) break;
      const whole = await filesIn(target);
      const counting = countingSink(sink);
      const report = await again({ sink: counting, target, resume: true });
      await expectSame(target, files, `operation ${at}`);
      directory.removeBelow(target);
      if (!report) continue;
      expect(report.kept.files, `operation ${at}: kept, of ${whole}`).to.be.at.least(whole - 2);
      expect(report.kept.files + counting.fetched.length).to.equal(files.size - 1);
    }
  });

  it("killed, and killed again in going on, succeeds in the end", async () => {
    for (let at = 18; at < 90; at += 5)
      for (let second = 1; second < 60; second += 7) {
        await restoreUntil(at, { sink, target });
        await restoreUntil(second, { sink, target, resume: true });
        await again({ sink, target, resume: true });
        await expectSame(target, files, `operations ${at}, ${second}`);
        directory.removeBelow(target);
      }
  });

  it("is told that a restore without it may come after it, which begins anew", async () => {
    await restoreUntil(40, { sink, target, resume: true });
    await restore({ sink, name, target });
    await expectSame(target, files);
  });

  it("keeps what it has fetched when it fails; without it, nothing stays", async () => {
    await failHalfway(false);
    expect(await readdir(directory.path)).to.deep.equal(["reference"]);
    await failHalfway(true);
    expect(await readdir(target)).to.deep.equal([WORKING]);
    const counting = countingSink(sink);
    const { kept } = await restore({ sink: counting, name, target, resume: true });
    expect(kept.files).to.equal(FETCHED);
    expect(counting.fetched.length).to.equal(files.size - 1 - kept.files);
    await expectSame(target, files);
  });

  it("is not needed for what is much to stay, when a restore fails", async () => {
    const large = testSink();
    const state = stateAt(await fixture("4.6"), 60, 15);
    const index = Buffer.alloc(64 * 1024 * 1024);
    await storeRestorePoint(large, pointId(0), {
      ...state,
      contexts: state.contexts.map((context) => ({
        ...context,
        events: new Map([...context.events, ["00000000000000000000.index", index]]),
      })),
    });
    await failHalfway(
      false,
      { sink: large },
      state.contexts.flatMap(({ snapshots, events }) => [...snapshots, ...events]).length,
    );
    expect(await readdir(target)).to.deep.equal([WORKING]);
    const counting = countingSink(large);
    const { kept } = await restore({ sink: counting, name, target, resume: true });
    expect(kept.bytes).to.be.at.least(index.byteLength);
    expect(counting.fetched).to.deep.equal(["contexts/default/events/00000000000000000000.events"]);
  });

  it("believes no file: one of another content, or with something in the zeros behind it, is fetched again", async () => {
    await failHalfway(true);
    const damaged = await damageAll(join(target, WORKING, "tree/default"));
    expect(damaged).to.be.at.least(FETCHED);
    const { kept } = await restore({ sink, name, target, resume: true });
    expect(kept.files).to.equal(0);
    await expectSame(target, files);

    directory.removeBelow(target);
    await restoreUntil(1000, { sink, target });
    const open =
      [...files.keys()]
        .filter((path) => path.endsWith(".events"))
        .sort()
        .at(-1) ?? "";
    await using file = await openFile(join(target, open));
    await file.write(Buffer.from([1]), 0, 1, (await stat(join(target, open))).size - 1);
    const { kept: all } = await restore({ sink, name, target, delta: true });
    expect(all.files).to.equal(files.size - 2);
    await expectSame(target, files);
  });

  it("of another restore point, takes what is the same, and nothing else stays", async () => {
    const both = testSink();
    await storeRestorePoint(both, pointId(0), stateAt(await fixture("4.6"), 60, 15));
    await storeRestorePoint(both, pointId(1), stateAt(await fixture("4.6"), 140, 36));
    const { files: all } = await reference(join(directory.path, "other"), { sink: both });
    await failHalfway(true, { sink: both, restorePoint: pointId(1) }, all.size - 2);
    const { kept } = await restore({ sink: both, name, target, restorePoint: pointId(0), resume: true });
    expect(kept.files).to.be.greaterThan(0);
    await expectSame(target, files);
  });

  it("in an empty directory, or one that isn't there, is a restore like any other", async () => {
    await restore({ sink, name, target, resume: true });
    await expectSame(target, files);
    const empty = join(directory.path, "empty");
    await mkdir(empty);
    await restore({ sink, name, target: empty, resume: true });
    await expectSame(empty, files);
  });

  it("takes nothing that somebody else has put there: the message names --delta", async () => {
    await mkdir(join(target, "default"), { recursive: true });
    await writeFile(join(target, "default/00000000000000000000.events"), "old");
    for (const resume of [false, true]) {
      const error = await rejection(restore({ sink, name, target, resume }));
      expect(error).to.include({ kind: "usage" });
      expect(error.remedy).to.include("--delta").and.to.include("--resume");
    }
    await restoreUntil(60, { sink, target: join(directory.path, "second") });
    await writeFile(join(directory.path, "second/mine"), "mine");
    const second = { sink, name, target: join(directory.path, "second"), resume: true };
    expect(await rejection(restore(second))).to.include({ kind: "usage" });
  });

  it("is refused while the other restore is at work", async () => {
    let second: Promise<unknown> | undefined;
    await restore({
      sink,
      name,
      target,
      observer: ({ kind }) => {
        if (kind === "work")
          second ??= restore({ sink, name, target, resume: true }).catch((error: unknown) => error);
      },
    });
    expect(await second).to.include({ kind: "locked" });
    await expectSame(target, files);
  });

  /** Files that lie in a target, wherever, and have what they should. */
  async function filesIn(path: string): Promise<number> {
    await bury(path);
    let whole = 0;
    for (const [file, bytes] of files) {
      if (!file.startsWith("default/")) continue;
      for (const at of [join(path, file), join(path, WORKING, "tree", file)])
        if (await sameBytes(at, bytes)) whole++;
    }
    return whole;
  }
});

async function sameBytes(path: string, bytes: Buffer): Promise<boolean> {
  try {
    await using file = await open(path, "r");
    return (await file.readFile()).equals(bytes);
  } catch {
    return false; // not there
  }
}

async function openFile(path: string): ReturnType<typeof open> {
  return open(path, "r+");
}

/** Changes a byte of every file of a directory. */
async function damageAll(path: string): Promise<number> {
  const names = await readdir(path);
  for (const file of names) {
    await using handle = await open(join(path, file), "r+");
    await handle.write(Buffer.from([0xff]), 0, 1, 7);
  }
  return names.length;
}
