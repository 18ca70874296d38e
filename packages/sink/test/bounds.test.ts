import { expect } from "chai";
import { checkKeep, checkRange, SinkError } from "../dist/index.js";

describe("the bounds that a sink is given", () => {
  const wrong = [-1, 1.5, NaN, Infinity, Number.MAX_SAFE_INTEGER + 1];

  it("are numbers of bytes, or left out", () => {
    checkRange(undefined);
    for (const value of [0, 1, Number.MAX_SAFE_INTEGER]) {
      checkRange({ offset: value });
      checkRange({ offset: 0, length: value });
      checkKeep(value);
    }
  });

  for (const value of wrong)
    it(`${value} is none, and invalid`, () => {
      for (const check of [
        () => {
          checkRange({ offset: value });
        },
        () => {
          checkRange({ offset: 0, length: value });
        },
        () => {
          checkKeep(value);
        },
      ])
        expect(check).to.throw(SinkError, String(value)).with.property("kind", "invalid");
    });
});
