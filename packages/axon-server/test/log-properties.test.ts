import { expect } from "chai";
import fc from "fast-check";

import { entriesEnd, logModel, readLog } from "./log-model.js";
import { split } from "./segment-model.js";

const anyCuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 12 });

describe("log scanner, properties", () => {
  it("finds what was written, in whatever pieces it comes", () => {
    fc.assert(
      fc.property(logModel, anyCuts, (model, cuts) => {
        const { scan, entries } = readLog(split(model.bytes, cuts), model.first);
        expect(entries).to.deep.equal(model.entries);
        const end = entriesEnd(model);
        const openEnd = entries.length === 0 ? 0 : end;
        expect(scan).to.deep.equal({
          state: model.complete ? "complete" : "open",
          formatVersion: 0,
          flags: 0,
          validBytes: model.complete ? end + 4 : openEnd,
          entries: entries.length,
          firstIndex: model.first,
          nextIndex: model.first + entries.length,
          firstTerm: entries[0]?.term,
          lastTerm: entries.at(-1)?.term,
          fallingTerm: undefined,
          length: model.bytes.length,
        });
      }),
      { numRuns: 300 },
    );
  });

  it("gives the same in single bytes", () => {
    fc.assert(
      fc.property(logModel, (model) => {
        const single = Array.from(model.bytes, (byte) => Uint8Array.of(byte));
        expect(readLog(single, model.first)).to.deep.equal(readLog([model.bytes], model.first));
      }),
      { numRuns: 50 },
    );
  });

  it("gives the longest valid prefix of a segment that is cut, at every byte", () => {
    fc.assert(
      fc.property(logModel, (model) => {
        const end = entriesEnd(model);
        for (let cut = 0; cut <= model.bytes.length; cut++) {
          const { scan, entries } = readLog([model.bytes.subarray(0, cut)], model.first);
          const whole = model.entries.filter((entry) => entry.end <= cut);
          expect(entries).to.deep.equal(whole);
          expect(scan).to.include({ length: cut, entries: whole.length });
          const valid = whole.at(-1)?.end ?? 5;
          const rest = model.bytes.subarray(valid, cut);
          if (cut < 5) expect(scan).to.include({ state: "torn", validBytes: 0 });
          else if (model.complete && cut >= end + 4)
            expect(scan).to.include({ state: "complete", validBytes: end + 4 });
          else if (rest.subarray(0, 4).every((byte) => byte === 0))
            expect(scan).to.include({ state: "open", validBytes: whole.length === 0 ? 0 : valid });
          else expect(scan).to.include({ state: "torn", validBytes: valid });
        }
      }),
      { numRuns: 40 },
    );
  });

  it("never takes an entry with a flipped bit of its size, version, data or CRC for valid", () => {
    fc.assert(
      fc.property(logModel, fc.nat({ max: 10_000_000 }), anyCuts, (model, at, cuts) => {
        const bit = at % (model.bytes.length * 8);
        const byte = Math.floor(bit / 8);
        const damaged = Buffer.from(model.bytes);
        damaged.writeUInt8(damaged.readUInt8(byte) ^ (1 << (bit % 8)), byte);
        const { scan, entries } = readLog(split(damaged, cuts), model.first);
        const hit = model.entries.findIndex(({ offset, end }) => byte >= offset && byte < end);
        const offset = byte - (model.entries[hit]?.offset ?? 0);
        if (byte === 0) {
          expect(entries).to.deep.equal([]);
          expect(scan).to.include({ state: "foreign", validBytes: model.bytes.length });
        } else if (hit >= 0 && offset >= 5 && offset < 17) {
          // Term and type are in no checksum: a term that isn't one tears, any other is taken for what it says.
          const isTerm = offset < 13;
          expect(entries.length).to.be.oneOf(isTerm ? [hit, model.entries.length] : [model.entries.length]);
          expect(entries.slice(0, hit)).to.deep.equal(model.entries.slice(0, hit));
        } else if (hit >= 0) {
          expect(entries).to.deep.equal(model.entries.slice(0, hit));
          // A size that became zero looks like the end of an open segment.
          expect(scan.state).to.be.oneOf(["torn", "open"]);
        } else expect(entries.slice(0, model.entries.length)).to.deep.equal(model.entries);
      }),
      { numRuns: 1000 },
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), anyCuts, logModel, (garbage, cuts, { first }) => {
        for (const bytes of [garbage, Buffer.concat([Buffer.alloc(7), garbage])]) {
          const { scan } = readLog(split(bytes, cuts), first);
          expect(scan.validBytes).to.be.at.most(bytes.length);
          expect(scan.nextIndex).to.equal(first + scan.entries);
        }
      }),
      { numRuns: 300 },
    );
  });
});
