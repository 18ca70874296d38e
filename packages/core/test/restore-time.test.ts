import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Token } from "@axon-backup/axon-server";
import {
  type ContextManifest,
  previewRestore,
  Repository,
  restore,
  type RestoreOptions,
  type RestoreReport,
} from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { Sequences } from "../dist/restore/sequences.js";
import { filesOf, stateOf, together, type Transactions } from "./support-moments.js";
import { type Files, pointId, type ServerState, storeRestorePoint } from "./support-restore.js";
import { rejection } from "./support-restore-errors.js";
import { scratch, tree } from "./support-restore-files.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

const BEGIN = Date.parse("2026-11-24T06:00:00Z");
const at = (seconds: number): Date => new Date(BEGIN + seconds * 1000);

/** An event a second, each of an aggregate of its own, in transactions of one. */
function events(from: number, to: number): Transactions {
  return Array.from({ length: to - from }, (_, index) => [
    { aggregate: `a-${from + index}`, sequence: 0, time: at(from + index).getTime() },
  ]);
}

const NONE = new Map<string, Buffer>();
const server = (name: string, files: Files): ServerState => stateOf(files, NONE, name);

describe("restore to a time", () => {
  let directory: ReturnType<typeof scratch>;
  let sink: ReturnType<typeof testSink>;
  beforeEach(() => {
    directory = scratch("memory");
    sink = testSink();
  });
  afterEach(() => {
    directory.remove();
  });

  const options = (more: Partial<RestoreOptions>): RestoreOptions => ({
    sink,
    name: "memory",
    target: join(directory.path, "target"),
    ...more,
  });
  const heads = ({ contexts }: RestoreReport): Record<string, number | null> =>
    Object.fromEntries(contexts.map(({ name, events: { lastToken } }) => [name, lastToken]));

  describe("of several contexts", () => {
    beforeEach(async () => {
      // Orders began ten seconds later, billing has ended after twenty.
      for (const [number, end] of [15, 25, 40].entries())
        await storeRestorePoint(
          sink,
          pointId(number),
          together(
            server("billing", filesOf("events", events(0, Math.min(end, 20)), 4)),
            server("orders", filesOf("events", events(10, end), 4)),
          ),
        );
    });

    it("cuts each of them there, and takes the earliest restore point that has all of it", async () => {
      const report = await restore(options({ time: at(22.5) }));
      expect(heads(report)).to.deep.equal({ billing: 19, orders: 12 });
      expect(report.restorePoint).to.equal(pointId(1));
      expect(report.contexts[1]?.events).to.deep.include({ lastTimestamp: at(22), dropped: 2 });
      const early = await restore(options({ time: at(12), target: join(directory.path, "early") }));
      expect(early.restorePoint).to.equal(pointId(0));
      expect(heads(early)).to.deep.equal({ billing: 12, orders: 2 });
    });

    it("cuts one of them alone, with the restore point that is closest to that one", async () => {
      const report = await restore(options({ time: at(30), context: "billing" }));
      expect(heads(report)).to.deep.equal({ billing: 19 });
      expect(report.restorePoint).to.equal(pointId(1));
      expect(report.contexts[0]?.events).to.include({ dropped: 0, cutSegment: null });
    });

    it("restores one empty that had no event then, and says so", async () => {
      const report = await restore(options({ time: at(5) }));
      expect(heads(report)).to.deep.equal({ billing: 5, orders: null });
      expect(report.warnings.join()).to.contain(
        "context orders has no event as old as 2026-11-24T06:00:05.000Z",
      );
      const files = await tree(join(directory.path, "target/orders"));
      expect([...files.keys()]).to.deep.equal(["00000000000000000000.events"]);
      expect(files.get("00000000000000000000.events")?.subarray(0, 5).toString("hex")).to.equal("0200000000");
      expect(
        files
          .get("00000000000000000000.events")
          ?.subarray(5)
          .every((byte) => byte === 0),
      ).to.equal(true);
    });

    it("is refused when nothing is as old as that: the zone, or the day, is wrong", async () => {
      const error = await rejection(restore(options({ time: at(-1) })));
      expect(error).to.include({ kind: "usage" });
      expect(error.message).to.contain("nothing in restore point").and.contain("billing, orders");
      expect((await tree(directory.path)).size).to.equal(0);
    });

    it("searches the restore point that is named, and nothing newer", async () => {
      const key = storedKeys(sink.memory)
        .filter((name) => name.startsWith("contexts/orders/events/"))
        .at(-1);
      tamper(sink.memory, key ?? "", (bytes) => bytes.subarray(0, 9));
      const error = await rejection(restore(options({ time: at(14) })));
      expect(error.kind).to.equal("damage");
      expect(error.message).to.contain(key).and.contain("orders");
      expect(error.remedy).to.contain("--restore-point");
      const report = await restore(options({ time: at(14), restorePoint: pointId(1) }));
      expect(report.restorePoint).to.equal(pointId(1));
      expect(heads(report)).to.deep.equal({ billing: 14, orders: 4 });
    });

    it("asks another sink for what is damaged on the first", async () => {
      const other = testSink();
      for (const key of storedKeys(sink.memory)) {
        const object = sink.memory.storage.get(key);
        if (object) other.memory.storage.set(key, object);
      }
      const key = storedKeys(sink.memory)
        .filter((name) => name.startsWith("contexts/orders/events/"))
        .at(-1);
      tamper(sink.memory, key ?? "", () => undefined);
      const others = [{ name: "other", open: () => Promise.resolve(other) }];
      expect(heads(await restore(options({ time: at(14), others })))).to.deep.equal({
        billing: 14,
        orders: 4,
      });
    });
  });

  it("reads the segments from the newest back to the one that is cut, and none before it", async () => {
    await storeRestorePoint(sink, pointId(0), server("default", filesOf("events", events(0, 60), 4)));
    const read = new Set<string>();
    const watched = new Proxy(sink, {
      get: (target, name): unknown =>
        name === "get"
          ? (key: string, ...rest: unknown[]) => {
              read.add(key);
              return (Reflect.get(target, name) as (...args: unknown[]) => unknown)(key, ...rest);
            }
          : (Reflect.get(target, name) as unknown),
    });
    await rejection(
      restore(options({ sink: watched, time: at(57), target: join(directory.path, "no/such/parent") })),
    );
    const segments = [...read].filter((key) => key.endsWith(".events"));
    expect(segments).to.deep.equal(["contexts/default/events/00000000000000000056.events"]);
  });

  it("is refused where events can't be read, with what can be done", async () => {
    const files = filesOf("events", events(0, 12), 4);
    const last = "00000000000000000008.events";
    for (const [change, why] of [
      [(bytes: Buffer) => bytes.writeInt32BE(1, 1), "encrypted"],
      [(bytes: Buffer) => bytes.writeUInt8(9, 0), "format version, 9"],
    ] as const) {
      const changed = new Map([...files].map(([name, bytes]) => [name, Buffer.from(bytes)]));
      change(changed.get(last) ?? Buffer.alloc(5));
      sink = testSink();
      // A foreign segment is a closed one here: what an open one is, the manifest of this test doesn't say.
      await storeRestorePoint(sink, pointId(0), server("default", changed));
      const error = await rejection(restore(options({ time: at(5) })));
      expect(error.kind).to.equal("failed");
      expect(error.message).to.contain(last).and.contain(why);
      expect(error.remedy).to.contain("token");
    }
  });

  it("is refused when retention has removed what was there then", async () => {
    await storeRestorePoint(sink, pointId(0), server("default", filesOf("events", events(20, 30), 4, 20)));
    const error = await rejection(restore(options({ time: at(19) })));
    expect(error.kind).to.equal("usage");
    expect(error.message).to.contain("the first one kept is 20");
    const exclusive = await restore(options({ token: 20 as Token, exclusive: true }));
    expect(exclusive.contexts[0]?.events.nextToken).to.equal(20);
  });

  it("and a token contradict each other; exclusive needs a token", async () => {
    await storeRestorePoint(sink, pointId(0), server("default", filesOf("events", events(0, 3), 4)));
    for (const wrong of [{ time: at(1), token: 1 as Token }, { exclusive: true }])
      expect((await rejection(restore(options(wrong)))).kind).to.equal("usage");
  });

  describe("before the context's timeline began", () => {
    beforeEach(async () => {
      // Restored to token 4 at second 12, which lost 5 to 9; then other events.
      await storeRestorePoint(sink, pointId(0), server("default", filesOf("events", events(0, 6), 4)));
      await storeRestorePoint(sink, pointId(1), server("default", filesOf("events", events(0, 10), 4)));
      const state = server("default", filesOf("events", [...events(0, 5), ...events(12, 14)], 4));
      const scratchSink = testSink();
      const manifest = await storeRestorePoint(scratchSink, pointId(2), state);
      for (const key of storedKeys(scratchSink.memory)) {
        const object = scratchSink.memory.storage.get(key);
        if (object && /^(contexts|controldb)/.test(key))
          sink.memory.storage.set(
            key.replace("contexts/default/", "contexts/default@1/") as typeof key,
            object,
          );
      }
      const repository = await Repository.open(sink);
      if (!repository) throw new Error("no repository");
      const branch: ContextManifest["branch"] = {
        timeline: 0,
        restorePoint: pointId(1),
        reason: "the first bytes are others",
        begun: at(12).toISOString(),
      };
      const contexts = await Promise.all(
        manifest.contexts.map(async (context) => ({
          ...context,
          timeline: 1,
          branch,
          events: await repaged(repository, scratchSink, context),
        })),
      );
      await repository.commit({ ...manifest, repository: repository.info.id, contexts });
    });

    it("is refused unless a restore point says which history is meant; the other one's are named", async () => {
      const error = await rejection(restore(options({ time: at(7) })));
      expect(error.kind).to.equal("usage");
      expect(error.message)
        .to.contain("before timeline 1 of context default began")
        .and.contain(`timeline 0`)
        .and.contain(pointId(1));
      expect(error.remedy).to.contain("--restore-point");
      const abandoned = await restore(options({ time: at(7), restorePoint: pointId(1) }));
      expect(heads(abandoned)).to.deep.equal({ default: 7 });
      const current = await restore(
        options({ time: at(7), restorePoint: "latest", target: join(directory.path, "now") }),
      );
      expect(heads(current)).to.deep.equal({ default: 4 });
      expect(current.warnings.join()).to.contain("is before timeline 1");
      expect(current.restorePoint, "nothing of timeline 1 is older").to.equal(pointId(2));
    });

    it("within it, is searched there alone", async () => {
      expect(heads(await restore(options({ time: at(12) })))).to.deep.equal({ default: 5 });
    });

    it("a token that only the other one has is told of", async () => {
      const error = await rejection(restore(options({ token: 9 as Token })));
      expect(error.message).to.contain(`timeline 0 has it: name its restore point ${pointId(1)}`);
    });
  });

  it("shows beforehand what would be refused of the target, and touches nothing", async () => {
    await storeRestorePoint(sink, pointId(0), server("default", filesOf("events", events(0, 30), 4)));
    const path = join(directory.path, "target");
    const absent = await previewRestore(options({}));
    expect(absent.target).to.deep.include({ path, state: "absent", problem: undefined });
    expect(absent.measured?.sample.objects).to.equal(absent.objects);
    expect(absent.bytes).to.equal((absent.contexts[0]?.events.bytes ?? 0) + absent.controlDb.size);
    expect((await tree(directory.path)).size).to.equal(0);

    mkdirSync(path);
    expect((await previewRestore(options({}))).target).to.include({ state: "empty", problem: undefined });
    writeFileSync(join(path, "precious"), "");
    expect((await previewRestore(options({}))).target.problem?.message).to.contain("precious");
    expect((await previewRestore(options({ delta: true }))).target.problem?.message).to.contain("precious");
    const nowhere = await previewRestore(options({ target: join(path, "no/such") }));
    expect(nowhere.target.problem?.message).to.contain("is not a directory");
    const inFile = await previewRestore(options({ target: join(path, "precious") }));
    expect(inFile.target.problem?.kind).to.equal("usage");
    expect([...(await tree(directory.path)).keys()]).to.deep.equal(["target/precious"]);
  });
});

