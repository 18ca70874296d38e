import { join } from "node:path";
import { parseStoreFileName, type StoreKind, type Token } from "@axon-backup/axon-server";
import { restore, type RestoreReport } from "@axon-backup/core";
import { expect } from "chai";
import {
  afterTransaction,
  cutBytes,
  type Files,
  fixture,
  GENERATIONS,
  newestSegments,
  withoutSuperseded,
  pointId,
  readSegment,
  type ServerState,
  stateAt,
  storeRestorePoint,
} from "./support-restore.js";
import { rejection } from "./support-restore-errors.js";
import { restoredFiles, scratch, tree } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

/**
 * Checks a store that was cut: files before the segment that was cut are as they were, it is cut behind a transaction and keeps its length, and nothing else of
 * it or after it is there.
 * @returns the token after the last event
 */
function expectCut(store: StoreKind, restored: Files, original: Files): number {
  const last = newestSegments(store, restored).at(-1);
  if (last === undefined) throw new Error(`no segment of the ${store} is left`);
  expect(last.scan.state).to.equal("open");
  for (const [name, bytes] of restored) {
    const whole = original.get(name);
    if (whole === undefined) throw new Error(`${name} is not of the store`);
    const { segment } = parseStoreFileName(name, store) as { segment: Token };
    if (name === last.name.name) {
      const boundary = readSegment(last.name.segment, whole).transactions.filter(
        ({ end }) => end <= last.scan.validBytes,
      );
      expect(last.scan.nextToken).to.equal(
        boundary.at(-1) === undefined
          ? segment
          : readSegment(segment, whole.subarray(0, last.scan.validBytes)).scan.nextToken,
      );
      expect(bytes.equals(cutBytes(whole, last.scan.validBytes)), `${name}, cut`).to.equal(true);
    } else {
      expect(segment, `${name} beside the segment that was cut`).to.be.lessThan(last.name.segment);
      expect(bytes.equals(whole), name).to.equal(true);
    }
  }
  const earlier = [...withoutSuperseded(store, original).keys()].filter(
    (name) => (parseStoreFileName(name, store) as { segment: Token }).segment < last.name.segment,
  );
  expect([...restored.keys()].sort()).to.deep.equal([...earlier, last.name.name].sort());
  return last.scan.nextToken;
}

/** Whether a snapshot is of a state that the events up to `head` have: worked out anew here, from what the server stored. */
function fits(
  events: Files,
  head: number,
): (snapshot: { aggregateIdentifier: string; sequenceNumber: number; timestamp: number }) => boolean {
  const kept = newestSegments("events", events).flatMap(({ transactions }) =>
    transactions.flatMap((transaction) => transaction.events),
  );
  const restored = kept.flatMap((event) => (event.token <= head && event.readable ? [event] : []));
  const end = Math.max(...restored.map(({ timestamp }) => timestamp));
  return ({ aggregateIdentifier, sequenceNumber, timestamp }) =>
    timestamp <= end &&
    restored.some(
      (event) => event.aggregateIdentifier === aggregateIdentifier && event.sequenceNumber >= sequenceNumber,
    );
}

function expectSnapshotsFit(restored: Files, whole: ServerState, head: number): void {
  const [context] = whole.contexts;
  if (!context) throw new Error("no context");
  const isFit = fits(context.events, head);
  const nextToken = newestSegments("snapshots", restored).at(-1)?.scan.nextToken ?? 0;
  for (const { transactions } of newestSegments("snapshots", context.snapshots))
    for (const { events, firstToken } of transactions) {
      if (firstToken < nextToken)
        expect(
          events.every((event) => event.readable && isFit(event)),
          `snapshot ${firstToken} stays`,
        ).to.equal(true);
      if (firstToken === nextToken)
        expect(
          events.every((event) => event.readable && isFit(event)),
          `snapshot ${firstToken} goes`,
        ).to.equal(false);
    }
}

