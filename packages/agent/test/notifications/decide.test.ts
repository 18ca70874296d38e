import { expect } from "chai";
import fc from "fast-check";
import { NOTIFIED_EVENTS } from "../../dist/config/notifications-types.js";
import type { ServiceEvent } from "../../dist/service/model.js";
import { type Memory, NO_MEMORY, type Notice } from "../../dist/service/notifications/conditions.js";
import { decide, type Input } from "../../dist/service/notifications/decide.js";
import type { Policy } from "../../dist/service/notifications/draft.js";
import { errorOf, failed, failureOf, HOUR, MINUTE, recovered, sinkOf, START, stateOf } from "./support.js";

const POLICY: Policy = { on: NOTIFIED_EVENTS, after: 2 * MINUTE, remind: 24 * HOUR };

/** A channel without I/O: time goes on with `at`, and what is due on the way is told as it is by its timer. */
class Teller {
  readonly told: (Notice & { readonly at: number })[] = [];
  #memory: Memory = NO_MEMORY;
  #now = 0;
  #wake: number | undefined;

  constructor(readonly policy: Policy = POLICY) {}

  at(time: number, input: Input = { kind: "time" }): this {
    while (this.#wake !== undefined && this.#wake <= time) this.#step(this.#wake, { kind: "time" });
    this.#step(time, input);
    return this;
  }

  event(time: number, event: ServiceEvent): this {
    return this.at(time, { kind: "event", event });
  }

  get words(): readonly string[] {
    return this.told.map(({ event, at, reminder }) => `${at / MINUTE}: ${reminder ? "still " : ""}${event}`);
  }

  #step(now: number, input: Input): void {
    expect(now).to.be.at.least(this.#now);
    this.#now = now;
    const { memory, notices, wake } = decide(this.policy, this.#memory, input, now);
    if (wake !== undefined) expect(wake, "a timer that is due already").to.be.above(now);
    this.#memory = memory;
    this.#wake = wake;
    this.told.push(...notices.map((notice) => ({ ...notice, at: now })));
  }
}

const late: ServiceEvent = {
  kind: "late",
  sink: "nas",
  at: START,
  what: "lag",
  reason: "120 s behind",
  contexts: ["default"],
};
const onTime: ServiceEvent = { kind: "on-time", sink: "nas", at: START, what: "lag" };
const damage = (...objects: string[]): ServiceEvent => ({ kind: "damage", sink: "nas", at: START, objects });
const rejected = (message: string): ServiceEvent => ({
  kind: "configuration-rejected",
  at: START,
  error: errorOf(message),
});

describe("what is told", () => {
  it("a failure that lasts, once, and that it is over", () => {
    const teller = new Teller()
      .event(0, failed("nas"))
      .event(MINUTE, failed("nas", { attempts: 2 }))
      .event(10 * MINUTE, failed("nas", { attempts: 9 }))
      .event(20 * MINUTE, recovered("nas"));
    expect(teller.words).to.deep.equal(["2: failed", "20: recovered"]);
    // With the newest attempt's error.
    expect(teller.told[0]?.trouble).to.have.nested.property("failure.attempts", 2);
  });

  it("nothing of a failure that is over soon", () => {
    expect(
      new Teller().event(0, failed("nas")).event(119_000, recovered("nas")).at(HOUR).words,
    ).to.deep.equal([]);
  });

  it("at once, with after: 0", () => {
    expect(new Teller({ ...POLICY, after: 0 }).event(0, failed("nas")).words).to.deep.equal(["0: failed"]);
  });

  it("again after remind, as long as it lasts", () => {
    const teller = new Teller().event(0, failed("nas"));
    for (let hour = 1; hour < 50; hour++) teller.event(hour * HOUR, failed("nas", { attempts: hour }));
    teller.event(50 * HOUR, recovered("nas")).at(100 * HOUR);
    expect(teller.words).to.deep.equal([
      "2: failed",
      "1442: still failed",
      "2882: still failed",
      "3000: recovered",
    ]);
  });

  it("never again, with remind: never", () => {
    const teller = new Teller({ ...POLICY, remind: undefined }).event(0, failed("nas")).at(1000 * HOUR);
    expect(teller.words).to.deep.equal(["2: failed"]);
  });

  it("each job and each sink for itself", () => {
    const teller = new Teller({ ...POLICY, after: 0 })
      .event(0, failed("nas"))
      .event(0, failed("nas", { job: "verify" }))
      .event(0, failed("s3"))
      .event(MINUTE, recovered("nas", "verify"));
    expect(teller.told.map(({ event, trouble }) => [event, trouble])).to.deep.include.members([
      ["recovered", { kind: "failed", sink: "nas", job: "verify", failure: failureOf("verify") }],
    ]);
    expect(teller.words).to.deep.equal(["0: failed", "0: failed", "0: failed", "1: recovered"]);
  });

  it("at once that a sink is late, and that it is on time", () => {
    const teller = new Teller()
      .event(0, late)
      .event(MINUTE, late)
      .event(2 * MINUTE, onTime)
      .event(3 * MINUTE, onTime);
    expect(teller.words).to.deep.equal(["0: late", "2: on-time"]);
  });

  it("damage at once, again when there is more of it, and that it is mended", () => {
    const damaged = (count: number): Input => ({
      kind: "state",
      state: stateOf([sinkOf("nas", { damagedObjects: count })]),
    });
    const teller = new Teller()
      // The state may follow the event.
      .at(0, damaged(0))
      .event(0, damage("a", "b"))
      .at(0, damaged(0))
      .at(MINUTE, damaged(2))
      .event(2 * MINUTE, damage("b"))
      .event(3 * MINUTE, damage("b", "c"))
      .at(3 * MINUTE, damaged(3))
      .at(4 * MINUTE, damaged(1))
      .at(5 * MINUTE, damaged(0));
    expect(teller.words).to.deep.equal(["0: damage", "3: damage", "5: recovered"]);
    expect(teller.told[1]?.trouble).to.deep.include({ objects: ["b", "c", "a"], count: 3 });
  });

  it("damage that is known from before, once, with the names when they come", () => {
    const state: Input = { kind: "state", state: stateOf([sinkOf("nas", { damagedObjects: 2 })]) };
    const named = new Teller().at(0, state).event(1000, damage("a", "b")).at(HOUR, state);
    expect(named.words.length).to.equal(1);
    expect(named.told[0]?.trouble).to.deep.include({ objects: ["a", "b"], count: 2 });
    const counted = new Teller().at(0, state).at(MINUTE, state).event(HOUR, damage("a", "b"));
    expect(counted.told.map(({ trouble }) => trouble)).to.deep.equal([
      { kind: "damage", sink: "nas", objects: [], count: 2 },
    ]);
  });

  it("a rejected configuration, again when it is wrong in another way, and that it is right", () => {
    const teller = new Teller()
      .event(0, rejected("one"))
      .event(MINUTE, rejected("one"))
      .event(2 * MINUTE, rejected("two"))
      .event(3 * MINUTE, { kind: "configuration-taken", at: START })
      .event(4 * MINUTE, { kind: "configuration-taken", at: START });
    expect(teller.words).to.deep.equal([
      "0: configuration-rejected",
      "2: configuration-rejected",
      "3: recovered",
    ]);
  });

  it("that a configuration is right again, though it is the one before", () => {
    const state = (rejectedConfiguration?: ReturnType<typeof errorOf>): Input => ({
      kind: "state",
      state: stateOf([sinkOf("nas")], { rejectedConfiguration }),
    });
    const teller = new Teller()
      .at(0, state())
      .event(0, rejected("one"))
      .at(0, state())
      .at(0, state(errorOf("one")));
    teller.at(MINUTE, state()).event(MINUTE, { kind: "configuration-taken", at: START });
    expect(teller.words).to.deep.equal(["0: configuration-rejected", "1: recovered"]);
  });

  it("each divergence once", () => {
    const diverged = (timeline: number): ServiceEvent => ({
      kind: "diverged",
      sink: "nas",
      at: START,
      timelines: [{ context: "default", timeline, from: null, reason: "changed", resumed: false }],
    });
    const teller = new Teller()
      .event(0, diverged(2))
      .event(MINUTE, diverged(2))
      .event(2 * MINUTE, diverged(3))
      .at(100 * HOUR);
    expect(teller.words).to.deep.equal(["0: diverged", "2: diverged"]);
  });

  it("what failed already when it began, after a restart say", () => {
    const state = stateOf([sinkOf("nas", { failure: failureOf() })], {
      rejectedConfiguration: errorOf("wrong"),
    });
    const teller = new Teller().at(0, { kind: "state", state }).at(MINUTE, { kind: "state", state });
    expect(teller.at(HOUR).words).to.deep.equal(["0: configuration-rejected", "2: failed"]);
  });

  it("nothing more of a sink that is gone", () => {
    const gone: Input = { kind: "state", state: stateOf([sinkOf("s3")]) };
    const teller = new Teller()
      .event(0, failed("nas"))
      .at(HOUR, gone)
      .at(100 * HOUR);
    expect(teller.words).to.deep.equal(["2: failed"]);
  });

  it("only what the channel wants", () => {
    const teller = new Teller({ ...POLICY, on: ["late"] })
      .event(0, failed("nas"))
      .event(0, late)
      .event(0, damage("a"))
      .event(HOUR, recovered("nas"))
      .event(HOUR, onTime);
    expect(teller.words).to.deep.equal(["0: late"]);
  });
});

/** What happens to some sinks: each event with the time that passes before it. */
const story = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 3 * MINUTE }), fc.integer({ min: 0, max: 30 * HOUR })),
    fc.oneof(
      fc
        .constantFrom("nas", "s3")
        .chain((sink) =>
          fc.constantFrom<ServiceEvent>(
            failed(sink),
            failed(sink, { attempts: 7, error: errorOf("in another way") }),
            failed(sink, { job: "verify" }),
            recovered(sink),
            recovered(sink, "verify"),
            { ...late, sink } as ServiceEvent,
            { ...onTime, sink } as ServiceEvent,
          ),
        ),
      fc.constant(undefined),
    ),
  ),
  { maxLength: 60 },
);
const policies = fc.record({
  on: fc.constant(NOTIFIED_EVENTS),
  after: fc.constantFrom(0, MINUTE, HOUR),
  remind: fc.constantFrom(undefined, 10 * MINUTE, 24 * HOUR),
});