/** A store of another repository, with its pages as those of timeline 1 in this one. */
async function repaged(
  repository: Repository,
  from: ReturnType<typeof testSink>,
  { events: store }: ContextManifest,
): Promise<ContextManifest["events"]> {
  const other = await Repository.open(from);
  const pages = [];
  for (const reference of store.pages) {
    const page = await other?.page(reference);
    if (page) pages.push(await repository.writePage({ ...page, timeline: 1 }));
  }
  return { ...store, pages };
}

describe("the sequence numbers of aggregates with snapshots", () => {
  it("are the highest, as a map would tell, whatever comes in which order", () => {
    const steps = fc.array(
      fc.record({ isSnapshot: fc.boolean(), aggregate: fc.nat(3000), sequence: fc.nat(20) }),
      { maxLength: 400 },
    );
    fc.assert(
      fc.property(steps, (given) => {
        const sequences = new Sequences();
        const snapshots = new Map<string, number>();
        const last = new Map<string, number>();
        for (const { isSnapshot, aggregate, sequence } of given) {
          const name = `aggregate-${aggregate}`;
          if (isSnapshot) {
            sequences.addSnapshot(name, sequence);
            snapshots.set(name, Math.max(sequence, snapshots.get(name) ?? 0));
          } else {
            sequences.addEvent(name, sequence);
            if (snapshots.has(name)) last.set(name, Math.max(sequence, last.get(name) ?? -1));
          }
        }
        const unproven = [...snapshots].filter(([name, sequence]) => sequence > (last.get(name) ?? -1));
        expect(sequences.unproven).to.equal(unproven.length);
        for (const name of snapshots.keys()) expect(sequences.last(name)).to.equal(last.get(name) ?? -1);
      }),
    );
  });

  it("are kept of a hundred thousand aggregates, and none is taken for another", () => {
    const sequences = new Sequences();
    const name = (number: number): string => `${(number * 2654435761) % 4294967296}-${number}`;
    for (let number = 0; number < 100_000; number++) sequences.addSnapshot(name(number), 1);
    for (let number = 0; number < 100_000; number += 2) sequences.addEvent(name(number), number % 3);
    const proven = Array.from({ length: 50_000 }, (_, index) => index * 2).filter((number) => number % 3 > 0);
    expect(sequences.unproven).to.equal(100_000 - proven.length);
    expect(sequences.last(name(99_999))).to.equal(-1);
    expect(sequences.last(name(4))).to.equal(1);
  });
});