describe("restore to a token", function () {
  this.timeout(120_000);
  let directory: ReturnType<typeof scratch>;
  beforeEach(() => (directory = scratch("memory")));
  afterEach(() => {
    directory.remove();
  });

  const stores = [
    ...GENERATIONS.map((generation) => [generation, "store"] as const),
    ["2023.2", "store-transformed"] as const,
  ];
  for (const [generation, store] of stores)
    it(`gives exactly the events up to it, for every token of ${generation}/${store}`, async () => {
      const whole = await fixture(generation, store);
      const [context] = whole.contexts;
      if (!context) throw new Error("no context");
      const sink = testSink();
      const heads = [60, 140, 172].map((head) => afterTransaction(context.events, head) - 1);
      for (const [number, head] of heads.entries())
        await storeRestorePoint(
          sink,
          pointId(number),
          number === 2 ? whole : stateAt(whole, head, Math.floor(head / 5)),
        );

      for (let token = 0; token <= 172; token++) {
        const target = join(directory.path, String(token));
        const report = await restore({ sink, name: "memory", target, token: token as Token });
        const events = expectCut("events", await restoredFiles(target, "events"), context.events);
        expect(events, `after a restore to ${token}`).to.equal(afterTransaction(context.events, token));
        expectReport(report, token, events - 1, heads);
        const snapshots = await restoredFiles(target, "snapshots");
        expectSnapshotsFit(snapshots, storedState(whole, report), events - 1);
        scrub(target);
      }
    });

  function scrub(target: string): void {
    // Thousands of files otherwise, by the end.
    directory.removeBelow(target);
  }

  function storedState(whole: ServerState, { restorePoint }: RestoreReport): ServerState {
    const point = [pointId(0), pointId(1), pointId(2)].indexOf(restorePoint);
    return point === 2 ? whole : stateAt(whole, 172, [12, 28][point] ?? 0);
  }

  function expectReport(
    report: RestoreReport,
    token: number,
    lastToken: number,
    heads: readonly number[],
  ): void {
    const point = heads.findIndex((head) => token <= head);
    expect(report.restorePoint).to.equal(pointId(point));
    const events = report.contexts[0]?.events;
    expect(events).to.include({
      lastToken,
      nextToken: lastToken + 1,
      dropped: (heads[point] ?? 0) - lastToken,
    });
    expect(events?.lastTimestamp).to.be.instanceOf(Date);
  }

  it("drops every snapshot when the events' times or aggregates can't be read", async () => {
    const whole = await fixture("4.6");
    const encrypted: ServerState = {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        events: new Map(
          [...context.events].map(([name, bytes]) => [
            name,
            name.endsWith(".events") ? withFlags(bytes) : bytes,
          ]),
        ),
      })),
    };
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), encrypted);
    const report = await restore({
      sink,
      name: "memory",
      target: join(directory.path, "target"),
      token: 100 as Token,
    });
    expect(report.contexts[0]?.events).to.include({ lastToken: 104, lastTimestamp: null });
    expect(report.contexts[0]?.snapshots).to.include({ lastToken: null, dropped: 40, files: 1 });
    const snapshots = await restoredFiles(join(directory.path, "target"), "snapshots");
    expect([...snapshots.keys()]).to.deep.equal(["00000000000000000000.snapshots"]);
    const [segment] = newestSegments("snapshots", snapshots);
    expect(segment?.scan).to.include({ state: "open", transactions: 0, validBytes: 5 });
    expect(segment?.bytes.byteLength).to.equal(16384);
  });

  it("drops snapshots of a format that isn't known, files and all", async () => {
    const whole = await fixture("4.6");
    const foreign: ServerState = {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        snapshots: new Map(
          [...context.snapshots].map(([name, bytes]) => [
            name,
            name.endsWith(".snapshots") ? withVersion(bytes) : bytes,
          ]),
        ),
      })),
    };
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), foreign);
    const report = await restore({
      sink,
      name: "memory",
      target: join(directory.path, "target"),
      token: 100 as Token,
    });
    expect(report.contexts[0]?.snapshots).to.include({ lastToken: null, files: 0 });
    expect((await restoredFiles(join(directory.path, "target"), "snapshots")).size).to.equal(0);
  });

  it("beyond the head is refused, and tells the head", async () => {
    const sink = testSink();
    const state = stateAt(await fixture("4.6"), 60, 12);
    await storeRestorePoint(sink, pointId(0), state);
    const next = afterTransaction(state.contexts[0]?.events ?? new Map<string, Buffer>(), 60);
    const options = { sink, name: "memory", target: join(directory.path, "t") };
    const error = await rejection(restore({ ...options, token: next as Token }));
    expect(error.kind).to.equal("usage");
    expect(error.message).to.contain(`last token is ${next - 1}`);
    expect((await tree(directory.path)).size).to.equal(0);
    expect((await restore({ ...options, token: (next - 1) as Token })).contexts[0]?.events.dropped).to.equal(
      0,
    );
  });

  it("that retention had removed is refused, and tells the first one kept", async () => {
    const whole = await fixture("4.6");
    const kept: ServerState = {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        events: new Map([...context.events].filter(([name]) => !name.startsWith("00000000000000000000"))),
      })),
    };
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), kept);
    const error = await rejection(
      restore({ sink, name: "memory", target: join(directory.path, "t"), token: 33 as Token }),
    );
    expect(error.kind).to.equal("usage");
    expect(error.message).to.contain("first one kept is 34");
    const report = await restore({
      sink,
      name: "memory",
      target: join(directory.path, "t"),
      token: 34 as Token,
    });
    expect(report.contexts[0]?.events.lastToken).to.equal(37);
  });

  it("needs to know which context, when there are several", async () => {
    const sink = testSink();
    const state = stateAt(await fixture("4.6"), 60, 12);
    const contexts = [
      ...state.contexts,
      ...state.contexts.map((context) => ({ ...context, name: "billing" })),
    ];
    await storeRestorePoint(sink, pointId(0), { ...state, contexts });
    const options = { sink, name: "memory", target: join(directory.path, "t"), token: 10 as Token };
    const error = await rejection(restore(options));
    expect(error.kind).to.equal("usage");
    expect(error.remedy).to.contain("default, billing");
    expect((await restore({ ...options, context: "billing" })).contextsLeftOut).to.deep.equal(["default"]);
  });

  it("takes the restore point that is named, even if an earlier one has the token", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    await storeRestorePoint(sink, pointId(0), stateAt(whole, 60, 12));
    await storeRestorePoint(sink, pointId(1), whole);
    const options = { sink, name: "memory", token: 10 as Token };
    const named = await restore({ ...options, target: join(directory.path, "1"), restorePoint: pointId(1) });
    expect(named.restorePoint).to.equal(pointId(1));
    const found = await restore({ ...options, target: join(directory.path, "0") });
    expect(found.restorePoint).to.equal(pointId(0));
  });
});

/** As a server with an event transformer writes them. */
function withFlags(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeInt32BE(1, 1);
  return copy;
}

function withVersion(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(9, 0);
  return copy;
}
