import { expect } from "chai";
import fc from "fast-check";
import { parseTime } from "../dist/cli/parse-time.js";
import { UsageError } from "../dist/errors/usage-error.js";

const refusal = (text: string): UsageError => {
  try {
    parseTime(text);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
  throw new Error(`${text} was taken`);
};

describe("a time on the command line", () => {
  it("is ISO 8601 with a zone, to the millisecond", () => {
    for (const [text, iso] of [
      ["2026-11-24T06:30:00Z", "2026-11-24T06:30:00.000Z"],
      ["2026-11-24t06:30z", "2026-11-24T06:30:00.000Z"],
      ["2026-11-24T06:30:00.5+02:00", "2026-11-24T04:30:00.500Z"],
      ["2026-11-24T00:15:00,123999-0530", "2026-11-24T05:45:00.123Z"],
      ["2026-01-01T00:00:00+14", "2025-12-31T10:00:00.000Z"],
      ["2024-02-29T23:59:59.999Z", "2024-02-29T23:59:59.999Z"],
    ] as const)
      expect(parseTime(text).toISOString(), text).to.equal(iso);
  });

  it("is the moment that was written, whatever the zone", () => {
    fc.assert(
      fc.property(
        fc.date({
          min: new Date("1970-01-02T00:00:00Z"),
          max: new Date("2200-01-01T00:00:00Z"),
          noInvalidDate: true,
        }),
        fc.integer({ min: -14 * 60, max: 14 * 60 }),
        (time, east) => {
          const there = new Date(time.getTime() + east * 60_000).toISOString().slice(0, -1);
          const digits = (value: number): string => String(Math.floor(value)).padStart(2, "0");
          const zone = `${east < 0 ? "-" : "+"}${digits(Math.abs(east) / 60)}:${digits(Math.abs(east) % 60)}`;
          expect(parseTime(there + zone).getTime()).to.equal(time.getTime());
        },
      ),
    );
  });

  it("without a zone is refused, with both ways to write it", () => {
    const { message, remedy } = refusal("2026-11-24T06:30:00");
    expect(message).to.contain("has no zone");
    expect(remedy)
      .to.contain("2026-11-24T06:30:00Z")
      .and.match(/2026-11-24T06:30:00[+-]\d\d:\d\d is that time/);
  });

  it("that doesn't exist, or isn't one, is refused", () => {
    for (const text of [
      "2026-02-30T00:00:00Z",
      "2026-11-24T24:00:00Z",
      "2026-11-24T06:60:00Z",
      "2026-11-24T06:30:00+24:00",
      "2026-13-01T00:00Z",
    ])
      expect(refusal(text).message, text).to.contain("doesn't exist");
    for (const text of [
      "",
      "yesterday",
      "2026-11-24",
      "06:30Z",
      "1700000000",
      "2026-11-24 06:30:00Z",
      "2026-11-24T06:30:00 Z",
    ])
      expect(refusal(text).remedy, text).to.contain("ISO 8601");
  });
});