/** The trouble that an event is about; whether it begins or ends it. */
function about(event: ServiceEvent): readonly [key: string, begins: boolean] | undefined {
  if (event.kind === "failed") return [`${event.sink} ${event.failure.job}`, true];
  if (event.kind === "recovered") return [`${event.sink} ${event.job}`, false];
  if (event.kind === "late" || event.kind === "on-time") return [`${event.sink} late`, event.kind === "late"];
  return undefined;
}

function keyOf({ trouble }: Notice): string {
  if (trouble.kind === "failed") return `${trouble.sink} ${trouble.job}`;
  return trouble.kind === "late" ? `${trouble.sink} late` : trouble.kind;
}

describe("whatever happens", () => {
  /** Plays a story; gives what was told, and when each trouble began and ended. */
  function play(policy: Policy, events: readonly (readonly [number, ServiceEvent | undefined])[]) {
    const teller = new Teller(policy);
    const spans: { key: string; from: number; to: number }[] = [];
    let now = 0;
    for (const [pause, event] of events) {
      now += pause;
      if (event) teller.event(now, event);
      else teller.at(now);
      const [key, begins] = (event && about(event)) ?? [];
      if (key === undefined) continue;
      const open = spans.find((span) => span.key === key && span.to === Infinity);
      if (begins === true && !open) spans.push({ key, from: now, to: Infinity });
      if (begins === false && open) open.to = now;
    }
    return { told: teller.told, spans, end: now };
  }

  it("nothing is told twice within remind, and nothing but trouble that is there", () => {
    fc.assert(
      fc.property(policies, story, (policy, events) => {
        const { told, spans } = play(policy, events);
        for (const { key, from, to } of spans) {
          const times = told
            .filter((notice) => keyOf(notice) === key && notice.at >= from && notice.at <= to)
            .filter(({ event }) => event === "failed" || event === "late")
            // At its very end, the next one may begin.
            .filter(({ at }) => at < to || to === Infinity)
            .map(({ at }) => at);
          for (const [i, at] of times.entries())
            if (i > 0) expect(at - (times[i - 1] ?? 0)).to.be.at.least(policy.remind ?? Infinity);
        }
        for (const notice of told)
          expect(
            spans.some(({ key, from, to }) => key === keyOf(notice) && from <= notice.at && notice.at <= to),
          ).to.equal(true);
      }),
    );
  });

  it("its end is told exactly when it was told itself", () => {
    fc.assert(
      fc.property(policies, story, (policy, events) => {
        const open = new Set<string>();
        for (const notice of play(policy, events).told) {
          const key = keyOf(notice);
          if (notice.event === "recovered" || notice.event === "on-time")
            expect(open.delete(key), `the end of ${key}`).to.equal(true);
          else if (notice.reminder) expect(open.has(key)).to.equal(true);
          else {
            expect(open.has(key), `${key} twice`).to.equal(false);
            open.add(key);
          }
        }
      }),
    );
  });

  it("nothing that lasts is left out, nor its end", () => {
    fc.assert(
      fc.property(policies, story, (policy, events) => {
        const { told, spans, end } = play(policy, events);
        for (const { key, from, to } of spans) {
          const due = from + (key.endsWith("late") ? 0 : policy.after);
          if (due >= Math.min(to, end)) continue;
          const mine = told.filter((notice) => keyOf(notice) === key && notice.at >= from && notice.at <= to);
          expect(
            mine.some(({ at, reminder }) => at === due && !reminder),
            `${key} at ${due}`,
          ).to.equal(true);
          if (to !== Infinity)
            expect(
              mine.some(({ at, event }) => at === to && (event === "recovered" || event === "on-time")),
            ).to.equal(true);
        }
      }),
    );
  });
});
