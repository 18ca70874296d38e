import { join } from "node:path";
import { type Token } from "@axon-backup/axon-server";
import { previewRestore, restore, type RestoreReport } from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { filesOf, stateOf, type Transactions, type Written } from "./support-moments.js";
import { newestSegments, pointId, storeRestorePoint } from "./support-restore.js";
import { restoredFiles, scratch } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

const BEGIN = 1_700_000_000_000;

/** Events of a few aggregates in transactions, with clocks that differ, and snapshots taken at any time. */
const histories = fc
  .record({
    transactions: fc.array(
      fc.array(
        fc.record({
          aggregate: fc.integer({ min: 0, max: 3 }),
          /** How far the clock of this event's application is off. */
          skew: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: -5, max: 5 })),
          isEmpty: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
          /** Whether a snapshot of the aggregate follows, now or late. */
          snapshot: fc.constantFrom("none", "none", "none", "at once", "late"),
        }),
        { minLength: 1, maxLength: 3 },
      ),
      { minLength: 1, maxLength: 14 },
    ),
    perSegment: fc.integer({ min: 1, max: 6 }),
    perSnapshotSegment: fc.integer({ min: 1, max: 3 }),
    at: fc.nat(1000).map((thousandth) => thousandth / 1000),
  })
  .map(({ transactions, ...rest }) => {
    const sequences = new Map<string, number>();
    const late: Written[] = [];
    const snapshots: Written[] = [];
    let now = 0;
    const events: Transactions = transactions.map((transaction) =>
      transaction.map(({ aggregate: number, skew, isEmpty, snapshot }) => {
        now++;
        const aggregate = `a-${number}`;
        const sequence = (sequences.get(aggregate) ?? -1) + 1;
        sequences.set(aggregate, sequence);
        const time = BEGIN + now + skew;
        if (snapshot === "at once") snapshots.push({ aggregate, sequence, time });
        if (snapshot === "late") late.push({ aggregate, sequence, time: BEGIN + now + 3 });
        if (now % 5 === 0) snapshots.push(...late.splice(0));
        return isEmpty ? { aggregate, sequence, time: 0 } : { aggregate, sequence, time };
      }),
    );
    return { ...rest, events, snapshots: [...snapshots, ...late], end: now };
  });

type History = typeof histories extends fc.Arbitrary<infer Value> ? Value : never;

/** The token after the last transaction that a moment keeps, worked out in the plainest way; undefined for none. */
function naiveEnd(
  events: Transactions,
  isLast: (transaction: readonly Written[], first: number) => boolean,
): number | undefined {
  let token = 0;
  let end: number | undefined;
  for (const transaction of events) {
    if (isLast(transaction, token)) end = token + transaction.length;
    token += transaction.length;
  }
  return end;
}

const naiveTime = (events: Transactions, time: number): number | undefined =>
  naiveEnd(
    events,
    (transaction) =>
      transaction.some((event) => event.time > 0) && transaction.every((event) => event.time <= time),
  );

