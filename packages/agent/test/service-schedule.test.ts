import { expect } from "chai";
import fc from "fast-check";
import type { Schedule } from "../dist/config/schedule.js";
import { dueIn, longestInterval, notInTheFuture } from "../dist/service/schedule.js";
import type { Moment } from "../dist/service/time.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const every = (milliseconds: number, jitter = 0): Schedule => ({ kind: "every", milliseconds, jitter });
const cron = (expression: string, timezone = "UTC", jitter = 0): Schedule => ({
  kind: "cron",
  expression,
  timezone,
  jitter,
});

/** Both clocks go alike. */
const at = (time: string): Moment => {
  const wall = new Date(time).getTime();
  return { wall, steady: wall };
};

/** When it is due next, and after that, if nothing is ever late. */
function runs(schedule: Schedule, from: string, count: number): string[] {
  const found: string[] = [];
  for (let last = at(from); found.length < count;) {
    const wait = dueIn(schedule, last, last, "nas");
    if (wait === undefined) break;
    last = { wall: last.wall + wait, steady: last.steady + wait };
    found.push(new Date(last.wall).toISOString().replace(":00.000Z", "Z"));
  }
  return found;
}

describe("when something is due", () => {
  it("is so long after the last, or never", () => {
    expect(dueIn(every(HOUR), at("2026-01-01T12:00:00Z"), at("2026-01-01T12:20:00Z"), "nas")).to.equal(
      40 * MINUTE,
    );
    expect(dueIn({ kind: "never" }, at("2026-01-01T12:00:00Z"), at("2027-01-01T12:00:00Z"), "nas")).to.equal(
      undefined,
    );
  });

  it("is by the clock of its time zone, in summer and in winter", () => {
    expect(runs(cron("30 3 * * *", "Europe/Berlin"), "2026-10-23T12:00:00Z", 3)).to.deep.equal([
      "2026-10-24T01:30Z",
      "2026-10-25T02:30Z",
      "2026-10-26T02:30Z",
    ]);
    // On 29 March there is no half past two: an hour later. On 25 October there are two: once.
    expect(runs(cron("30 2 * * *", "Europe/Berlin"), "2026-03-28T12:00:00Z", 2)).to.deep.equal([
      "2026-03-29T01:00Z",
      "2026-03-30T00:30Z",
    ]);
    expect(runs(cron("30 2 * * *", "Europe/Berlin"), "2026-10-24T12:00:00Z", 2)).to.deep.equal([
      "2026-10-25T00:30Z",
      "2026-10-26T01:30Z",
    ]);
    expect(
      runs(cron("0 * * * *", "Europe/Berlin"), "2026-10-24T22:30:00Z", 4),
      "every hour is one",
    ).to.deep.equal(["2026-10-24T23:00Z", "2026-10-25T00:00Z", "2026-10-25T01:00Z", "2026-10-25T02:00Z"]);
  });

  it("is once, however often it was missed", () => {
    const late = at("2026-01-05T12:10:00Z");
    for (const schedule of [every(HOUR), cron("0 * * * *")]) {
      expect(dueIn(schedule, at("2026-01-01T12:00:00Z"), late, "nas")).to.be.at.most(0);
      expect(dueIn(schedule, late, late, "nas")).to.be.within(50 * MINUTE, HOUR);
    }
  });

  it("comes later by a part of the jitter that is the sink's own, and always the same", () => {
    const offsets = ["nas", "s3", "offsite"].map((seed) =>
      dueIn(
        cron("0 * * * *", "UTC", 10 * MINUTE),
        at("2026-01-01T12:30:00Z"),
        at("2026-01-01T12:30:00Z"),
        seed,
      ),
    );
    expect(new Set(offsets).size).to.equal(3);
    for (const offset of offsets) expect(offset).to.be.within(30 * MINUTE, 40 * MINUTE - 1);
    const [first, second] = runs(cron("0 * * * *", "UTC", 10 * MINUTE), "2026-01-01T12:30:00Z", 2).map(
      (time) => new Date(time).getTime(),
    );
    expect((second ?? 0) - (first ?? 0), "it isn't skipped, and doesn't come twice").to.equal(HOUR);
  });

  it("doesn't come twice when the clock is set back by a moment, and does come when it was a year ahead", () => {
    const last = at("2026-01-01T12:00:00.100Z");
    const back = { wall: last.wall - 500, steady: last.steady + 2000 };
    expect(dueIn(cron("0 * * * *"), notInTheFuture(last, back), back, "nas")).to.be.at.least(28_000);
    const ahead = at("2027-01-01T12:00:00Z");
    const corrected = { wall: ahead.wall - 365 * DAY, steady: ahead.steady + MINUTE };
    expect(dueIn(cron("0 * * * *"), notInTheFuture(ahead, corrected), corrected, "nas")).to.be.at.most(HOUR);
    expect(dueIn(every(HOUR), ahead, corrected, "nas")).to.equal(59 * MINUTE);
  });

  it("comes after a sleep in which the steady clock stood still", () => {
    const last = at("2026-01-01T12:00:00Z");
    const awake = { wall: last.wall + 8 * HOUR, steady: last.steady + MINUTE };
    expect(dueIn(every(HOUR), last, awake, "nas")).to.be.at.most(0);
  });

  it("tells its longest interval", () => {
    const now = new Date("2026-11-24T12:00:00Z");
    expect(longestInterval(every(HOUR, MINUTE), now)).to.equal(61 * MINUTE);
    expect(longestInterval(cron("0 9 * * 1-5"), now), "over a weekend").to.equal(3 * DAY);
    expect(longestInterval({ kind: "never" }, now)).to.equal(undefined);
  });

  // Whatever the clocks do, and however seldom somebody looks: as a worker does it.
  const step = fc.record({
    passes: fc.integer({ min: 1, max: HOUR }),
    set: fc.oneof(
      { weight: 5, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.integer({ min: -400 * DAY, max: 400 * DAY }) },
      { weight: 1, arbitrary: fc.integer({ min: -2 * MINUTE, max: 2 * MINUTE }) },
    ),
    sleeps: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 3 * DAY })),
  });
  for (const [name, schedule, longest] of [
    ["every hour", every(HOUR, 5 * MINUTE), HOUR + 5 * MINUTE],
    ["by the clock", cron("*/30 * * * *", "Europe/Berlin", MINUTE), 31 * MINUTE],
  ] as const)
    it(`is neither starved nor comes in bursts, whatever the clocks do: ${name}`, function () {
      this.timeout(20_000);
      fc.assert(
        fc.property(fc.array(step, { maxLength: 20 }), (steps) => {
          let now = at("2026-03-28T12:00:00Z");
          let last = now;
          /** By the steady clock: since when nothing was due, and no clock was set. */
          let calm = now.steady;
          for (const { passes, set, sleeps } of steps) {
            for (const look of looks(passes)) {
              now = { wall: now.wall + look, steady: now.steady + look };
              last = notInTheFuture(last, now);
              const wait = dueIn(schedule, last, now, "nas");
              if (wait !== undefined && wait <= 0) {
                last = now;
                calm = now.steady;
                expect(dueIn(schedule, last, now, "nas"), "not again at once").to.be.at.least(30_000);
              } else expect(now.steady - calm, "no starvation").to.be.at.most(longest + 1);
            }
            now = { wall: now.wall + set + sleeps, steady: now.steady };
            if (set !== 0 && schedule.kind === "cron") calm = now.steady;
          }
        }),
        { numRuns: 12 },
      );
    });
});

/** Somebody looks every half a minute. */
function looks(milliseconds: number): number[] {
  const parts: number[] = [];
  for (let left = milliseconds; left > 0; left -= 30_000) parts.push(Math.min(left, 30_000));
  return parts;
}
