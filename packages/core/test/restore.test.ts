import { chmod, mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Token } from "@axon-backup/axon-server";
import { restore, verify } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { expect } from "chai";
import {
  fixture,
  GENERATIONS,
  newestSegments,
  withoutSuperseded,
  pointId,
  type ServerState,
  stateAt,
  storeRestorePoint,
} from "./support-restore.js";
import { scratch, tree } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";
import { rejection } from "./support-restore-errors.js";

/** The files that a restore of a state must give: those of the server; jump skip indexes never. */
function expected(state: ServerState): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { name, events, snapshots } of state.contexts)
    for (const [file, bytes] of [
      ...withoutSuperseded("events", events),
      ...withoutSuperseded("snapshots", snapshots),
    ])
      files.set(`${name}/${file}`, bytes);
  return files;
}

function lastTimestamp({ contexts: [context] }: ServerState): Date {
  const event = newestSegments("events", context?.events ?? new Map())
    .at(-1)
    ?.transactions.at(-1)
    ?.events.at(-1);
  return new Date(event?.readable === true ? event.timestamp : NaN);
}

async function expectRestored(directory: string, state: ServerState): Promise<void> {
  const files = await tree(directory);
  const controlDb = files.get("axonserver-controldb.mv.db");
  files.delete("axonserver-controldb.mv.db");
  expect(controlDb?.subarray(0, 3).toString(), "the control DB is an H2 database").to.equal("H:2");
  const wanted = expected(state);
  expect([...files.keys()].sort()).to.deep.equal([...wanted.keys()].sort());
  for (const [name, bytes] of wanted) expect(files.get(name)?.equals(bytes), name).to.equal(true);
}