describe("the moment that is restored", function () {
  this.timeout(120_000);
  let directory: ReturnType<typeof scratch>;
  let runs = 0;
  beforeEach(() => (directory = scratch("memory")));
  afterEach(() => {
    directory.remove();
  });

  async function sinkOf({
    events,
    snapshots,
    perSegment,
    perSnapshotSegment,
  }: History): Promise<ReturnType<typeof testSink>> {
    const sink = testSink();
    await storeRestorePoint(
      sink,
      pointId(0),
      stateOf(
        filesOf("events", events, perSegment),
        filesOf(
          "snapshots",
          snapshots.map((snapshot) => [snapshot]),
          perSnapshotSegment,
        ),
      ),
    );
    return sink;
  }

  interface Restored {
    readonly report: RestoreReport;
    readonly events: number;
    /** How many snapshots are left. */
    readonly snapshots: number;
  }

  /** Restores, reads what is there then, and compares the report and the preview with it. */
  async function restored(
    sink: ReturnType<typeof testSink>,
    moment: { token?: Token; exclusive?: boolean; time?: Date },
  ): Promise<Restored> {
    const target = join(directory.path, String(runs++));
    const options = { sink, name: "memory", target, ...moment };
    const preview = await previewRestore(options);
    const report = await restore(options);
    const end = async (store: "events" | "snapshots"): Promise<number> =>
      newestSegments(store, await restoredFiles(target, store)).at(-1)?.scan.nextToken ?? 0;
    const result = { report, events: await end("events"), snapshots: await end("snapshots") };
    const events = report.contexts[0]?.events;
    expect(events?.nextToken, "the report's head").to.equal(result.events);
    expect(report.contexts[0]?.snapshots.nextToken).to.equal(result.snapshots);
    const { lastToken, lastTimestamp, dropped } = preview.contexts[0]?.events ?? {};
    expect({ lastToken, dropped }, "the preview").to.deep.equal({
      lastToken: events?.lastToken,
      dropped: events?.dropped,
    });
    // An open segment of nothing but empty events has no time, and the one before isn't read for it.
    if (lastTimestamp) expect(lastTimestamp).to.deep.equal(events?.lastTimestamp);
    directory.removeBelow(target);
    return result;
  }

  /** No snapshot is of a state that the events don't have, and as many as can stay do. */
  function expectSnapshots(
    { events, snapshots }: History,
    end: number,
    kept: number,
    strictTime: boolean,
  ): void {
    const last = new Map<string, number>();
    for (const { aggregate, sequence } of events.flat().slice(0, end)) last.set(aggregate, sequence);
    const times = events
      .flat()
      .slice(0, end)
      .map(({ time }) => time)
      .filter((time) => time > 0);
    const fits = ({ aggregate, sequence, time }: Written): boolean =>
      sequence <= (last.get(aggregate) ?? -1) && (!strictTime || time <= (times.at(-1) ?? 0));
    for (const snapshot of snapshots.slice(0, kept))
      expect(snapshot.sequence, `a snapshot of ${snapshot.aggregate}`).to.be.at.most(
        last.get(snapshot.aggregate) ?? -1,
      );
    const next = snapshots[kept];
    if (next) expect(fits(next), "the first snapshot that goes").to.equal(false);
  }

  it("is the last transaction whose events are not later than the time, whatever order the times have", async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { events, at, end } = history;
        const time = BEGIN + Math.floor(at * (end + 10)) - 3;
        const expected = naiveTime(events, time);
        const sink = await sinkOf(history);
        if (expected === undefined) {
          const error: unknown = await restore({
            sink,
            name: "memory",
            target: join(directory.path, "none"),
            time: new Date(time),
          }).catch((caught: unknown) => caught);
          expect(error).to.have.property("kind", "usage");
          return;
        }
        const { report, events: nextToken, snapshots } = await restored(sink, { time: new Date(time) });
        expect(nextToken).to.equal(expected);
        expectSnapshots(history, expected, snapshots, expected < end);
        const later = events
          .flat()
          .slice(0, expected)
          .map((event, token) => ({ ...event, token }))
          .filter((event) => event.time > time);
        const warning = report.warnings.find((text) => text.includes("disorder"));
        if (later.length === 0) expect(warning).to.equal(undefined);
        else
          expect(warning)
            .to.contain(`${later.length} event`)
            .and.contain(`token ${later[0]?.token ?? ""},`)
            .and.contain(`up to ${(Math.max(...later.map((event) => event.time)) - time) / 1000} s`);
      }),
      { numRuns: 150 },
    );
  });

  it("is the transaction that holds the token, or the one before it", async () => {
    await fc.assert(
      fc.asyncProperty(histories, fc.boolean(), async (history, exclusive) => {
        const { events, at, end } = history;
        const token = Math.min(end - 1, Math.floor(at * end));
        const holds = naiveEnd(events, (_, first) => first <= token) ?? 0;
        const before = naiveEnd(events, (transaction, first) => first + transaction.length <= token) ?? 0;
        const expected = exclusive ? before : holds;
        const sink = await sinkOf(history);
        const { events: nextToken, snapshots } = await restored(sink, { token: token as Token, exclusive });
        expect(nextToken).to.equal(expected);
        expectSnapshots(history, expected, snapshots, (exclusive ? expected : token + 1) < end);
      }),
      { numRuns: 150 },
    );
  });

  it("has no snapshot of a later state in a restore point whose snapshots are newer than its events, and loses none otherwise", async () => {
    await fc.assert(
      fc.asyncProperty(histories, async (history) => {
        const { events, at } = history;
        // As if the events had been copied first.
        const some = events.slice(0, Math.max(1, Math.floor(at * (events.length + 1))));
        const sink = await sinkOf({ ...history, events: some });
        const { report, events: nextToken, snapshots } = await restored(sink, {});
        expect(nextToken).to.equal(some.flat().length);
        expectSnapshots(history, nextToken, snapshots, false);
        if (some.length === events.length) expect(snapshots).to.equal(history.snapshots.length);
        expect(report.warnings.join()).not.to.contain("can't be told");
      }),
      { numRuns: 150 },
    );
  });
});
