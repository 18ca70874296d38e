import { expect } from "chai";
import fc from "fast-check";
import { AGENT_SCHEMA } from "../dist/config/agent-schema.js";
import { parseDuration } from "../dist/config/duration.js";
import { editDistance, suggestKey } from "../dist/config/suggest.js";

describe("suggestions", () => {
  const keys = ["url", "token", "tls", "storage", "control_db", "paths", "timeouts"];

  it("are made for any unknown key that is one edit from a known one", () => {
    const edit = fc.tuple(
      fc.constantFrom(...keys),
      fc.nat(),
      fc.constantFrom("delete", "insert", "replace"),
      fc.constantFrom("a", "b", "c", "x", "y", "z"),
    );
    fc.assert(
      fc.property(edit, ([key, at, how, letter]) => {
        const i = at % key.length;
        const rest = key.slice(how === "insert" ? i : i + 1);
        const typo = key.slice(0, i) + (how === "delete" ? "" : letter) + rest;
        fc.pre(!keys.includes(typo));
        const suggestion = suggestKey(AGENT_SCHEMA, ["server"], typo);
        expect(suggestion).to.match(/^server\./);
        expect(editDistance(suggestion?.replace("server.", "") ?? "", typo)).to.be.at.most(1);
      }),
    );
  });

  it("measure distance as single edits, swapped neighbours included", () => {
    expect(editDistance("storage", "storaeg")).to.equal(1);
    expect(editDistance("", "abc")).to.equal(3);
    fc.assert(
      fc.property(fc.string(), fc.string(), (a, b) => {
        expect(editDistance(a, b)).to.equal(editDistance(b, a));
        expect(editDistance(a, b) === 0).to.equal(a === b);
        expect(editDistance(a, b)).to.be.at.most(Math.max(a.length, b.length));
      }),
    );
  });
});

describe("durations", () => {
  it("are numbers with a unit", () => {
    expect(["1ms", "10s", "1.5m", "2h", "1d"].map(parseDuration)).to.deep.equal([
      1, 10_000, 90_000, 7_200_000, 86_400_000,
    ]);
    for (const text of ["", "10", "s", "-1s", "1w", "0s", "25d", "1e3s"])
      expect(() => parseDuration(text), text).to.throw(RangeError);
  });
});