describe("restore", () => {
  let directory: ReturnType<typeof scratch>;
  beforeEach(() => (directory = scratch()));
  afterEach(() => {
    directory.remove();
  });

  for (const generation of GENERATIONS)
    it(`brings back every restore point of a growing ${generation} store, byte for byte`, async () => {
      const whole = await fixture(generation, "store", true);
      const sink = testSink();
      const states = [stateAt(whole, 20, 5), stateAt(whole, 140, 36), stateAt(whole, 142, 36), whole];
      for (const [number, state] of states.entries()) await storeRestorePoint(sink, pointId(number), state);

      for (const [number, state] of states.entries()) {
        const target = join(directory.path, String(number));
        const report = await restore({ sink, name: "memory", target, restorePoint: pointId(number) });
        await expectRestored(target, state);
        const [context] = report.contexts;
        expect(context?.events.lastToken).to.equal([20, 140, 142, 172][number]);
        expect(context?.snapshots.lastToken).to.equal([5, 36, 36, 39][number]);
        expect(context?.events.dropped).to.equal(0);
        expect(context?.events.lastTimestamp).to.deep.equal(lastTimestamp(state));
        expect(report.restorePoint).to.equal(pointId(number));
        expect(report.controlDb.made).to.deep.equal(new Date(1795486546138));
      }
    });

  it("restores transformed segments in their newest version alone, also where a restore point has the others", async () => {
    const whole = await fixture("2023.2", "store-transformed");
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), whole);
    const target = join(directory.path, "target");
    await restore({ sink, name: "memory", target });
    await expectRestored(target, whole);
  });

  it("restores files and directories for their owner alone", async () => {
    const sink = await someSink();
    const target = join(directory.path, "target");
    await restore({ sink, name: "memory", target });
    const modes = await Promise.all(
      ["", "default", "axonserver-controldb.mv.db", "default/00000000000000000000.events"].map(
        async (path) => (await stat(join(target, path))).mode & 0o777,
      ),
    );
    expect(modes).to.deep.equal([0o700, 0o700, 0o600, 0o600]);
  });

  it("leaves what an open segment doesn't have as a hole", async () => {
    const whole = await fixture("4.6");
    const [context] = whole.contexts;
    const events = new Map(context?.events);
    const open = Buffer.alloc(64 * 1024 * 1024);
    events.get("00000000000000000153.events")?.copy(open);
    events.set("00000000000000000153.events", open);
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), {
      ...whole,
      contexts: [{ name: "default", events, snapshots: context?.snapshots ?? new Map<string, Buffer>() }],
    });
    const target = join(directory.path, "target");
    const report = await restore({ sink, name: "memory", target });
    const { size, blocks } = await stat(join(target, "default/00000000000000000153.events"));
    expect(size).to.equal(open.byteLength);
    expect(blocks * 512).to.be.lessThan(1024 * 1024);
    expect(report.bytes).to.be.lessThan(2 * 1024 * 1024);
  });

  it("brings back a store that has nothing in it yet, its header written or not", async () => {
    const { controlDb } = await fixture("4.6");
    for (const header of [0, 2]) {
      const segment = Buffer.alloc(16384);
      segment.writeUInt8(header, 0);
      const events = new Map([["00000000000000000000.events", segment]]);
      const snapshots = new Map([["00000000000000000000.snapshots", segment]]);
      const fresh: ServerState = { controlDb, contexts: [{ name: "default", events, snapshots }] };
      const sink = testSink();
      await storeRestorePoint(sink, pointId(0), fresh);
      expect(await verify({ sink, name: "memory", readData: true })).to.include({ damaged: false });
      const target = join(directory.path, String(header));
      const report = await restore({ sink, name: "memory", target });
      await expectRestored(target, fresh);
      expect(report.contexts[0]?.events).to.include({ lastToken: null, nextToken: 0, lastTimestamp: null });
      const options = { sink, name: "memory", target: join(directory.path, "token"), token: 0 as Token };
      expect((await rejection(restore(options))).message).to.contain("it has no events");
    }
  });

  it("restores one context alone when it is named, and says which ones it left out", async () => {
    const sink = testSink();
    const { controlDb, contexts } = stateAt(await fixture("4.6"), 30, 3);
    const two = {
      controlDb,
      contexts: [...contexts, ...contexts.map((context) => ({ ...context, name: "billing" }))],
    };
    await storeRestorePoint(sink, pointId(0), two);
    const target = join(directory.path, "target");
    const report = await restore({ sink, name: "memory", target, context: "billing" });
    expect(report.contextsLeftOut).to.deep.equal(["default"]);
    await expectRestored(target, {
      controlDb,
      contexts: two.contexts.filter(({ name }) => name === "billing"),
    });
    await restore({ sink, name: "memory", target: join(directory.path, "both") });
    await expectRestored(join(directory.path, "both"), two);
  });

  describe("to a target", () => {
    it("that is not empty is refused, and nothing is touched", async () => {
      await writeFile(join(directory.path, "precious"), "x");
      const error = await rejection(
        restore({ sink: await someSink(), name: "memory", target: directory.path }),
      );
      expect(error).to.include({ kind: "usage" });
      expect(error.message).to.contain("precious");
      expect([...(await tree(directory.path)).keys()]).to.deep.equal(["precious"]);
    });

    it("that a file system just made (lost+found) counts as empty", async () => {
      await mkdir(join(directory.path, "lost+found"));
      await restore({ sink: await someSink(), name: "memory", target: directory.path });
      expect([...(await tree(directory.path)).keys()]).to.include("axonserver-controldb.mv.db");
    });

    it("whose parent doesn't exist, or that is a file, is refused", async () => {
      const sink = await someSink();
      expect(
        await rejection(restore({ sink, name: "memory", target: join(directory.path, "a/b") })),
      ).to.include({ kind: "usage" });
      await writeFile(join(directory.path, "file"), "");
      expect(
        await rejection(restore({ sink, name: "memory", target: join(directory.path, "file") })),
      ).to.include({ kind: "usage" });
    });

    it("that can't be written to fails with what to do", async function () {
      if (process.getuid?.() === 0) {
        // Root may write anywhere: a file system that nobody can write to stands in.
        const error = await rejection(
          restore({ sink: await someSink(), name: "memory", target: "/proc/axon-backup" }),
        );
        expect(error).to.include({ kind: "failed" });
        return;
      }
      await chmod(directory.path, 0o500);
      const error = await rejection(
        restore({ sink: await someSink(), name: "memory", target: directory.path }),
      );
      expect(error).to.include({ kind: "failed" });
      await chmod(directory.path, 0o700);
    });
  });

  it("says what there is when a restore point or context doesn't exist", async () => {
    const target = join(directory.path, "target");
    expect(await rejection(restore({ sink: testSink(), name: "memory", target }))).to.include({
      kind: "usage",
    });
    const sink = await someSink();
    expect(await rejection(restore({ sink, name: "memory", target, restorePoint: pointId(50) }))).to.include({
      kind: "usage",
    });
    const error = await rejection(restore({ sink, name: "memory", target, context: "nope" }));
    expect(error).to.include({ kind: "usage", remedy: "It has default." });
    expect((await tree(directory.path)).size).to.equal(0);
  });
});

async function someSink(): Promise<Sink> {
  const sink = testSink();
  await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 40, 8));
  return sink;
}
