import { bytesSource, type ObjectKey, objectKey, SinkError } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError } from "../dist/index.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import {
  age,
  controlDb,
  day,
  failure,
  type History,
  keysOf,
  pruneOn,
  referredTo,
  restorePointsOn,
  verifyAll,
  week,
} from "./prune-scene.js";

describe("prune in trouble:", () => {
  let history: History;
  let before: Map<ObjectKey, unknown>;
  beforeEach(async () => {
    history = await week();
    before = new Map(history.sink.storage);
  });
  const rest = (): string[] => [...history.sink.storage.keys()].sort();

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
      for (const number of [8, 9])
        await history.add(day(number), [{ name: "default", timeline: 1, token: 150 }]);
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
        { rules: { last: 2 }, connections: 4 },
      );
      expect(report.removed).to.deep.equal([]);
      expect(report.failed.length).to.be.within(20, 25);
      expect(report.notTried).to.be.greaterThan(10);
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
      expect((await second)?.message).to.match(/^another prune writes to this repository: process \d/);
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
      expect(error.message).to.include("this prune removed 5 restore points and 0 other objects");
      expect(error.message).to.include("another run took it over and has ended since, or somebody");
      expect(error).to.have.property("remedy").that.does.not.include("committed");
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
});
