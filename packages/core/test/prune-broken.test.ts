import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { EngineError, Repository, restorePointId } from "../dist/index.js";
import {
  age,
  controlDb,
  day,
  failure,
  type History,
  pruneOn,
  referredTo,
  restorePointsOn,
  week,
} from "./prune-scene.js";

describe("prune, where a restore point that stays can't be restored,", () => {
  let history: History;
  beforeEach(async () => {
    history = await week();
    await history.add(day(7), [{ name: "default", timeline: 0, token: 200 }]);
    age(history.sink);
  });
  const remove = (key: string): void => void history.sink.storage.delete(objectKey(key));
  const cut = (key: string, length: number): void => {
    const object = history.sink.storage.get(objectKey(key));
    if (object === undefined) throw new Error(`there is no ${key}`);
    history.sink.storage.set(objectKey(key), { ...object, bytes: object.bytes.slice(0, length) });
  };
  /** A segment that the newest restore point alone needs. */
  const newestSegment = (): string => {
    const before = history.copy();
    for (const key of [...before.sink.storage.keys()])
      if (key === `restore-points/${day(7)}.json`) before.sink.storage.delete(key);
    const older = referredTo(before.sink);
    const own = [...referredTo(history.sink)].filter((key) => !older.has(key) && key.endsWith(".events"));
    return own[0] ?? "";
  };

  const newestSize = (key: string): number => history.sink.storage.get(objectKey(key))?.bytes.byteLength ?? 0;

  const damages: readonly [string, () => string][] = [
    [
      "whose control DB is missing",
      () => {
        remove(controlDb(day(7)));
        return controlDb(day(7));
      },
    ],
    [
      "whose control DB was cut off",
      () => {
        cut(controlDb(day(7)), 100);
        return controlDb(day(7));
      },
    ],
    [
      "one of whose segments is missing",
      () => {
        const key = newestSegment();
        remove(key);
        return key;
      },
    ],
    [
      "whose open segment lost its last byte",
      () => {
        const key = "contexts/default/events/00000000000000000165.events";
        cut(key, newestSize(key) - 1);
        return key;
      },
    ],
    [
      "one of whose segments was cut off",
      () => {
        const key = newestSegment();
        cut(key, 1);
        return key;
      },
    ],
  ];
  for (const [what, damage] of damages)
    it(`${what}: keeps what it would keep without it, and says so`, async () => {
      const key = damage();
      const dry = await pruneOn(history.sink, { rules: { last: 1 }, dryRun: true });
      const { broken, restorePoints } = await pruneOn(history.sink, { rules: { last: 1 } });
      expect(await restorePointsOn(history.sink)).to.deep.equal([day(6), day(7)]);
      expect(broken.map(({ id }) => id)).to.deep.equal([day(7)]);
      expect(broken[0]?.problem).to.include(key);
      expect(restorePoints.at(-2)?.reasons).to.deep.equal(["instead"]);
      expect(dry.restorePoints).to.deep.equal(restorePoints);
      expect(dry.broken).to.deep.equal(broken);
    });

  it("one of whose objects is marked as damaged: the same, and of those that share it none counts", async () => {
    const repository = await Repository.open(history.sink);
    for (const key of [controlDb(day(7)), controlDb(day(6))])
      await repository?.markDamaged({ key: objectKey(key), finding: "is odd", found: "" });
    const { broken } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(5), day(7)]);
    expect(broken.map(({ id }) => id)).to.deep.equal([day(7)]);
  });

  it("the last one of a timeline that was given up: the one before it stays", async () => {
    for (const number of [9, 10])
      await history.add(day(number), [{ name: "default", timeline: 1, token: 150 }]);
    age(history.sink);
    remove(controlDb(day(7)));
    await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(6), day(7), day(10)]);
  });

  it("since all need what is missing: the rules decide, and it is told", async () => {
    remove("contexts/default/events/00000000000000000000.events");
    const { broken } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(7)]);
    expect(broken).to.deep.equal([
      { id: day(7), problem: "contexts/default/events/00000000000000000000.events is missing" },
    ]);
  });

  it("what lacks something and goes anyway is no obstacle", async () => {
    remove(controlDb(day(1)));
    const { broken } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(broken).to.deep.equal([]);
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(7)]);
  });
});

describe("prune, where the record of what was verified is damaged,", () => {
  const RECORD = objectKey("verified/restore-points.json");
  let history: History;
  beforeEach(async () => {
    history = await week();
    const repository = await Repository.open(history.sink);
    await repository?.writeVerifiedRestorePoints([{ id: day(2), depth: "data", verified: "" }]);
    const object = history.sink.storage.get(RECORD);
    if (object === undefined) throw new Error("there is no record");
    const bytes = new Uint8Array(object.bytes);
    bytes[40] = (bytes[40] ?? 0) ^ 1;
    history.sink.storage.set(RECORD, { ...object, bytes });
  });

  it("removes nothing, and says what writes it anew", async () => {
    const before = new Map(history.sink.storage);
    for (const dryRun of [true, false]) {
      const error = await failure(pruneOn(history.sink, { rules: { last: 1 }, dryRun }));
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "damage");
      expect(error).to.have.property("remedy").that.includes("axon-backup verify");
    }
    expect(new Map(history.sink.storage)).to.deep.equal(before);
  });

  it("removes what nothing refers to where no restore point goes", async () => {
    const orphan = objectKey(controlDb(restorePointId("20260102T000000.000Z")));
    history.sink.storage.set(orphan, { bytes: new Uint8Array(1), version: "v0", modified: new Date(0) });
    expect((await pruneOn(history.sink)).removed.map(({ key }) => key)).to.deep.equal([orphan]);
  });
});
