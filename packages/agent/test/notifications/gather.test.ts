import { expect } from "chai";
import fc from "fast-check";
import { NOTIFIED_EVENTS } from "../../dist/config/notifications-types.js";
import type { FailureCause, ServiceEvent } from "../../dist/service/model.js";
import { type Memory, NO_MEMORY, type Notice } from "../../dist/service/notifications/conditions.js";
import { decide, type Input } from "../../dist/service/notifications/decide.js";
import type { Policy } from "../../dist/service/notifications/draft.js";
import {
  flush,
  gather,
  type Gathering,
  isOver,
  NOTHING_GATHERED,
  patienceOf,
} from "../../dist/service/notifications/gather.js";
import { failed, HOUR, MINUTE, recovered, START } from "./support.js";

interface Told {
  readonly at: number;
  readonly notices: readonly Notice[];
}

/** What is decided, and how it is gathered; timers are kept. */
class Teller {
  readonly told: Told[] = [];
  readonly decided: (Notice & { readonly at: number })[] = [];
  #memory: Memory = NO_MEMORY;
  #gathering: Gathering = NOTHING_GATHERED;
  #wake = Infinity;

  constructor(readonly policy: Policy = { on: NOTIFIED_EVENTS, after: 2 * MINUTE, remind: 24 * HOUR }) {}

