import { expect } from "chai";
import { nextJob, type JobPlan } from "../dist/service/plan-job.js";

const HOUR = 3_600_000;
const NOON = Date.UTC(2026, 10, 24, 12);

/** Minutes until a verification that never was, so long after the start. */
function verifiedIn(schedule: JobPlan["schedule"], afterStart: number): number | undefined {
  const plan: JobPlan = {
    schedule,
    last: undefined,
    started: { wall: NOON, steady: 0 },
    firstWithin: HOUR,
    wanted: undefined,
    notBefore: undefined,
  };
  const next = nextJob({ verify: plan }, { wall: NOON + afterStart, steady: afterStart }, "nas");
  return next && next.wait / 60_000;
}

describe("what was never done", () => {
  it("waits for its time of day, if it has one", () => {
    const nightly = { kind: "cron", expression: "30 3 * * *", timezone: "UTC", jitter: 0 } as const;
    expect(verifiedIn(nightly, 0)).to.equal(15 * 60 + 30);
    expect(verifiedIn(nightly, HOUR)).to.equal(14 * 60 + 30);
    expect(verifiedIn(nightly, 15.5 * HOUR)).to.equal(0);
  });

  it("is done after its interval, and within an hour where that is longer", () => {
    expect(verifiedIn({ kind: "every", milliseconds: 90_000, jitter: 0 }, 0)).to.equal(1.5);
    expect(verifiedIn({ kind: "every", milliseconds: 24 * HOUR, jitter: 0 }, 0)).to.equal(60);
    expect(verifiedIn({ kind: "every", milliseconds: 24 * HOUR, jitter: 0 }, 2 * HOUR)).to.equal(0);
  });

  it("is never done without a schedule", () => {
    expect(verifiedIn({ kind: "never" }, 0)).to.equal(undefined);
  });
});
