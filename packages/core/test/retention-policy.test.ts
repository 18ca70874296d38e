import { expect } from "chai";
import fc from "fast-check";
import {
  type Decision,
  type KeepReason,
  nextRestorePointId,
  type RestorePointId,
  type RetentionRules,
  timeOf,
  type VerifiedRestorePoint,
} from "../dist/index.js";
import { periodOf, PERIODS } from "../dist/retention/periods.js";
import { applyPolicy, type PolicyInput, type RetainedPoint } from "../dist/retention/policy.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const id = (time: string): RestorePointId => nextRestorePointId(new Date(time));
const point = (time: string, ...timelines: readonly number[]): RetainedPoint => ({
  id: id(time),
  started: new Date(time),
  lines: timelines.map((timeline) => ({ context: "default", timeline })),
});

function decide(points: readonly RetainedPoint[], rules: RetentionRules, more: Partial<PolicyInput> = {}) {
  const newest = points.at(-1);
  const now = new Date((newest === undefined ? 0 : timeOf(newest.id).getTime()) + HOUR);
  return applyPolicy({ points, rules, verified: [], now, ...more });
}

/** The times of those that stay, without the date's rest. */
const kept = (decisions: readonly Decision[]): string[] =>
  decisions
    .filter(({ reasons }) => reasons.length > 0)
    .map((decision) => timeOf(decision.id).toISOString().slice(0, 16));

