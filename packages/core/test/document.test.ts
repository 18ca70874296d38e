import { expect } from "chai";
import fc from "fast-check";
import { EngineError } from "../dist/errors.js";
import { decodeDocument, encodeDocument } from "../dist/repository/document.js";
import {
  contextPrefix,
  damagedKey,
  damageMarkKey,
  encodeContext,
  storeFileKey,
} from "../dist/repository/layout.js";
import {
  isRestorePointId,
  nextRestorePointId,
  restorePointId,
  timeOf,
} from "../dist/repository/restore-point-id.js";

describe("documents of a repository", () => {
  const body = { id: "20261124T055901.123Z", list: [1, 2, 3], text: "grün", nested: { empty: null } };

  it("come back as they were written", () => {
    expect(decodeDocument("restore-point", encodeDocument("restore-point", body), "x")).to.deep.equal(body);
  });

  it("are known as damaged after any single flipped bit, and after any cut", () => {
    const bytes = encodeDocument("restore-point", body);
    const isDamage = (damaged: Uint8Array): boolean => {
      try {
        decodeDocument("restore-point", damaged, "restore-points/x.json");
        return false;
      } catch (error) {
        return (
          error instanceof EngineError &&
          error.kind === "damage" &&
          error.message.includes("restore-points/x.json")
        );
      }
    };
    for (let bit = 0; bit < bytes.byteLength * 8; bit++) {
      const damaged = bytes.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(isDamage(damaged), `bit ${bit}`).to.be.true;
    }
    for (let length = 0; length < bytes.byteLength; length++)
      expect(isDamage(bytes.slice(0, length)), `cut at ${length}`).to.be.true;
  });

  it("are not taken for another kind", () => {
    expect(() => decodeDocument("page", encodeDocument("checkpoint", body), "x")).to.throw(EngineError);
  });
});

describe("restore point ids", () => {
  it("tell their time and sort by it, whatever the clock does", () => {
    const time = fc.integer({ min: 0, max: 4_000_000_000_000 });
    fc.assert(
      fc.property(time, time, (first, second) => {
        const one = nextRestorePointId(new Date(first));
        const two = nextRestorePointId(new Date(second), one);
        expect(timeOf(one).getTime()).to.equal(first);
        expect(two > one, `${two} after ${one}`).to.be.true;
        expect(restorePointId(two)).to.equal(two);
      }),
    );
  });

  it("are refused in any other form", () => {
    for (const text of [
      "",
      "latest",
      "20261124T055901Z",
      "20261324T055901.123Z",
      "20260230T055901.123Z",
      "../20261124T055901.123Z",
    ])
      expect(isRestorePointId(text), text).to.be.false;
  });
});

describe("the layout's keys", () => {
  it("keep contexts apart, whatever their names", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
        fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }),
        (one, two) => {
          fc.pre(one !== two);
          expect(encodeContext(one)).to.match(/^[A-Za-z0-9_%-]+$/);
          expect(encodeContext(one)).to.not.equal(encodeContext(two));
        },
      ),
    );
    expect(contextPrefix("a@1", 0)).to.not.equal(contextPrefix("a", 1));
  });

  it("name damaged objects and find them back", () => {
    const key = storeFileKey("default", 0, "events", "00000000000000000000.events");
    expect(key).to.equal("contexts/default/events/00000000000000000000.events");
    expect(damagedKey(damageMarkKey(key))).to.equal(key);
  });
});
