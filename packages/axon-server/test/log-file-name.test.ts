import {
  compareLogFiles,
  logFileName,
  logIndex,
  parseLogFileName,
  whyNoLogFileName,
} from "@axon-backup/axon-server";
import { expect } from "chai";

const ONE = "00000000000000000001";

describe("log file names", () => {
  it("are those that the server gives", () => {
    expect(logFileName(logIndex(1))).to.equal(`${ONE}.log`);
    expect(parseLogFileName(`${ONE}.log`)).to.deep.equal({
      kind: "log-segment",
      name: `${ONE}.log`,
      first: 1,
    });
    expect(parseLogFileName(`${ONE}.index`)).to.include({ kind: "log-index", first: 1 });
    expect(parseLogFileName(logFileName(logIndex(Number.MAX_SAFE_INTEGER), "index"))).to.include({
      first: Number.MAX_SAFE_INTEGER,
    });
  });

  for (const name of [
    "",
    "00000000000001.log",
    "00000000000000000000.log",
    "00009007199254740992.log",
    `${ONE}.log.temp`,
    `${ONE}.events`,
    `${ONE}_00001.log`,
    `${ONE}.log\n`,
    `x${ONE}.log`,
    `${ONE}.LOG`,
    "0".repeat(10_000),
  ])
    it(`refuses ${JSON.stringify(name.slice(0, 30))}`, () => {
      expect(parseLogFileName(name)).to.equal(undefined);
      expect(whyNoLogFileName(name)).to.match(/\S{5}/);
    });

  it("sorts by first entry, the segment before its index", () => {
    const names = ["00000000000000000009.index", "00000000000000000009.log", `${ONE}.index`, `${ONE}.log`];
    const sorted = names.flatMap((name) => parseLogFileName(name) ?? []).sort(compareLogFiles);
    expect(sorted.map(({ name }) => name)).to.deep.equal([...names].reverse());
  });
});