describe("the rules of retention", () => {
  it("keep_daily: the newest of each of so many days that have any, and of fewer days the oldest as well", () => {
    const points = [
      "2026-11-01T08:00Z",
      "2026-11-02T08:00Z",
      "2026-11-02T11:00Z",
      "2026-11-04T09:00Z",
      "2026-11-05T10:00Z",
    ].map((time) => point(time, 0));
    expect(kept(decide(points, { daily: 3 }))).to.deep.equal([
      "2026-11-02T11:00",
      "2026-11-04T09:00",
      "2026-11-05T10:00",
    ]);
    expect(kept(decide(points, { monthly: 2 }))).to.deep.equal(["2026-11-01T08:00", "2026-11-05T10:00"]);
    expect(kept(decide(points, { monthly: 1 }))).to.deep.equal(["2026-11-05T10:00"]);
    expect(kept(decide(points, { last: 2 }))).to.deep.equal(["2026-11-04T09:00", "2026-11-05T10:00"]);
    expect(kept(decide(points, { within: 3 * DAY }))).to.deep.equal([
      "2026-11-02T11:00",
      "2026-11-04T09:00",
      "2026-11-05T10:00",
    ]);
  });

  it("a day, a week, a month and a year are those of UTC; a week is from Monday to Sunday", () => {
    const same = (period: (typeof PERIODS)[number], one: string, other: string): boolean =>
      periodOf(new Date(one), period) === periodOf(new Date(other), period);
    expect(same("hourly", "2026-10-25T00:00Z", "2026-10-25T00:59:59.999Z")).to.equal(true);
    expect(same("hourly", "2026-10-25T00:59:59.999Z", "2026-10-25T01:00Z")).to.equal(false);
    expect(same("daily", "2026-03-29T00:00Z", "2026-03-29T23:59:59.999Z")).to.equal(true);
    expect(same("daily", "2026-03-28T23:59:59.999Z", "2026-03-29T00:00Z")).to.equal(false);
    // 1 January 2027 is a Friday, in the last week of 2026.
    expect(same("weekly", "2026-12-28T00:00Z", "2027-01-03T23:59Z")).to.equal(true);
    expect(same("weekly", "2026-12-27T23:59Z", "2026-12-28T00:00Z")).to.equal(false);
    expect(same("weekly", "2027-01-03T23:59Z", "2027-01-04T00:00Z")).to.equal(false);
    expect(same("monthly", "2026-02-01T00:00Z", "2026-02-28T23:59Z")).to.equal(true);
    expect(same("monthly", "2025-02-01T00:00Z", "2026-02-01T00:00Z")).to.equal(false);
    expect(same("yearly", "2026-01-01T00:00Z", "2026-12-31T23:59Z")).to.equal(true);
  });

  it("keep the newest and the newest verified ones, whatever they say", () => {
    const points = ["2026-11-01T00:00Z", "2026-11-02T00:00Z", "2026-11-03T00:00Z", "2026-11-04T00:00Z"].map(
      (time) => point(time, 0),
    );
    const verified: VerifiedRestorePoint[] = [
      { id: id("2026-11-01T00:00Z"), depth: "data", verified: "" },
      { id: id("2026-11-01T00:00Z"), depth: "objects", verified: "" },
      { id: id("2026-11-02T00:00Z"), depth: "objects", verified: "" },
      { id: id("2026-10-02T00:00Z"), depth: "data", verified: "" },
    ];
    const decisions = decide(points, { last: 0 }, { verified });
    expect(decisions.map(({ reasons }) => reasons)).to.deep.equal([
      ["verified-data"],
      ["verified-objects"],
      [],
      ["newest"],
    ]);
  });

  it("without rules all are kept, and keep_abandoned is none", () => {
    const points = [point("2020-01-01T00:00Z", 0), point("2026-01-01T00:00Z", 1)];
    for (const rules of [{}, { abandoned: 1 }]) expect(kept(decide(points, rules))).to.have.length(2);
  });

  it("the last restore point of an abandoned timeline is kept for keep_abandoned, from when it was given up", () => {
    const second = (time: string): RetainedPoint => ({
      ...point(time),
      lines: [
        { context: "default", timeline: 1, branch: { timeline: 0, begun: new Date("2026-01-02T00:00Z") } },
      ],
    });
    const points = [
      point("2025-12-20T00:00Z", 0),
      point("2025-12-24T00:00Z", 0),
      second("2026-01-11T00:00Z"),
      second("2026-01-12T00:00Z"),
    ];
    const [first, last] = decide(points, { last: 1 });
    expect(first?.reasons).to.deep.equal([]);
    expect(last?.reasons).to.deep.equal(["abandoned"]);
    expect(last?.abandoned).to.deep.equal([{ context: "default", timeline: 0 }]);
    expect(kept(decide(points, { last: 1, abandoned: 10 * DAY }))).to.have.length(2);
    expect(kept(decide(points, { last: 1, abandoned: 10 * DAY - 1 }))).to.have.length(1);
  });

  it("a timeline was given up when the server last left it, and not when it did so before it came back", () => {
    const on = (time: string, timeline: number, begun?: string): RetainedPoint => ({
      ...point(time),
      lines: [
        {
          context: "default",
          timeline,
          ...(begun !== undefined && { branch: { timeline: 0, begun: new Date(begun) } }),
        },
      ],
    });
    const points = [
      on("2026-01-01T00:00Z", 0),
      on("2026-01-02T00:00Z", 1, "2026-01-02T00:00Z"),
      on("2026-01-03T00:00Z", 0),
      on("2026-01-20T00:00Z", 2, "2026-01-20T00:00Z"),
    ];
    const rules = { last: 1, abandoned: 17 * DAY };
    expect(decide(points, rules).map(({ reasons }) => reasons)).to.deep.equal([
      [],
      ["abandoned"],
      ["abandoned", "without-abandoned"],
      ["newest", "last"],
    ]);
    expect(kept(decide(points, { last: 1, abandoned: 17 * DAY - 1 }))).to.deep.equal([
      "2026-01-03T00:00",
      "2026-01-20T00:00",
    ]);
  });

  it("of a context that is left out, the first restore point without it is kept as long: it tells since when", () => {
    const points = [
      { ...point("2026-01-01T00:00Z"), lines: [{ context: "orders", timeline: 0 }] },
      ...["2026-01-10T00:00Z", "2026-01-12T00:00Z", "2026-01-14T00:00Z"].map((time) => point(time, 0)),
    ];
    const decisions = decide(points, { last: 1, abandoned: 7 * DAY });
    expect(decisions.map(({ reasons }) => reasons)).to.deep.equal([
      ["abandoned"],
      ["without-abandoned"],
      [],
      ["newest", "last"],
    ]);
    expect(
      kept(decide([...points, point("2026-01-18T00:00Z", 0)], { last: 1, abandoned: 7 * DAY })),
    ).to.deep.equal(["2026-01-18T00:00"]);
  });

  it("go by when a restore point was made, where its id is of a clock that was ahead", () => {
    // The first id is ten days ahead; those after it follow it by a millisecond each.
    const made = ["2026-01-01T00:00Z", "2026-01-02T00:00Z", "2026-01-03T00:00Z", "2026-01-04T00:00Z"];
    const points = made.map((time, number) => ({
      ...point(new Date(Date.parse("2026-01-12T00:00Z") + number).toISOString(), 0),
      started: new Date(number === 0 ? "2026-01-12T00:00Z" : time),
    }));
    const daily = decide(points, { daily: 3 }, { now: new Date("2026-01-04T01:00Z") });
    expect(daily.map(({ reasons }) => reasons)).to.deep.equal([
      ["future"],
      ["daily"],
      ["daily"],
      ["newest", "daily"],
    ]);
    const within = decide(points, { within: DAY }, { now: new Date("2026-02-01T00:00Z") });
    expect(within.map(({ reasons }) => reasons.length > 0)).to.deep.equal([true, false, true, true]);
  });

  it("one restore point after a long gap makes nothing old: its clock may have jumped", () => {
    const times = ["2026-01-01T00:00Z", "2026-01-02T00:00Z", "2027-02-06T00:00Z"];
    const points = times.map((time) => point(time, 0));
    expect(kept(decide(points, { within: 2 * DAY }))).to.have.length(3);
    const confirmed = [...points, point("2027-02-07T00:00Z", 0)];
    expect(kept(decide(confirmed, { within: 2 * DAY }))).to.have.length(2);
  });

  it("a context that isn't backed up any more is abandoned as well", () => {
    const with2 = { ...point("2026-01-02T00:00Z", 0) };
    const points = [
      { ...with2, lines: [...with2.lines, { context: "orders", timeline: 0 }] },
      point("2026-01-03T00:00Z", 0),
    ];
    expect(decide(points, { last: 1 })[0]?.abandoned).to.deep.equal([{ context: "orders", timeline: 0 }]);
  });

  it("what is of the future stays, and makes nothing else old", () => {
    const points = ["2026-01-01T00:00Z", "2026-01-02T00:00Z", "2031-01-01T00:00Z"].map((time) =>
      point(time, 0),
    );
    const now = new Date("2026-01-02T01:00Z");
    const decisions = decide(points, { within: 2 * DAY }, { now });
    expect(decisions.map(({ reasons }) => reasons)).to.deep.equal([
      ["within"],
      ["within"],
      ["newest", "future", "within"],
    ]);
  });

  it("nothing is decided where nothing is", () => {
    expect(decide([], { last: 3 })).to.deep.equal([]);
  });
});

