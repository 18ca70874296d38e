import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Token } from "@axon-backup/axon-server";
import { type RestorePointId, Repository, restore, verify, type VerifyReport } from "@axon-backup/core";
import { objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { faultySink, memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { fixture, pointId, sha256, type ServerState, stateAt, storeRestorePoint } from "./support-restore.js";
import { scratch } from "./support-restore-files.js";
import { growing, POINTS } from "./support-restore-growing.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

describe("verify, of a damaged repository", function () {
  this.timeout(60_000);

  it("finds any flipped bit of any object by reading, and names the restore points that can't be restored, no others", async () => {
    const sink = await growing();
    const keys = storedKeys(sink.memory);
    const directory = scratch("memory");
    const undamaged = await restorable(sink, directory.path);
    expect(undamaged).to.deep.equal(POINTS);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys), fc.nat(), fc.nat(7), async (key, at, bit) => {
        const object = sink.memory.storage.get(key);
        tamper(sink.memory, key, (bytes) => {
          const index = at % bytes.byteLength;
          bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
          return bytes;
        });
        const report = await verify({ sink, name: "memory", readData: true, mark: false });
        const intact = await restorable(sink, directory.path);
        if (/\.s?(?:index|bloom)$/.test(key)) {
          // They are restored without it.
          expect(intact, key).to.deep.equal(POINTS);
          expect(affected(report), key).to.not.deep.equal([]);
        } else expect(affected(report), key).to.deep.equal(POINTS.filter((id) => !intact.includes(id)));
        expect(report.damaged).to.equal(true);
        expect(report.findings.map((finding) => finding.key)).to.include(key);
        if (object) sink.memory.storage.set(key, object);
      }),
      { numRuns: 60 },
    );
    directory.remove();
  });

  it("finds what is missing, too short or too long without reading", async () => {
    const sink = await growing();
    for (const key of storedKeys(sink.memory))
      for (const change of [() => undefined, (bytes: Buffer) => bytes.subarray(1)]) {
        const object = sink.memory.storage.get(key);
        tamper(sink.memory, key, change);
        const { findings } = await verify({ sink, name: "memory", mark: false });
        // A manifest that isn't there is a restore point that isn't there.
        if (!(key.startsWith("restore-points/") && sink.memory.storage.get(key) === undefined))
          expect(
            findings.map((finding) => finding.key),
            key,
          ).to.include(key);
        if (object) sink.memory.storage.set(key, object);
      }
  });

  it("tells what is in an object's place if the sink does, and that it must be removed by hand", async () => {
    const sink = await growing();
    const key = "contexts/default/events/00000000000000000034.events";
    tamper(sink.memory, key, () => undefined);
    const onCall = (method: string, of?: string): void => {
      if (method === "stat" && of === key) throw new SinkError("invalid", `/data/${key} is a symbolic link`);
    };
    const report = await verify({ sink: faultySink(sink, {}, { onCall }), name: "memory" });
    expect(report.findings).to.have.length(1);
    expect(report.findings[0]).to.deep.include({ key, mendable: false });
    expect(report.findings[0]?.finding).to.include("symbolic link").and.to.include("by hand");
    expect(storedKeys(sink.memory).filter((name) => name.startsWith("damaged/"))).to.deep.equal([]);
  });

  it("knows which restore points an open segment's copy is too short for", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    for (const [number, head] of [155, 160, 172].entries())
      await storeRestorePoint(sink, pointId(number), stateAt(whole, head, 36));
    const key = "contexts/default/events/00000000000000000153.events";
    tamper(sink.memory, key, (bytes) => bytes.subarray(0, bytes.byteLength - 1));
    for (const readData of [false, true]) {
      const { findings } = await verify({ sink, name: "memory", readData, mark: false });
      expect(findings.map(({ restorePoints }) => restorePoints)).to.deep.equal([[pointId(2)]]);
    }
    tamper(sink.memory, key, (bytes) => {
      bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
      return bytes;
    });
    const { findings } = await verify({ sink, name: "memory", readData: true, mark: false });
    expect(new Set(findings.flatMap(({ restorePoints }) => restorePoints))).to.deep.equal(new Set(POINTS));
  });

  it("finds two objects that were swapped", async () => {
    const sink = await growing();
    const [one, other] = ["00000000000000000000.events", "00000000000000000034.events"].map((name) =>
      objectKey(`contexts/default/events/${name}`),
    );
    if (!one || !other) throw new Error("no keys");
    const [first, second] = [sink.memory.storage.get(one), sink.memory.storage.get(other)];
    if (!first || !second) throw new Error("no objects");
    sink.memory.storage.set(one, second).set(other, first);
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(new Set(findings.map(({ key }) => key))).to.deep.equal(new Set([one, other]));
  });

  it("compares checksums that the storage has, without reading", async () => {
    const memory = memorySink();
    await storeRestorePoint(memory, pointId(0), stateAt(await fixture("4.6"), 60, 12));
    const plain = testSink(memory);
    const list: Sink["list"] = async function* (prefix) {
      for await (const object of memory.list(prefix)) {
        const value = sha256(memory.storage.get(object.key)?.bytes ?? Buffer.alloc(0));
        yield { ...object, checksum: { algorithm: "sha256", value } };
      }
    };
    const sink: Sink = new Proxy(plain, {
      get: (target, name) => (name === "list" ? list : Reflect.get(target, name)) as unknown,
    });
    expect(await verify({ sink, name: "memory" })).to.include({ damaged: false });
    tamper(memory, "contexts/default/events/00000000000000000000.events", (bytes) => bytes.fill(1, 0, 1));
    const { findings } = await verify({ sink, name: "memory" });
    expect(findings).to.have.length(1);
  });

  it("finds a gap between segments, though every object is sound", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    const holed: ServerState = {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        events: new Map([...context.events].filter(([name]) => !name.startsWith("00000000000000000066"))),
      })),
    };
    await storeRestorePoint(sink, pointId(0), holed);
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(findings.map(({ key }) => key)).to.deep.equal([
      "contexts/default/events/00000000000000000034.events",
    ]);
    expect(findings[0]?.finding).to.contain(
      "ends before token 66, but the next segment of default (events) begins with 99",
    );
    expect(await (await Repository.open(sink))?.damagedKeys(), "nothing to store again").to.have.property(
      "size",
      0,
    );
  });

  it("finds a manifest that says another end than the data", async () => {
    const sink = await growing();
    const repository = await Repository.open(sink);
    const manifest = await repository?.manifest(pointId(2));
    if (!repository || !manifest) throw new Error("no manifest");
    const contexts = manifest.contexts.map((context) => ({
      ...context,
      events: { ...context.events, nextToken: 180 as Token },
    }));
    await repository.commit({ ...manifest, contexts });
    expect(
      (await verify({ sink, name: "memory" })).findings.map(({ restorePoints }) => restorePoints),
    ).to.deep.equal([[pointId(2)]]);
  });

  it("finds segments that were damaged already when they were stored", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    const name = "00000000000000000000.events";
    const torn = Buffer.from(whole.contexts[0]?.events.get(name) ?? []);
    torn.writeUInt8(torn.readUInt8(100) ^ 1, 100);
    await storeRestorePoint(sink, pointId(0), {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        events: new Map([...context.events, [name, torn]]),
      })),
    });
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(findings).to.have.length(1);
    expect(findings[0]?.finding).to.contain("already when it was stored").and.contain("CRC");
  });

  it("notes segments of a format that isn't known, and doesn't call them damaged", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    const foreign: ServerState = {
      ...whole,
      contexts: whole.contexts.map((context) => ({
        ...context,
        events: new Map(
          [...context.events].map(([name, bytes]) => [
            name,
            /^0+0\.events|^0+34\.events/.test(name) ? Buffer.from(bytes).fill(7, 0, 1) : bytes,
          ]),
        ),
      })),
    };
    await storeRestorePoint(sink, pointId(0), foreign);
    const report = await verify({ sink, name: "memory", readData: true });
    expect(report.findings).to.deep.equal([]);
    expect(report.notes).to.have.length(1);
    expect(report.notes[0]).to.contain("2 segments are of format version 7");
  });

  describe("marks", () => {
    const key = "contexts/default/events/00000000000000000000.events";
    const damage = async (): Promise<ReturnType<typeof testSink>> => {
      const sink = await growing();
      tamper(sink.memory, key, (bytes) => bytes.fill(1, 500, 501));
      tamper(sink.memory, `restore-points/${pointId(1)}.json`, (bytes) => bytes.fill(1, 50, 51));
      return sink;
    };

    it("what the next backup can store again, and not manifests", async () => {
      const sink = await damage();
      await verify({ sink, name: "memory", readData: true });
      expect([...((await (await Repository.open(sink))?.damagedKeys()) ?? [])]).to.deep.equal([key]);
    });

    it("nothing when told not to, or when there is nothing", async () => {
      const sink = await damage();
      await verify({ sink, name: "memory", readData: true, mark: false });
      await verify({ sink: await growing(), name: "memory", readData: true });
      expect(storedKeys(sink.memory).filter((name) => name.startsWith("damaged/"))).to.deep.equal([]);
    });

    it("and tells its findings all the same when the sink can't be written to", async () => {
      const faulty = faultySink(await damage(), { put: [{ kind: "fail", error: "denied" }] });
      const report = await verify({ sink: faulty, name: "memory", readData: true });
      expect(report.findings.map((finding) => finding.key)).to.include(key);
      expect(report.notes[0]).to.contain("could not be marked");
    });
  });

  it("calls one object that can't be read damaged, not what passes, and a sink that doesn't answer a failure", async () => {
    const sink = await growing();
    const victim = "contexts/default/events/00000000000000000034.events";
    let broken: (key: string) => boolean = (key) => key === victim;
    const failing = faultySink(
      sink,
      {},
      {
        onCall: (method, key) => {
          if (method === "get" && broken(String(key))) throw new SinkError("transient", "input/output error");
        },
      },
    );
    const report = await verify({ sink: failing, name: "memory", readData: true, mark: false });
    expect(report.findings.map(({ key }) => key)).to.deep.equal([victim]);
    let times = 0;
    broken = (key) => key === victim && ++times === 1;
    const passing = await verify({ sink: failing, name: "memory", readData: true });
    expect(passing.findings, "what was over when the sink answered again").to.deep.equal([]);
    expect(times).to.equal(2);
    let down = false;
    broken = (key) => (down ||= key === victim);
    const error: unknown = await verify({ sink: failing, name: "memory", readData: true }).catch(
      (caught: unknown) => caught,
    );
    expect(error).to.include({ name: "SinkError", kind: "transient" });
    expect(storedKeys(sink.memory).filter((name) => name.startsWith("damaged/"))).to.deep.equal([]);
  });
});

/** The restore points that a restore accepts. */
async function restorable(sink: ReturnType<typeof testSink>, directory: string): Promise<RestorePointId[]> {
  const intact: RestorePointId[] = [];
  for (const id of POINTS)
    try {
      await restore({ sink, name: "memory", target: join(directory, id), restorePoint: id });
      await rm(join(directory, id), { recursive: true });
      intact.push(id);
    } catch {
      // Damaged, as verify should have said.
    }
  return intact;
}

function affected({ findings }: VerifyReport): RestorePointId[] {
  return [...new Set(findings.flatMap(({ restorePoints }) => restorePoints))].sort();
}
