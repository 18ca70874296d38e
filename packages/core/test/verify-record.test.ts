import type { RestorePointId, VerifyReport } from "@axon-backup/core";
import { expect } from "chai";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { growing, POINTS } from "./support-restore-growing.js";
import { tamper } from "./support-restore-sink.js";
import { Nights, unread } from "./support-verify.js";

describe("the record of verified restore points", function () {
  this.timeout(60_000);
  let nights: Nights;
  let memory: Awaited<ReturnType<typeof growing>>["memory"];
  beforeEach(async () => {
    const sink = await growing();
    memory = sink.memory;
    nights = new Nights(sink);
  });
  const all = (depth: string, day: number): string[] => POINTS.map((_, at) => `0${at} ${depth} ${day}`);

  it("has each one at the depth that was reached, and keeps what was proved earlier", async () => {
    await nights.verify({ readData: false });
    expect(await nights.record()).to.deep.equal(all("objects", 0));
    await nights.verify();
    await nights.verify({ readData: false });
    expect(await nights.record()).to.have.members([...all("data", 1), ...all("objects", 2)]);
    const { verified } = await nights.verify({ readData: false, mark: false });
    expect(verified[0]).to.deep.equal({
      restorePoint: pointId(0),
      damaged: false,
      objects: "2026-11-27T03:00:00.000Z",
      data: "2026-11-25T03:00:00.000Z",
    });
  });

  it("has data once each object was read, over several nights, since the one read the longest ago", async () => {
    let report: VerifyReport;
    do {
      expect((await nights.record()).filter((entry) => entry.startsWith("02 data"))).to.deep.equal([]);
      report = await nights.verify({ budget: { bytes: 30_000 } });
    } while (unread(report).length > 0);
    expect(await nights.record()).to.include("02 data 0");
    expect(nights.day).to.be.above(3);
  });

  it("looks at one restore point alone, and leaves the others' entries", async () => {
    await nights.verify();
    await nights.verify({ restorePoint: pointId(1) });
    expect(await nights.record()).to.deep.equal([
      ...["00 data 0", "00 objects 0"],
      ...["01 data 1", "01 objects 1"],
      ...["02 data 0", "02 objects 0"],
    ]);
  });

  it("loses the entries of those that something is wrong with, and of those that are gone", async () => {
    await nights.verify();
    tamper(memory, `controldb/${pointId(1)}.zip`, (bytes) => bytes.subarray(1));
    await nights.verify({ readData: false });
    expect(await nights.record()).to.deep.equal(["00 data 0", "00 objects 1", "02 data 0", "02 objects 1"]);
    for (const key of [`restore-points/${pointId(0)}.json`, `controldb/${pointId(0)}.zip`])
      tamper(memory, key, () => undefined);
    await nights.verify({ readData: false });
    expect(await nights.record()).to.deep.equal(["02 data 0", "02 objects 2"]);
  });

  it("doesn't count a copy as read whose bytes a newer restore point claims more of", async () => {
    const whole = await fixture("4.6");
    await nights.verify();
    const newer: RestorePointId = pointId(3);
    await storeRestorePoint(nights.sink, newer, stateAt(whole, 172, 36));
    const report = await nights.verify({ budget: { bytes: 1 } });
    expect(report.verified.at(-1)).to.include({ restorePoint: newer, data: null });
    await nights.verify();
    expect(await nights.record()).to.include(`03 data ${nights.day - 1}`);
  });
});