/** Restore points minutes to months apart, some verified, some of other timelines. */
const histories = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.integer({ min: 1, max: 5 * HOUR }), fc.integer({ min: 1, max: 200 * DAY })),
      lines: fc.uniqueArray(fc.record({ context: fc.constantFrom("a", "b"), timeline: fc.nat(2) }), {
        maxLength: 3,
        selector: ({ context, timeline }) => `${context}${timeline}`,
      }),
      verified: fc.option(fc.constantFrom("data" as const, "objects" as const), { freq: 5 }),
    }),
    { maxLength: 40 },
  )
  .map((entries) => {
    let time = Date.parse("2019-12-30T20:00Z");
    const points: RetainedPoint[] = [];
    const verified: VerifiedRestorePoint[] = [];
    for (const { gap, lines, verified: depth } of entries) {
      time += gap;
      const next = { id: nextRestorePointId(new Date(time)), started: new Date(time), lines };
      points.push(next);
      if (depth) verified.push({ id: next.id, depth, verified: "" });
    }
    return { points, verified, end: time };
  });

const count = fc.option(fc.nat(6), { nil: undefined });
const span = fc.option(fc.integer({ min: 1, max: 400 * DAY }), { nil: undefined });
const policies: fc.Arbitrary<RetentionRules> = fc
  .record({
    last: count,
    within: span,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    abandoned: span,
  })
  .map(
    (rules) =>
      Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined)) as RetentionRules,
  );

