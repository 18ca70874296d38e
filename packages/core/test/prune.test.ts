import { bytesSource, type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { type EngineEvent, nextRestorePointId, Repository } from "../dist/index.js";
import {
  age,
  controlDb,
  DAY,
  day,
  History,
  HOUR,
  keysOf,
  pruneOn,
  referredTo,
  restorePointsOn,
  START,
  verifyAll,
  week,
} from "./prune-scene.js";

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

  it("a restore point of the second that the storage's clock shows isn't of the future: times are cut to seconds there", async () => {
    const second = Math.floor(Date.now() / 1_000) * 1_000;
    const contexts = [{ name: "default", timeline: 0, token: 150 }];
    for (const milliseconds of [100, 300])
      await history.add(nextRestorePointId(new Date(second + milliseconds)), contexts);
    const cut: Sink = {
      ...faultySink(history.sink),
      stat: async (key, options) => ({
        ...(await history.sink.stat(key, options)),
        modified: new Date(second),
      }),
    };
    const report = await pruneOn(cut, { rules: { last: 1 }, now: () => new Date(second + 900) });
    expect(report.restorePoints.flatMap(({ reasons }) => reasons)).to.deep.equal(["newest", "last"]);
  });

  it("the control DB of a run after the newest restore point stays while it may still commit", async () => {
    const key = objectKey(controlDb(day(8)));
    await history.sink.put(key, bytesSource("of a run that is about to commit, for all that is known"));
    expect((await pruneOn(history.sink)).waiting.map((object) => object.key)).to.deep.equal([key]);
    age(history.sink);
    expect(keysOf(await pruneOn(history.sink))).to.deep.equal([key]);
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
    await repository?.writeVerifiedRestorePoints(
      [
        { id: day(1), depth: "objects", verified },
        { id: day(2), depth: "data", verified },
        { id: day(3), depth: "objects", verified },
      ],
      [0, 1, 2, 3, 4, 5, 6].map(day),
    );
    await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(2), day(3), day(6)]);
    expect((await repository?.verification())?.seen).to.deep.equal([day(2), day(3), day(6)]);
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

  it("a clock of this machine that is ahead makes nothing old: the storage's counts", async () => {
    const recent = new History();
    const now = Date.now();
    const ids = [-5, -4, -3, -2, 400].map((days) => nextRestorePointId(new Date(now + days * DAY)));
    for (const id of ids) await recent.add(id, [{ name: "default", timeline: 0, token: 40 }]);
    const ahead = { now: (): Date => new Date(now + 401 * DAY), rules: { within: 2 * DAY } };
    await pruneOn(recent.sink, ahead);
    expect(await restorePointsOn(recent.sink)).to.deep.equal(ids.slice(1));
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
