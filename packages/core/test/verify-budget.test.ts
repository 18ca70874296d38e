import type { VerifyReport } from "@axon-backup/core";
import { bytesSource, objectKey, SinkError } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { pointId } from "./support-restore.js";
import { growing } from "./support-restore-growing.js";
import { storedKeys, tamper } from "./support-restore-sink.js";
import { Nights, readOn, unread } from "./support-verify.js";

const CLOSED = "contexts/default/events/00000000000000000000.events";
const OPEN = "contexts/default/events/00000000000000000153.events";
const RECORD = "verified/objects.json";

describe("verify, with a budget", function () {
  this.timeout(60_000);
  let nights: Nights;
  let memory: Awaited<ReturnType<typeof growing>>["memory"];
  beforeEach(async () => {
    const sink = await growing();
    memory = sink.memory;
    nights = new Nights(sink);
  });

  it("covers every object in time, whatever the budget, and begins with the first ones again only then", async () => {
    const total = (await nights.verify({ mark: false })).bytes;
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 60_000 }), async (bytes) => {
        memory.storage.delete(objectKey(RECORD));
        const read = new Set<string>();
        let report: VerifyReport;
        let runs = 0;
        do {
          const day = nights.day;
          report = await nights.verify({ budget: { bytes } });
          const now = readOn(report, day);
          expect(now).to.have.length(report.read).above(0);
          expect(now.filter((key) => read.has(key))).to.deep.equal([]);
          for (const key of now) read.add(key);
          runs++;
        } while (unread(report).length > 0);
        expect(read.size).to.equal(report.objects);
        // Each run goes as far as its budget: none ends before.
        expect(runs).to.be.at.most(Math.ceil(total / bytes));
        const day = nights.day;
        const again = readOn(await nights.verify({ budget: { bytes: 1 } }), day);
        expect(again).to.have.length(1);
      }),
      { numRuns: 20 },
    );
  });

  it("goes beyond the budget by the last object alone, with many at a time as with one", async () => {
    for (const connections of [1, 16]) {
      memory.storage.delete(objectKey(RECORD));
      const { bytes, lastRead } = await nights.verify({ budget: { bytes: 50_000 }, connections });
      const largest = 2 * Math.max(...lastRead.map((object) => object.bytes));
      expect(bytes)
        .to.be.at.least(50_000)
        .and.below(50_000 + largest);
    }
  });

  it("takes a share of what there is to read", async () => {
    const { lastRead } = await nights.verify({ mark: false });
    // Control DBs are read twice: their bytes, and what is in the zip.
    const size = lastRead.reduce(
      (sum, { key, bytes }) => sum + (key.startsWith("controldb/") ? 2 : 1) * bytes,
      0,
    );
    const part = await nights.verify({ budget: { share: 0.25 } });
    expect(part.bytes)
      .to.be.at.least(0.25 * size)
      .and.below(0.25 * size + 70_000);
    expect(await nights.verify({ budget: { share: 1 } })).to.include({ read: lastRead.length });
  });

  it("begins nothing once the time is up, ends what it is reading, and reads something each time", async () => {
    const observer = (event: { kind: string }): void => {
      if (event.kind === "object") nights.elapsed += 1000;
    };
    expect(await nights.verify({ within: 3000, connections: 1, observer })).to.include({
      read: 3,
      damaged: false,
    });
    const second = await nights.verify({ within: 1, connections: 1, observer });
    expect(second).to.include({ read: 1 });
    expect(second.objects - unread(second).length).to.equal(4);
  });

  it("reads what was damaged again each time, besides the budget, until it is right", async () => {
    const change = (): void => {
      tamper(memory, CLOSED, (bytes) => {
        bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
        return bytes;
      });
    };
    await nights.verify();
    change();
    let report: VerifyReport;
    do report = await nights.verify({ budget: { bytes: 1 } });
    while (!report.damaged);
    const others = new Set<string>();
    for (let night = 0; night < 40; night++) {
      const day = nights.day;
      report = await nights.verify({ budget: { bytes: 1 } });
      expect(report.findings.map(({ key }) => key)).to.deep.equal([CLOSED]);
      expect(report.read).to.equal(2);
      for (const key of readOn(report, day)) others.add(key);
    }
    expect(others.size, "the others have their turns").to.equal(report.objects - 1);
    change();
    expect(await nights.verify({ budget: { bytes: 1 } })).to.include({ damaged: false, read: 2 });
    expect(await nights.verify({ budget: { bytes: 1 } })).to.include({ read: 1 });
    expect(storedKeys(memory).filter((key) => key.startsWith("damaged/"))).to.deep.equal([]);
  });

  it("counts an open segment's copy as unread when it was replaced, and lets the others have their turns before it", async () => {
    await nights.verify();
    expect(unread(await nights.verify({ readData: false }))).to.deep.equal([]);
    const { bytes } = memory.storage.get(objectKey(OPEN)) ?? { bytes: Buffer.alloc(0) };
    await memory.put(objectKey(OPEN), bytesSource(bytes));
    expect(unread(await nights.verify({ readData: false }))).to.deep.equal([OPEN]);
    const report = await nights.verify({ budget: { bytes: 1 } });
    expect(readOn(report, nights.day - 1)).not.to.deep.equal([OPEN]);
  });

  it("forgets objects that nothing needs any more, and keeps the others'", async () => {
    await nights.verify();
    tamper(memory, `restore-points/${pointId(0)}.json`, () => undefined);
    tamper(memory, `controldb/${pointId(0)}.zip`, () => undefined);
    await nights.verify({ restorePoint: "latest", budget: { bytes: 1 } });
    const folders = async (): Promise<Record<string, object>> =>
      (await (await nights.repository()).verifiedObjects())?.folders ?? {};
    expect(Object.keys((await folders())["controldb"] ?? {})).to.have.length(3);
    const report = await nights.verify({ budget: { bytes: 1 } });
    expect(Object.keys((await folders())["controldb"] ?? {})).to.have.length(2);
    expect(unread(report)).to.deep.equal([]);
  });

  it("loses nothing but time when the record is gone or damaged", async () => {
    await nights.verify();
    for (const change of [
      () => undefined,
      (bytes: Buffer) => bytes.fill(1, 60, 61),
      () => Buffer.from("{}"),
    ]) {
      tamper(memory, RECORD, change);
      const report = await nights.verify({ budget: { bytes: 1 } });
      expect(report).to.include({ damaged: false, read: 1 });
      expect(unread(report)).to.have.length(report.objects - 1);
      await nights.verify();
    }
  });

  it("keeps what was read when it is stopped, and goes on there", async () => {
    const stop = new AbortController();
    const reason = new Error("stop");
    let objects = 0;
    const observer = (event: { kind: string }): void => {
      if (event.kind === "object" && ++objects === 7) stop.abort(reason);
    };
    const day = nights.day;
    const failed: unknown = await nights
      .verify({ observer, signal: stop.signal, connections: 1 })
      .catch((error: unknown) => error);
    expect(failed).to.equal(reason);
    const report = await nights.verify({ budget: { bytes: 1 } });
    expect(readOn(report, day)).to.have.length(7);
    expect(report.read).to.equal(1);
    expect(unread(report)).to.have.length(report.objects - 8);
  });

  it("writes the record every minute of a long run, and each object's own time in it", async () => {
    let written = 0;
    const counted = faultySink(
      nights.sink,
      {},
      {
        onCall: (method, key) => {
          if (method === "put" && key === RECORD) written++;
        },
      },
    );
    const observer = (event: { kind: string }): void => {
      if (event.kind === "object") nights.elapsed += 20_000;
    };
    const { read } = await nights.verify({ sink: counted, connections: 1, observer });
    expect(written).to.equal(Math.floor(read / 3) + 1);
  });

  it("tells that it couldn't keep the record, and no more", async () => {
    const faulty = faultySink(
      nights.sink,
      {},
      {
        onCall: (method) => {
          if (method === "put") throw new SinkError("denied", "read-only");
        },
      },
    );
    const report = await nights.verify({ sink: faulty });
    expect(report).to.include({ damaged: false });
    expect(report.notes).to.have.length(2);
    expect(report.notes.join()).to.contain("read-only");
    await nights.verify({ mark: false });
    expect(storedKeys(memory).filter((key) => key.startsWith("verified/"))).to.deep.equal([]);
  });

  it("keeps the record of ten thousand segments small", async () => {
    const folders = Object.fromEntries(
      ["events", "snapshots"].map((store) => [
        `contexts/default/${store}`,
        Object.fromEntries(
          Array.from({ length: 15_000 }, (_, at) => [
            `${String(at).padStart(20, "0")}.${["events", "index", "bloom"][at % 3] ?? ""}`,
            [1_795_000_000 + at, "0123abcd"] as const,
          ]),
        ),
      ]),
    );
    const repository = await nights.repository();
    await repository.writeVerifiedObjects({ written: nights.date.toISOString(), folders });
    expect(memory.storage.get(objectKey(RECORD))?.bytes.byteLength).to.be.below(60 * 30_000);
  });
});