/** What restic's rules say, each by itself, with dates as text and no cleverness. */
function naive({ points, rules, verified, now }: PolicyInput): Set<RestorePointId> {
  const all = points.map((entry) => entry.id);
  const result = new Set<RestorePointId>(all.slice(-1));
  if (Object.keys(rules).every((rule) => rule === "abandoned")) return new Set(all);
  for (const depth of ["data", "objects"])
    for (const entry of all
      .filter((one) => verified.some((v) => v.id === one && v.depth === depth))
      .slice(-1))
      result.add(entry);
  const past = all.filter((entry) => timeOf(entry).getTime() <= now.getTime());
  for (const entry of all) if (!past.includes(entry)) result.add(entry);
  const times = past.map((entry) => timeOf(entry).getTime());
  const [before, latest] = [times.at(-2), times.at(-1)];
  const isAfterGap = before !== undefined && latest !== undefined && latest - before > 40 * DAY;
  const reference = (isAfterGap ? before : latest) ?? now.getTime();
  if (rules.last) for (const entry of all.slice(-rules.last)) result.add(entry);
  for (const entry of all)
    if (rules.within !== undefined && timeOf(entry).getTime() + rules.within >= reference) result.add(entry);
  const monday = (time: Date): string => {
    const day = new Date(time);
    while (day.getUTCDay() !== 1) day.setUTCDate(day.getUTCDate() - 1);
    return day.toISOString().slice(0, 10);
  };
  const names = {
    hourly: (time: Date) => time.toISOString().slice(0, 13),
    daily: (time: Date) => time.toISOString().slice(0, 10),
    weekly: monday,
    monthly: (time: Date) => time.toISOString().slice(0, 7),
    yearly: (time: Date) => time.toISOString().slice(0, 4),
  };
  for (const period of PERIODS) {
    const number = rules[period] ?? 0;
    const groups = new Map<string, RestorePointId>();
    for (const entry of past) groups.set(names[period](timeOf(entry)), entry);
    const newest = [...groups.values()].slice(-number || past.length);
    if (number > 0) for (const entry of newest) result.add(entry);
    if (number > newest.length) for (const entry of past.slice(0, 1)) result.add(entry);
  }
  for (const context of ["a", "b"])
    for (const timeline of [0, 1, 2]) {
      const holders = points.filter(({ lines }) =>
        lines.some((line) => line.context === context && line.timeline === timeline),
      );
      const last = holders.at(-1);
      if (last === undefined || last === points.at(-1)) continue;
      const witness = points[points.indexOf(last) + 1];
      if (witness === undefined) continue;
      if (timeOf(witness.id).getTime() + (rules.abandoned ?? Infinity) < reference) continue;
      result.add(last.id);
      if (rules.abandoned !== undefined) result.add(witness.id);
    }
  return result;
}

const keptIds = (input: PolicyInput): RestorePointId[] =>
  applyPolicy(input)
    .filter(({ reasons }) => reasons.length > 0)
    .map((decision) => decision.id);

describe("the rules of retention, on any history", () => {
  const inputs = fc
    .tuple(
      histories,
      policies,
      fc.oneof(
        { weight: 5, arbitrary: fc.constant(HOUR) },
        { weight: 1, arbitrary: fc.integer({ min: -300 * DAY, max: 0 }) },
      ),
    )
    .map(([{ points, verified, end }, rules, late]): PolicyInput => ({
      points,
      verified,
      rules,
      now: new Date(end + late),
    }));

  it("keep what each of them by itself says", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(new Set(keptIds(input))).to.deep.equal(naive(input));
      }),
      { numRuns: 1500 },
    );
  });

  it("keep the newest and the newest verified, and one that stays has a reason that is true of one alone or of its rule", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const decisions = applyPolicy(input);
        expect(decisions.map((decision) => decision.id)).to.deep.equal(input.points.map((entry) => entry.id));
        const once: KeepReason[] = ["newest", "verified-data", "verified-objects"];
        for (const reason of once)
          expect(decisions.filter(({ reasons }) => reasons.includes(reason)).length).to.be.at.most(1);
        if (decisions.length > 0) expect(decisions.at(-1)?.reasons).to.include("newest");
        for (const depth of ["data", "objects"] as const)
          if (input.verified.some((entry) => entry.depth === depth))
            expect(decisions.some(({ reasons }) => reasons.includes(`verified-${depth}`))).to.equal(true);
      }),
      { numRuns: 500 },
    );
  });

  it("say the same again of what they have left", () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const left = keptIds(input);
        const points = input.points.filter((entry) => left.includes(entry.id));
        expect(keptIds({ ...input, points })).to.deep.equal(left);
      }),
      { numRuns: 1500 },
    );
  });

  it("keep no less when they are loosened", () => {
    fc.assert(
      fc.property(
        inputs,
        fc.constantFrom("last", "within", ...PERIODS, "abandoned"),
        fc.nat(100),
        (input, rule, more) => {
          const { rules } = input;
          // Of no rule, there is none to loosen; and the first one takes the place of "all".
          if (rules[rule] === undefined && (rule === "abandoned" || Object.keys(rules).length === 0)) return;
          if (Object.keys(rules).every((name) => name === "abandoned")) return;
          const loose = { ...rules, [rule]: (rules[rule] ?? 0) + more };
          expect(keptIds({ ...input, rules: loose })).to.include.members(keptIds(input));
        },
      ),
      { numRuns: 1500 },
    );
  });
});
