import { verify } from "@axon-backup/core";
import { expect } from "chai";
import { fixture, GENERATIONS, pointId, storeRestorePoint } from "./support-restore.js";
import { rejection } from "./support-restore-errors.js";
import { growing, POINTS } from "./support-restore-growing.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

describe("verify", function () {
  this.timeout(60_000);

  for (const generation of GENERATIONS)
    it(`finds nothing in a sound repository of ${generation}, with and without reading it`, async () => {
      const sink = await growing(generation);
      const listed = await verify({ sink, name: "memory" });
      expect(listed).to.deep.include({
        findings: [],
        notes: [],
        damaged: false,
        bytes: 0,
        restorePoints: POINTS,
      });
      const read = await verify({ sink, name: "memory", readData: true });
      expect(read).to.deep.include({ findings: [], notes: [], damaged: false, restorePoints: POINTS });
      expect(read.objects).to.equal(storedKeys(sink.memory).filter((key) => key.startsWith("co")).length);
    });

  it("accepts all versions of transformed segments", async () => {
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), await fixture("2023.2", "store-transformed"));
    expect(await verify({ sink, name: "memory", readData: true })).to.deep.include({
      findings: [],
      damaged: false,
    });
  });

  it("reads each object once, however many restore points share it; control DBs once more for their zip", async () => {
    const sink = await growing();
    const read = await verify({ sink, name: "memory", readData: true });
    const sizes = storedKeys(sink.memory)
      .filter((key) => key.startsWith("co"))
      .map((key) => sink.memory.storage.get(key)?.bytes.byteLength ?? 0);
    const contents = sizes.reduce((sum, size) => sum + size, 0);
    const zips = storedKeys(sink.memory)
      .filter((key) => key.startsWith("controldb"))
      .reduce((sum, key) => sum + (sink.memory.storage.get(key)?.bytes.byteLength ?? 0), 0);
    expect(read.bytes)
      .to.be.greaterThanOrEqual(contents)
      .and.lessThan(contents + 3 * zips + 1);
  });

  it("reads no more of an open segment's copy than restore points need", async () => {
    const sink = await growing();
    const key = "contexts/default/events/00000000000000000153.events";
    tamper(sink.memory, key, (bytes) => Buffer.concat([bytes, Buffer.alloc(1000, 1)]));
    expect(await verify({ sink, name: "memory", readData: true })).to.include({ damaged: false });
  });

  it("checks the restore point that is asked for, and no other", async () => {
    const sink = await growing();
    tamper(sink.memory, `controldb/${pointId(0)}.zip`, () => undefined);
    expect((await verify({ sink, name: "memory", restorePoint: "latest" })).restorePoints).to.deep.equal([
      pointId(2),
    ]);
    expect(await verify({ sink, name: "memory", restorePoint: "latest" })).to.include({ damaged: false });
    expect(await verify({ sink, name: "memory", restorePoint: pointId(0) })).to.include({ damaged: true });
    expect(await rejection(verify({ sink, name: "memory", restorePoint: pointId(9) }))).to.include({
      kind: "usage",
    });
    expect(await rejection(verify({ sink: testSink(), name: "memory" }))).to.include({ kind: "usage" });
  });

  it("doesn't complain of a restore point that retention removes meanwhile", async () => {
    const sink = await growing();
    const observer = (event: { kind: string; step?: string }): void => {
      if (event.step !== "objects") return;
      tamper(sink.memory, `controldb/${pointId(0)}.zip`, () => undefined);
      tamper(sink.memory, `restore-points/${pointId(0)}.json`, () => undefined);
    };
    const report = await verify({ sink, name: "memory", observer });
    expect(report).to.deep.include({ damaged: false, restorePoints: [pointId(1), pointId(2)] });
  });

  it("ends at once when aborted", async () => {
    const sink = await growing();
    const reason = new Error("stop");
    for (const step of ["manifests", "objects", "data"]) {
      const controller = new AbortController();
      const observer = (event: { kind: string; step?: string }): void => {
        if (event.step === step) controller.abort(reason);
      };
      const error: unknown = await verify({
        sink,
        name: "memory",
        readData: true,
        signal: controller.signal,
        observer,
      }).catch((caught: unknown) => caught);
      expect(error, step).to.equal(reason);
    }
  });
});
