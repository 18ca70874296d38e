import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesSource, type ObjectKey, objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import {
  EngineError,
  type EngineEvent,
  nextRestorePointId,
  type PruneReport,
  Repository,
  restore,
  type RestorePointId,
} from "../dist/index.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import {
  age,
  DAY,
  History,
  HOUR,
  killedAt,
  type Past,
  pruneOn,
  referredTo,
  restorePointsOn,
  verifyAll,
} from "./prune-scene.js";

const START = Date.parse("2026-01-01T12:00Z");
const day = (number: number): RestorePointId => nextRestorePointId(new Date(START + number * DAY));
const controlDb = (id: string): string => `controldb/${id}.zip`;
const keysOf = (report: PruneReport, kind?: string): string[] =>
  report.removed.filter((object) => kind === undefined || object.kind === kind).map(({ key }) => key);

/** A store that grows for a week, a day at a time. */
async function week(): Promise<History> {
  const history = new History();
  for (let number = 0; number < 7; number++)
    await history.add(day(number), [{ name: "default", timeline: 0, token: 20 + 18 * number }]);
  age(history.sink);
  return history;
}

/** The error that it must reject with. */
async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not reject");
}

describe("prune", () => {
  let history: History;
  let before: Map<ObjectKey, unknown>;
  beforeEach(async () => {
    history = await week();
    before = new Map(history.sink.storage);
  });
  const rest = (): string[] => [...history.sink.storage.keys()].sort();

  it("removes what no rule keeps, with its control DB and pages; every file of the store that lives stays", async () => {
    const report = await pruneOn(history.sink, { rules: { last: 2 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(5), day(6)]);
    expect(keysOf(report, "restore-point")).to.have.length(5);
    expect(keysOf(report, "control-db")).to.deep.equal(
      [0, 1, 2, 3, 4].map((number) => controlDb(day(number))),
    );
    expect(keysOf(report, "store-file")).to.deep.equal([]);
    expect(rest()).to.deep.equal([...referredTo(history.sink), "repository.json"].sort());
    await verifyAll(history.sink);
    expect((await pruneOn(history.sink, { rules: { last: 2 } })).removed).to.deep.equal([]);
  });

  it("tells by which rules each restore point stays", async () => {
    const { restorePoints } = await pruneOn(history.sink, { rules: { last: 1, weekly: 2 } });
    // 1 January 2026 was a Thursday.
    expect(restorePoints.map(({ reasons }) => reasons)).to.deep.equal([
      [],
      [],
      [],
      ["weekly"],
      [],
      [],
      ["newest", "last", "weekly"],
    ]);
  });

  it("a dry run says the same, and changes nothing", async () => {
    const dry = await pruneOn(history.sink, { rules: { last: 2 }, dryRun: true });
    expect(new Map(history.sink.storage)).to.deep.equal(before);
    expect(history.sink.calls).to.include({ delete: 0 });
    const report = await pruneOn(history.sink, { rules: { last: 2 } });
    expect(dry).to.deep.equal({ ...report, dryRun: true });
  });

  it("without rules removes nothing but what nothing refers to", async () => {
    await history.sink.put(objectKey(controlDb("20260102T000000.000Z")), bytesSource("x"));
    const report = await pruneOn(history.sink);
    expect(keysOf(report)).to.deep.equal([controlDb("20260102T000000.000Z")]);
    expect(report.restorePoints.every(({ reasons }) => reasons.includes("no-rules"))).to.equal(true);
    expect(await restorePointsOn(history.sink)).to.have.length(7);
  });

  it("removes each manifest before anything that it needs", async () => {
    const order: string[] = [];
    const watched = faultySink(
      history.sink,
      {},
      {
        onCall: (method, key = "") => {
          if (method === "delete") order.push(key);
        },
      },
    );
    await pruneOn(watched, { rules: { last: 1 } });
    const last = order.findLastIndex((key) => key.startsWith("restore-points/"));
    expect(last).to.equal(5);
    expect(order.length).to.be.greaterThan(12);
  });

  it("an empty sink has nothing to remove, and stays empty", async () => {
    const empty = new History();
    expect(await pruneOn(empty.sink, { rules: { last: 1 } })).to.deep.include({
      restorePoints: [],
      removed: [],
    });
    expect(empty.sink.storage.size).to.equal(0);
  });

  it("leaves alone what isn't ours, and says how much it is", async () => {
    const foreign = [
      "holiday.jpg",
      "contexts/default/events/notes.txt",
      "restore-points/readme.md",
      "contexts/default@1/events/00000000000000000000.events.temp",
    ];
    for (const key of foreign) await history.sink.put(objectKey(key), bytesSource("mine"));
    age(history.sink);
    const { unknown } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(unknown.objects).to.equal(4);
    expect(unknown.examples).to.have.members(foreign);
    expect(rest()).to.include.members(foreign);
  });

  it("what nothing refers to goes when it is a day old by the storage's clock, whatever this machine's says", async () => {
    const [old, young] = [
      "contexts/left/events/00000000000000000000.events",
      "contexts/default/events/00000000000000000900.events",
    ];
    for (const key of [old, young]) await history.sink.put(objectKey(key), bytesSource("orphan"));
    age(history.sink, DAY + HOUR, old);
    age(history.sink, DAY - HOUR, young);
    const now = (): Date => new Date(Date.now() + 3 * DAY);
    const report = await pruneOn(history.sink, { now });
    expect(keysOf(report)).to.deep.equal([old]);
    expect(report.waiting).to.deep.equal([
      { key: young, kind: "store-file", bytes: 6, reason: "it is too young to be certainly of no run" },
    ]);
  });

  it("what the storage tells no age of stays", async () => {
    const key = objectKey("contexts/left/events/00000000000000000000.events");
    await history.sink.put(key, bytesSource("orphan"));
    age(history.sink);
    const silent: Sink = {
      ...faultySink(history.sink),
      async *list(prefix) {
        for await (const { key: listed, size } of history.sink.list(prefix)) yield { key: listed, size };
      },
    };
    const report = await pruneOn(silent, { rules: { last: 1 } });
    expect(report.waiting.map((object) => object.key)).to.include(key);
    expect(keysOf(report, "control-db")).to.have.length(6);
    expect(rest()).to.include(key);
  });

  it("the record of what was verified keeps the newest, and forgets what is gone", async () => {
    const repository = await Repository.open(history.sink);
    const verified = new Date(0).toISOString();
    await repository?.writeVerifiedRestorePoints([
      { id: day(1), depth: "objects", verified },
      { id: day(2), depth: "data", verified },
      { id: day(3), depth: "objects", verified },
    ]);
    await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(2), day(3), day(6)]);
    expect((await repository?.verifiedRestorePoints())?.map(({ id }) => id)).to.deep.equal([day(2), day(3)]);
  });

  it("damage marks go with their objects, and others stay", async () => {
    const repository = await Repository.open(history.sink);
    const [gone, stays] = [
      objectKey(controlDb(day(0))),
      objectKey("contexts/default/events/00000000000000000000.events"),
    ];
    for (const key of [gone, stays]) await repository?.markDamaged({ key, finding: "is odd", found: "" });
    await pruneOn(history.sink, { rules: { last: 1 } });
    expect([...((await repository?.damagedKeys()) ?? [])]).to.deep.equal([stays]);
  });

  it("warns of restore points of the future, and keeps them", async () => {
    const events: EngineEvent[] = [];
    const report = await pruneOn(history.sink, {
      rules: { last: 0 },
      now: () => new Date(START + 3.5 * DAY),
      observer: (event) => events.push(event),
    });
    expect(report.restorePoints.map(({ reasons }) => reasons.includes("future"))).to.deep.equal([
      false,
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
    expect(
      events.some((event) => event.kind === "warning" && event.message.includes("haven't come yet")),
    ).to.equal(true);
  });

  describe("with something that can't be read", () => {
    async function expectNothingRemoved(named: string): Promise<void> {
      const now = new Map(history.sink.storage);
      for (const dryRun of [true, false]) {
        const error = await failure(pruneOn(history.sink, { rules: { last: 2 }, dryRun }));
        expect(error).to.be.instanceOf(EngineError).with.property("kind", "damage");
        expect(error.message).to.include(named);
      }
      expect(new Map(history.sink.storage)).to.deep.equal(now);
    }
    const spoil = (key: string): void => {
      const object = history.sink.storage.get(objectKey(key));
      if (object === undefined) throw new Error(`there is no ${key}`);
      const bytes = new Uint8Array(object.bytes);
      bytes[100] = (bytes[100] ?? 0) ^ 1;
      history.sink.storage.set(objectKey(key), { ...object, bytes });
    };

    it("a manifest: removes nothing, and names it", async () => {
      spoil(`restore-points/${day(6)}.json`);
      await expectNothingRemoved(`restore-points/${day(6)}.json`);
    });

    it("a manifest that the rules wouldn't keep: the same, since it may need what another one doesn't", async () => {
      spoil(`restore-points/${day(0)}.json`);
      await expectNothingRemoved(`restore-points/${day(0)}.json`);
    });

    it("a page of a restore point that stays: the same", async () => {
      const page = [...referredTo(history.sink)].find((key) => key.startsWith("pages/")) ?? "";
      spoil(page);
      await expectNothingRemoved(page);
    });

    it("a missing page: the same", async () => {
      const page = [...referredTo(history.sink)].find((key) => key.startsWith("pages/")) ?? "";
      history.sink.storage.delete(objectKey(page));
      await expectNothingRemoved(page);
    });

    it("a page that goes anyway is no obstacle", async () => {
      const before = new Set([...history.sink.storage.keys()].filter((key) => key.startsWith("pages/")));
      await history.add(day(8), [{ name: "default", timeline: 1, token: 150 }]);
      age(history.sink);
      const [page = ""] = before;
      spoil(page);
      const report = await pruneOn(history.sink, { rules: { last: 1, abandoned: 1 } });
      expect(keysOf(report, "page")).to.have.members([...before]);
      await verifyAll(history.sink);
    });

    it("a manifest of another repository: the same", async () => {
      const other = await week();
      const key = objectKey(`restore-points/${day(3)}.json`);
      const object = other.sink.storage.get(key);
      if (object) history.sink.storage.set(key, object);
      await expectNothingRemoved("two repositories");
    });

    it("a storage that doesn't answer: the error is the storage's, and nothing is removed", async () => {
      const faulty = faultySink(history.sink, {
        get: [{ kind: "pass" }, { kind: "fail", error: "transient" }],
      });
      const error = await failure(pruneOn(faulty, { rules: { last: 2 } }));
      expect(error).to.be.instanceOf(SinkError);
      expect(new Map(history.sink.storage)).to.deep.equal(before);
    });
  });

  describe("where deletion is denied", () => {
    /** Denies the deletion of these. */
    const locked = (isLocked: (key: string) => boolean) =>
      faultySink(
        history.sink,
        {},
        {
          onCall: (method, key) => {
            if (method === "delete" && key !== undefined && isLocked(key))
              throw new SinkError("denied", `delete ${key}: it is locked`);
          },
        },
      );

    it("of a manifest: it keeps all that it needs, and the others go", async () => {
      const manifest = `restore-points/${day(2)}.json`;
      const report = await pruneOn(
        locked((key) => key === manifest),
        { rules: { last: 2 } },
      );
      expect(report.failed.map(({ key }) => key)).to.deep.equal([manifest]);
      expect(report.failed[0]?.error.message).to.include("it is locked");
      expect(await restorePointsOn(history.sink)).to.deep.equal([day(2), day(5), day(6)]);
      await verifyAll(history.sink);
      expect(rest()).to.deep.equal([...referredTo(history.sink), "repository.json"].sort());
      await pruneOn(history.sink, { rules: { last: 2 } });
      expect(await restorePointsOn(history.sink)).to.deep.equal([day(5), day(6)]);
    });

    it("of other objects: each is named, and the rest goes", async () => {
      const report = await pruneOn(
        locked((key) => key === controlDb(day(1))),
        { rules: { last: 2 } },
      );
      expect(report.failed.map(({ key }) => key)).to.deep.equal([controlDb(day(1))]);
      expect(keysOf(report, "control-db")).to.have.length(4);
    });

    it("of everything: it isn't tried for ever, and nothing is lost", async () => {
      for (let number = 7; number < 40; number++)
        await history.add(day(number), [{ name: "default", timeline: 0, token: 150 }]);
      const report = await pruneOn(
        locked((key) => key !== WRITER_KEY),
        { rules: { last: 2 } },
      );
      expect(report.removed).to.deep.equal([]);
      expect(report.failed.length).to.be.within(20, 40);
      expect(report.failed.length + report.notTried).to.be.at.least(38);
      await verifyAll(history.sink);
    });
  });

  describe("and others who write", () => {
    it("doesn't begin while somebody else holds the lock", async () => {
      let second: Promise<Error> | undefined;
      const first = faultySink(
        history.sink,
        {},
        {
          onCall: async (method, key) => {
            if (method === "delete" && key !== WRITER_KEY) {
              second ??= failure(pruneOn(history.sink, { rules: { last: 1 } }));
              await second;
            }
          },
        },
      );
      await pruneOn(first, { rules: { last: 2 } });
      expect(await second)
        .to.be.instanceOf(EngineError)
        .with.property("kind", "locked");
      expect(await restorePointsOn(history.sink)).to.have.length(2);
      expect(rest()).not.to.include(WRITER_KEY);
    });

    it("a dry run doesn't need the lock", async () => {
      await history.sink.put(WRITER_KEY, bytesSource("somebody's"));
      expect(
        (await pruneOn(history.sink, { rules: { last: 2 }, dryRun: true })).removed.length,
      ).to.be.greaterThan(5);
    });

    it("removes no object once the lock is lost", async () => {
      let deleted = 0;
      const sink = faultySink(
        history.sink,
        {},
        {
          onCall: (method, key) => {
            if (method !== "delete" || key === WRITER_KEY) return;
            if (++deleted === 5) history.sink.storage.delete(WRITER_KEY);
          },
        },
      );
      const error = await failure(pruneOn(sink, { rules: { last: 2 }, connections: 1 }));
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
      expect(deleted).to.equal(5);
      await verifyAll(history.sink);
      const report = await pruneOn(history.sink, { rules: { last: 2 } });
      expect(keysOf(report, "control-db")).to.have.length(5);
    });

    it("stops when a restore point has come that needs who knows what", async () => {
      let added = false;
      const sink = faultySink(
        history.sink,
        {},
        {
          onCall: async (method, key) => {
            if (method !== "delete" || key === WRITER_KEY || added) return;
            added = true;
            await history.add(day(9), [{ name: "default", timeline: 0, token: 150 }]);
          },
        },
      );
      const error = await failure(pruneOn(sink, { rules: { last: 1 } }));
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
      expect([...history.sink.storage.keys()].filter((key) => key.startsWith("controldb/"))).to.have.length(
        8,
      );
      await verifyAll(history.sink);
    });

    it("is aborted by its signal", async () => {
      const controller = new AbortController();
      const sink = faultySink(
        history.sink,
        {},
        {
          onCall: (method, key) => {
            if (method === "delete" && key !== WRITER_KEY) controller.abort(new Error("stop"));
          },
        },
      );
      expect(
        (await failure(pruneOn(sink, { rules: { last: 1 }, signal: controller.signal }))).message,
      ).to.equal("stop");
      expect(rest()).not.to.include(WRITER_KEY);
    });
  });

  it("reads each manifest twice at most, and each page once", async () => {
    const gets = new Map<string, number>();
    const watched = faultySink(
      history.sink,
      {},
      {
        onCall: (method, key = "") => {
          if (method === "get") gets.set(key, (gets.get(key) ?? 0) + 1);
        },
      },
    );
    await pruneOn(watched, { rules: { last: 7 } });
    for (const [key, count] of gets) {
      if (key.startsWith("pages/")) expect(count, key).to.equal(1);
      if (key.startsWith("restore-points/")) expect(count, key).to.be.at.most(2);
    }
  });
});

describe("timelines", () => {
  const before = (number: number): Past[] => [
    { name: "default", timeline: 0, token: 20 + 30 * number },
    { name: "orders", timeline: 0, token: 60 },
  ];
  const after = (number: number): Past[] => [{ name: "default", timeline: 1, token: 20 + 30 * number }];
  let history: History;
  beforeEach(async () => {
    history = new History();
    for (const number of [0, 1, 2]) await history.add(day(number), before(number));
    for (const number of [3, 4]) await history.add(day(number), after(number));
    age(history.sink);
  });
  const filesOf = (prefix: string): number =>
    [...history.sink.storage.keys()].filter((key) => key.startsWith(prefix)).length;

  it("that were given up keep their last restore point, and all that it needs", async () => {
    const { restorePoints, removed } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(2), day(4)]);
    expect(restorePoints.find(({ id }) => id === day(2))?.abandoned).to.have.deep.members([
      { context: "default", timeline: 0 },
      { context: "orders", timeline: 0 },
    ]);
    expect(removed.filter(({ kind }) => kind === "store-file")).to.deep.equal([]);
    await verifyAll(history.sink);
  });

  it("go altogether when that has become too old, and the others stay", async () => {
    expect(filesOf("contexts/default/")).to.be.greaterThan(5);
    await pruneOn(history.sink, { rules: { last: 1, abandoned: 2 * DAY - 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(4)]);
    expect(filesOf("contexts/default/")).to.equal(0);
    expect(filesOf("contexts/orders/")).to.equal(0);
    expect(filesOf("contexts/default@1/")).to.be.greaterThan(3);
    await verifyAll(history.sink);
  });

  it("killed at any change: harms no restore point, and the next one finishes", async () => {
    const rules = { last: 1, abandoned: DAY };
    const whole = history.copy();
    await pruneOn(whole.sink, { rules });
    const expected = [...whole.sink.storage.keys()].sort();
    let changes = 0;
    for (; ; changes++) {
      const attempt = history.copy();
      const mortal = killedAt(attempt.sink, changes);
      const outcome = await pruneOn(mortal, { rules, connections: 1 }).then(
        () => "done",
        () => "failed",
      );
      await verifyAll(attempt.sink);
      await pruneOn(attempt.sink, { rules });
      expect([...attempt.sink.storage.keys()].sort(), `change ${changes}`).to.deep.equal(expected);
      await verifyAll(attempt.sink);
      if (!mortal.died() && outcome === "done") break;
    }
    expect(changes).to.be.greaterThan(20);
  });
});

