import { join } from "node:path";
import type { Token } from "@axon-backup/axon-server";
import {
  checkRestored,
  previewRestore,
  restore,
  type RestoreOptions,
  type RestoreReport,
} from "@axon-backup/core";
import { expect } from "chai";
import { filesOf, stateOf, type Transactions, type Written } from "./support-moments.js";
import { newestSegments, pointId, storeRestorePoint } from "./support-restore.js";
import { restoredFiles, scratch } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

const BEGIN = 1_700_000_000_000;
const EMPTY: Written = { aggregate: "", sequence: 0, time: 0 };

function written(aggregate: string, sequence: number, after: number): Written {
  return { aggregate, sequence, time: BEGIN + after };
}

/** Events of an aggregate, one after the other, the first after so many milliseconds. */
function life(aggregate: string, count: number, after: number): Written[] {
  return Array.from({ length: count }, (_, sequence) => written(aggregate, sequence, after + sequence));
}

describe("restore, with events that are unusual", () => {
  let directory: ReturnType<typeof scratch>;
  beforeEach(() => (directory = scratch("memory")));
  afterEach(() => {
    directory.remove();
  });

  interface Restored {
    readonly report: RestoreReport;
    /** How many stay. */
    readonly snapshots: number;
    readonly warnings: string;
  }

  async function sinkOf(
    events: readonly Written[],
    snapshots: readonly Written[],
    first = 0,
  ): Promise<ReturnType<typeof testSink>> {
    const sink = testSink();
    const alone = (all: readonly Written[]): Transactions => all.map((one) => [one]);
    await storeRestorePoint(
      sink,
      pointId(0),
      stateOf(filesOf("events", alone(events), 4, first), filesOf("snapshots", alone(snapshots), 3)),
    );
    return sink;
  }

  async function restored(
    events: readonly Written[],
    snapshots: readonly Written[],
    { first, ...more }: Partial<RestoreOptions> & { first?: number } = {},
  ): Promise<Restored> {
    const sink = await sinkOf(events, snapshots, first);
    const target = join(directory.path, "target");
    const report = await restore({ sink, name: "memory", target, ...more });
    const { findings } = await checkRestored({ target });
    expect(findings.filter(({ path }) => path.startsWith("default/"))).to.deep.equal([]);
    const left = newestSegments("snapshots", await restoredFiles(target, "snapshots")).at(-1)?.scan.nextToken;
    expect(report.contexts[0]?.snapshots.nextToken).to.equal(left);
    return { report, snapshots: left ?? 0, warnings: report.warnings.join("\n") };
  }

  describe("in a whole restore point", () => {
    it("drops a snapshot beyond its aggregate's last event, whatever else the context has", async () => {
      const events = [...life("a", 4, 0), EMPTY, ...life("b", 6, 10)];
      const snapshots = [written("a", 3, 5), written("b", 2, 15), written("a", 7, 12), written("b", 5, 16)];
      const { snapshots: left, warnings } = await restored(events, snapshots);
      expect(left).to.equal(2);
      expect(warnings).to.contain("from token 2 on are left out");
    });

    it("drops one of an aggregate of which there is no event, when more are missing than were emptied", async () => {
      const events = [...life("b", 6, 10), EMPTY, EMPTY, written("b", 6, 30)];
      const { snapshots: left } = await restored(events, [written("b", 5, 17), written("lost", 2, 20)]);
      expect(left).to.equal(1);
    });

    it("keeps what is left of aggregates whose events retention has removed, and says what it couldn't tell", async () => {
      const events = life("b", 6, 10);
      const snapshots = [
        written("old", 9, 5),
        written("b", 2, 13),
        written("perhaps", 3, 14),
        written("b", 5, 16),
      ];
      const { snapshots: left, warnings } = await restored(events, snapshots, { first: 100 });
      expect(left).to.equal(4);
      expect(warnings).to.contain("of 1 snapshot it can't be told").and.contain("Retention");
      directory.removeBelow(join(directory.path, "target"));
      const later = await restored(events, [...snapshots, written("new", 0, 99)], { first: 100 });
      expect(later.snapshots).to.equal(4);
      expect(later.warnings).to.contain("retention had removed older events");
    });

    const odd: readonly (readonly [string, Written])[] = [
      ["before 1970", { aggregate: "odd", sequence: 0, time: -5 }],
      ["beyond 2^53 milliseconds", { aggregate: "odd", sequence: 0, time: 10 ** 17 }],
      ["with a sequence number beyond 2^53", { aggregate: "odd", sequence: 2 ** 60, time: BEGIN }],
      ["with a sequence number of -1", { aggregate: "odd", sequence: -1, time: BEGIN }],
      ["of an aggregate with an identifier of 20 kB", written("i".repeat(20_000), 0, 0)],
      ["of an aggregate with an identifier of 70 kB", written("i".repeat(70_000), 0, 0)],
      ["that isn't one at all", { ...EMPTY, raw: Buffer.from("not protobuf") }],
    ];
    for (const [what, event] of odd) {
      it(`drops it beside an event ${what}`, async () => {
        const { snapshots, warnings } = await restored(
          [...life("a", 4, 0), event, ...life("b", 6, 10)],
          [written("a", 3, 5), written("a", 9, 6), written("b", 2, 15)],
        );
        expect(snapshots).to.equal(1);
        expect(warnings).to.contain("from token 1 on are left out").and.not.contain("can't be told");
      });

      it(`keeps all that fit beside a snapshot ${what}`, async () => {
        const { snapshots, warnings } = await restored(
          [...life("a", 4, 0), event, ...life("b", 6, 10)],
          [written("a", 3, 5), event, written("b", 5, 16)],
        );
        expect(snapshots).to.equal(3);
        expect(warnings.includes("of 1 snapshot it can't be told")).to.equal(/70 kB|at all/.test(what));
      });
    }

    it("drops a snapshot with a sequence number that no event can have", async () => {
      const { snapshots, warnings } = await restored(life("a", 4, 0), [
        written("a", 3, 5),
        written("a", 2 ** 60, 6),
      ]);
      expect(snapshots).to.equal(1);
      expect(warnings).to.contain("from token 1 on are left out");
    });
  });

  it("knows no time of a last event that has none a calendar has, and restores it", async () => {
    for (const time of [9 * 10 ** 15, 10 ** 16, -(10 ** 16)]) {
      const events = [...life("a", 4, 0), { aggregate: "b", sequence: 0, time }];
      const sink = await sinkOf(events, []);
      const target = join(directory.path, `target${time}`);
      const preview = await previewRestore({ sink, name: "memory", target });
      expect(preview.contexts[0]?.events).to.include({ lastToken: 4, lastTimestamp: null });
      const report = await restore({ sink, name: "memory", target });
      expect(report.contexts[0]?.events).to.include({ lastToken: 4, lastTimestamp: null });
    }
  });

  it("tells of events later than the time that is asked for, also when none is cut off", async () => {
    const events = [
      ...life("a", 4, 0),
      written("fast", 0, 5000),
      written("faster", 0, 7000),
      ...life("b", 6, 10),
    ];
    const time = new Date(BEGIN + 1000);
    const { report, warnings } = await restored(events, [], { time });
    expect(report.contexts[0]?.events.dropped).to.equal(0);
    expect(warnings).to.contain("2 events, the first with token 4, are later").and.contain("up to 6 s");
  });

  it("takes the latest restore point when that is named, and the closest one otherwise", async () => {
    const sink = testSink();
    const events: Transactions = life("a", 9, 0).map((event) => [event]);
    for (const [number, end] of [5, 7, 9].entries())
      await storeRestorePoint(
        sink,
        pointId(number),
        stateOf(filesOf("events", events.slice(0, end), 4), new Map<string, Buffer>()),
      );
    const options = (more: Partial<RestoreOptions>): RestoreOptions => ({
      sink,
      name: "memory",
      target: join(directory.path, "target"),
      token: 2 as Token,
      ...more,
    });
    expect((await previewRestore(options({}))).restorePoint).to.equal(pointId(0));
    expect((await previewRestore(options({ restorePoint: "latest" }))).restorePoint).to.equal(pointId(2));
  });
});