  at(time: number, ...events: readonly ServiceEvent[]): this {
    while (this.#wake <= time) this.#step(this.#wake, { kind: "time" });
    for (const event of events) this.#step(time, { kind: "event", event });
    return this;
  }

  get left(): readonly Notice[] {
    return flush(this.#gathering).flat();
  }

  get words(): readonly string[] {
    return this.told.map(
      ({ at, notices }) =>
        `${at / 1000}: ${notices
          .map(({ event, trouble }) => `${event}${"sink" in trouble ? ` ${trouble.sink}` : ""}`)
          .join(", ")}`,
    );
  }

  #step(now: number, input: Input): void {
    const { memory, notices, wake } = decide(this.policy, this.#memory, input, now);
    const gathered = gather(this.#gathering, notices, memory.conditions, now, patienceOf(this.policy.after));
    this.#memory = memory;
    this.#gathering = gathered.gathering;
    this.#wake = Math.min(wake ?? Infinity, gathered.wake ?? Infinity);
    expect(this.#wake, "a timer that is due already").to.be.above(now);
    this.decided.push(...notices.map((notice) => ({ ...notice, at: now })));
    this.told.push(...gathered.ready.map((group) => ({ at: now, notices: group })));
  }
}

const late = (sink: string): ServiceEvent => ({
  kind: "late",
  sink,
  at: START,
  what: "lag",
  reason: "late",
  contexts: [],
});
const onTime = (sink: string): ServiceEvent => ({ kind: "on-time", sink, at: START, what: "lag" });
const away = (sink: string): ServiceEvent => failed(sink, { cause: "server" });

describe("what has one cause", () => {
  it("is told in one message: of a server that is away, every sink's failure and lateness", () => {
    const teller = new Teller()
      .at(0, away("a"), away("b"))
      .at(5000, failed("c", { cause: "server", job: "follow" }))
      .at(3 * MINUTE, late("a"), late("b"))
      .at(4 * MINUTE, late("c"))
      .at(20 * MINUTE, recovered("a"), recovered("b"), recovered("c", "follow"))
      .at(20 * MINUTE + 10_000, onTime("a"), onTime("b"), onTime("c"))
      .at(HOUR);
    expect(teller.words).to.deep.equal([
      "150: failed a, failed b, failed c",
      "450: late a, late b, late c",
      "1230: recovered a, recovered b, recovered c, on-time a, on-time b, on-time c",
    ]);
  });

  it("is told of each sink for itself, when it is the sink", () => {
    const teller = new Teller()
      .at(0, failed("a"), failed("a", { job: "follow" }), late("a"), failed("b"))
      .at(HOUR);
    expect(teller.words).to.deep.equal(
      ["30: late a", "330: failed a, failed a", "150: failed b"].sort(byTime),
    );
  });

  it("isn't waited for with damage, a divergence and a wrong configuration", () => {
    const teller = new Teller().at(
      1000,
      { kind: "damage", sink: "a", at: START, objects: ["x"] },
      { kind: "diverged", sink: "a", at: START, timelines: [] },
    );
    expect(teller.words).to.deep.equal(["1: damage a", "1: diverged a"]);
  });
});

function byTime(one: string, other: string): number {
  return parseInt(one, 10) - parseInt(other, 10);
}

const story = fc.array(
  fc.tuple(
    fc.oneof(fc.integer({ min: 0, max: 2 * MINUTE }), fc.integer({ min: 0, max: 2 * HOUR })),
    fc
      .tuple(fc.constantFrom("a", "b", "c"), fc.constantFrom<FailureCause>("server", "files", "sink"))
      .chain(([sink, cause]) =>
        fc.constantFrom<ServiceEvent>(
          failed(sink, { cause }),
          failed(sink, { cause, job: "follow" }),
          recovered(sink),
          recovered(sink, "follow"),
          late(sink),
          onTime(sink),
          { kind: "damage", sink, at: START, objects: [cause] },
        ),
      ),
  ),
  { maxLength: 60 },
);
const policies = fc.record({
  on: fc.constant(NOTIFIED_EVENTS),
  after: fc.constantFrom(0, MINUTE),
  remind: fc.constantFrom(undefined, 10 * MINUTE),
});
const keyOf = ({ event, trouble }: Notice): string =>
  `${event} ${trouble.kind} ${"sink" in trouble ? trouble.sink : ""} ${"job" in trouble ? trouble.job : ""}`;

describe("whatever happens, what is gathered", () => {
  const play = (policy: Policy, events: readonly (readonly [number, ServiceEvent])[]) => {
    const teller = new Teller(policy);
    let now = 0;
    for (const [pause, event] of events) teller.at((now += pause), event);
    return { teller, end: now };
  };

  it("is told, or a newer one in its place, soon enough, and nothing else is", () => {
    fc.assert(
      fc.property(policies, story, (policy, events) => {
        const { teller, end } = play(policy, events);
        for (const notice of teller.decided) {
          const { settle, interval } = patienceOf(policy.after);
          const patience = isOver(notice) ? settle : interval;
          const wasTold = teller.told.some(
            ({ at, notices }) =>
              at >= notice.at &&
              at <= notice.at + patience &&
              notices.some((one) => keyOf(one) === keyOf(notice)),
          );
          const waits = teller.left.some((one) => keyOf(one) === keyOf(notice));
          expect(wasTold || (waits && end < notice.at + patience), keyOf(notice)).to.equal(true);
        }
        for (const { at, notices } of teller.told)
          for (const notice of notices)
            expect(teller.decided.some((one) => keyOf(one) === keyOf(notice) && one.at <= at)).to.equal(true);
      }),
    );
  });

  it("makes no two messages of new trouble of one cause in a few minutes", () => {
    fc.assert(
      fc.property(policies, story, (policy, events) => {
        const { teller } = play(policy, events);
        const last = new Map<string, number>();
        for (const { at, notices } of teller.told) {
          const causes = new Set(
            notices.flatMap(({ event, trouble }) =>
              event === "failed" && trouble.kind === "failed" && trouble.failure.cause !== "sink"
                ? [trouble.failure.cause]
                : [],
            ),
          );
          const isTroubleOnly = notices.every(
            (notice) => !isOver(notice) && ["failed", "late"].includes(notice.event),
          );
          for (const cause of causes) {
            const before = last.get(cause) ?? -Infinity;
            if (isTroubleOnly) expect(at - before, cause).to.be.at.least(patienceOf(policy.after).interval);
            last.set(cause, at);
          }
        }
      }),
    );
  });
});