/** Restore points of two contexts on up to three timelines, which only grow, hours to weeks apart. */
const histories = fc.array(
  fc.record({
    gap: fc.integer({ min: HOUR, max: 20 * DAY }),
    a: fc.constantFrom("absent", "grows", "grows", "grows", "diverges"),
    b: fc.constantFrom("absent", "grows", "grows", "diverges"),
  }),
  { minLength: 1, maxLength: 9 },
);

describe("prune of any history", () => {
  it("leaves what the rules keep, restorable, and nothing else; killed anywhere on the way, too", async function () {
    this.timeout(120_000);
    const rules = fc.record(
      {
        last: fc.nat(3),
        within: fc.nat(30 * DAY),
        daily: fc.nat(4),
        weekly: fc.nat(3),
        abandoned: fc.nat(40 * DAY),
      },
      { requiredKeys: [] },
    );
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-prune-"));
    try {
      await fc.assert(
        fc.asyncProperty(histories, rules, fc.nat(60), fc.nat(), async (steps, kept, kill, choice) => {
          const history = new History();
          let time = START;
          const at = { a: { timeline: 0, token: 10 }, b: { timeline: 0, token: 10 } };
          for (const step of steps) {
            time += step.gap;
            const contexts: Past[] = [];
            for (const name of ["a", "b"] as const) {
              if (step[name] === "diverges" && at[name].timeline < 2)
                at[name] = { timeline: at[name].timeline + 1, token: 10 };
              at[name].token = Math.min(150, at[name].token + 25);
              if (step[name] !== "absent") contexts.push({ name, ...at[name] });
            }
            await history.add(nextRestorePointId(new Date(time)), contexts);
          }
          const junk = objectKey("contexts/a/events/00000000000000000777.events");
          await history.sink.put(junk, bytesSource("of a run that was cut off"));
          age(history.sink);
          const mortal = killedAt(history.sink, kill);
          await pruneOn(mortal, { rules: kept, connections: 1 + (kill % 4) }).catch(() => undefined);
          const remaining = await restorePointsOn(history.sink);
          expect(remaining).not.to.deep.equal([]);
          await verifyAll(history.sink);

          const dry = await pruneOn(history.sink, { rules: kept, dryRun: true });
          const { restorePoints } = await pruneOn(history.sink, { rules: kept });
          expect(await restorePointsOn(history.sink)).to.deep.equal(
            dry.restorePoints.filter(({ reasons }) => reasons.length > 0).map(({ id }) => id),
          );
          const expected = [...referredTo(history.sink), "repository.json"].sort();
          expect([...history.sink.storage.keys()].sort()).to.deep.equal(expected);
          await verifyAll(history.sink);
          const left = await restorePointsOn(history.sink);
          const target = join(directory, `${Math.random()}`);
          await restore({
            sink: history.sink,
            name: "memory",
            target,
            restorePoint: left[choice % left.length] ?? "latest",
          });
          rmSync(target, { recursive: true });
          expect(restorePoints.at(-1)?.reasons).to.include("newest");
        }),
        { numRuns: 40 },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
