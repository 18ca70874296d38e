import { expect } from "chai";
import fc from "fast-check";
import { isObjectKey, joinKey, MAX_KEY_BYTES, MAX_PART_BYTES, objectKey } from "@axon-backup/sink";

const first = Array.from("ABCXYZabcxyz0123456789_%=@+-");
const part = fc
  .tuple(
    fc.constantFrom(...first),
    fc.string({ unit: fc.constantFrom(...first, "."), maxLength: MAX_PART_BYTES - 1 }),
  )
  .map((characters) => characters.join(""));
const key = fc
  .array(part, { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join("/"))
  .filter((text) => text.length <= MAX_KEY_BYTES);

describe("object keys", () => {
  it("are what the grammar makes", () => {
    fc.assert(fc.property(key, (text) => isObjectKey(text) && objectKey(text) === text));
  });

  it("hold no character beside the grammar's, anywhere", () => {
    fc.assert(
      fc.property(
        key,
        fc.string({ unit: "binary", minLength: 1, maxLength: 1 }),
        fc.nat(),
        (text, other, at) => {
          fc.pre(!/^[A-Za-z0-9._%=@+/-]$/.test(other));
          const place = at % (text.length + 1);
          return !isObjectKey(text.slice(0, place) + other + text.slice(place));
        },
      ),
    );
  });

  it("never lead out of a directory, whatever the text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom("a", ".", "/", "%", "\\", "\0", "\n"), maxLength: 12 }),
        (text) => {
          const parts = text.split("/");
          const bad = parts.some((name) => name === "" || name.startsWith(".") || /[\\\0\n]/.test(name));
          return isObjectKey(text) === !bad;
        },
      ),
    );
  });

  for (const text of [
    "",
    "/",
    "a/",
    "/a",
    "a//b",
    ".",
    "..",
    "a/../b",
    ".tmp",
    "a/.b",
    "a b",
    "ä",
    "a\n",
    "a\\b",
    "a:b",
  ])
    it(`are not ${JSON.stringify(text)}`, () => {
      expect(isObjectKey(text)).to.be.false;
      expect(() => objectKey(text)).to.throw(RangeError, "not a valid object key");
    });

  it("have parts of at most 200 bytes, and at most 800 altogether", () => {
    const longest = "p".repeat(MAX_PART_BYTES);
    expect(isObjectKey(longest)).to.be.true;
    expect(isObjectKey(`${longest}p`)).to.be.false;
    const whole = [longest, longest, longest, "p".repeat(MAX_KEY_BYTES - 3 * MAX_PART_BYTES - 3)].join("/");
    expect(whole).to.have.length(MAX_KEY_BYTES);
    expect(isObjectKey(whole)).to.be.true;
    expect(isObjectKey(`${whole}p`)).to.be.false;
  });

  it("are joined of parts, which may hold several", () => {
    expect(joinKey("contexts/default", "events", "0.events")).to.equal("contexts/default/events/0.events");
    expect(() => joinKey("a", "", "b")).to.throw(RangeError);
    expect(() => joinKey("a", "..")).to.throw(RangeError);
  });
});
