import { bytesSource, objectKey } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { EngineError } from "../dist/errors.js";
import { Repository } from "../dist/repository/repository.js";
import { parseScratch, SCRATCH, scratchPrefix } from "../dist/repository/scratch.js";

const check = { started: new Date("2026-11-24T05:59:01Z"), machine: "0a1b2c3d", pid: 4711 };
const prefix = scratchPrefix(check, "89abcdef");

describe("what a check stores", () => {
  it("has a name that tells who made it", () => {
    expect(prefix).to.equal("check-20261124T055901Z-0a1b2c3d-4711-89abcdef/");
    const seconds = fc.date({
      min: new Date("2000-01-01"),
      max: new Date("9999-12-31"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(seconds, fc.nat(2 ** 22), (started, pid) => {
        const name = scratchPrefix({ ...check, started, pid }, "00000000");
        const found = parseScratch(`${name}some/object`);
        expect(found).to.include({ prefix: name, machine: check.machine, pid });
        expect(found?.started.getTime()).to.equal(Math.floor(started.getTime() / 1000) * 1000);
      }),
    );
  });

  for (const key of [
    "check-",
    "check-list.txt",
    "check-20261324T055901Z-0a1b2c3d-1-89abcdef/x",
    `x${prefix}y`,
    `${prefix.slice(0, -1)}x`,
  ])
    it(`isn't ${key}`, () => {
      expect(parseScratch(key)).to.equal(undefined);
    });

  it("makes no sink one that holds something else, and no repository", async () => {
    const sink = memorySink();
    for (const key of [`${prefix}first`, `${prefix}deep/object`, prefix.slice(0, -1)])
      await sink.put(objectKey(key), bytesSource("x"));
    expect(await Repository.open(sink)).to.equal(undefined);
    expect((await Repository.openOrCreate(sink, new Date())).info.id).to.be.a("string");
    expect(await Repository.open(sink)).not.to.equal(undefined);
  });

  it("doesn't hide what is beside it", async () => {
    const sink = memorySink();
    await sink.put(objectKey(`${prefix}first`), bytesSource("x"));
    await sink.put(objectKey(`${SCRATCH}list.txt`), bytesSource("x"));
    let caught: unknown;
    await Repository.open(sink).catch((error: unknown) => (caught = error));
    expect(caught).to.be.instanceOf(EngineError).with.property("message").that.includes("check-list.txt");
  });
});
