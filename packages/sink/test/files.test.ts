import { expect } from "chai";
import fc from "fast-check";
import {
  dirModeSchema,
  fileModeSchema,
  isObjectKey,
  isSinkError,
  newTempName,
  parseMode,
  parseTempName,
  writerState,
} from "@axon-backup/sink";

describe("temporary names", () => {
  it("are outside the key grammar, differ, and tell their writer", () => {
    const [one, two] = [newTempName(), newTempName()];
    expect(one).not.to.equal(two);
    expect(isObjectKey(one)).to.be.false;
    const writer = parseTempName(one);
    expect(writer).to.include({ pid: process.pid });
    expect(writer && writerState(writer)).to.equal("alive");
  });

  it("of other machines, and of processes that are gone, are told apart", () => {
    const writer = parseTempName(newTempName());
    if (writer === undefined) throw new Error("a name of ours isn't one");
    expect(writerState({ ...writer, machine: "000000000000" })).to.equal("elsewhere");
    // Above the highest that Linux gives.
    expect(writerState({ ...writer, pid: 2 ** 22 + 1 })).to.equal("dead");
  });

  it("of others aren't ours", () => {
    for (const name of [".tmp-by-someone-else", "", ".tmp-", `${newTempName()}x`, `x${newTempName()}`])
      expect(parseTempName(name), name).to.equal(undefined);
    fc.assert(fc.property(fc.string(), (name) => parseTempName(name) === undefined));
  });
});

describe("modes", () => {
  it("are octal, with a default", () => {
    expect(parseMode("file_mode", undefined, fileModeSchema)).to.equal(0o600);
    expect(parseMode("file_mode", "0640", fileModeSchema)).to.equal(0o640);
    expect(parseMode("dir_mode", "750", dirModeSchema)).to.equal(0o750);
  });

  it("that shut the owner out are refused", () => {
    for (const mode of ["0400", "0200", "0644x", "", "rw"])
      expect(() => parseMode("file_mode", mode, fileModeSchema), mode).to.throw("not a usable mode");
    try {
      parseMode("dir_mode", "0600", dirModeSchema);
      expect.fail("a directory without x");
    } catch (error) {
      expect(isSinkError(error, "invalid")).to.be.true;
    }
  });
});
