import { expect } from "chai";
import fc from "fast-check";
import { FollowModel, type Kind } from "./follow-model.js";
import { PER_SEGMENT } from "./timeline-server.js";

type Step =
  | { readonly kind: "append"; readonly count: number }
  | { readonly kind: "snapshot" }
  | { readonly kind: "hand-over"; readonly left: number }
  | { readonly kind: "follow" }
  | { readonly kind: "kill"; readonly count: number; readonly after: number }
  | { readonly kind: "backup" }
  | { readonly kind: "kill-backup"; readonly after: number }
  | { readonly kind: "crash"; readonly lost: number }
  | { readonly kind: "wipe" };

const after = fc.oneof(fc.integer({ min: 0, max: 7 }), fc.integer({ min: 0, max: 20 }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("append"), count: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant("append"), count: fc.integer({ min: 20, max: 40 }) }),
  },
  { weight: 4, arbitrary: fc.constant({ kind: "snapshot" } as const) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("hand-over"), left: fc.integer({ min: 0, max: 3 }) }),
  },
  { weight: 8, arbitrary: fc.constant({ kind: "follow" } as const) },
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("kill"), count: fc.integer({ min: 1, max: 12 }), after }),
  },
  { weight: 3, arbitrary: fc.constant({ kind: "backup" } as const) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("kill-backup"), after }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("crash"), lost: fc.integer({ min: 1, max: PER_SEGMENT }) }),
  },
  { weight: 1, arbitrary: fc.constant({ kind: "wipe" } as const) },
);

describe("following, killed anywhere", () => {
  it("leaves what counts restorable, and never loses events that it had", async function () {
    this.timeout(900_000);
    const totals = { kills: 0, cycles: 0, settled: 0, diverged: 0 };
    const run = async (kind: Kind, steps: readonly Step[]): Promise<void> => {
      const model = new FollowModel(kind);
      try {
        await model.backup();
        /** Events of the server's history that are on the sink. */
        let stored = 0;
        for (const next of steps) {
          switch (next.kind) {
            case "append":
              model.append(next.count);
              break;
            case "snapshot":
              model.snapshot();
              break;
            case "hand-over":
              model.handOver(next.left);
              break;
            case "follow": {
              const before = model.ends.length;
              if (!(await model.follow())) {
                const end = model.ends.at(-1);
                expect(model.ends.length).to.equal(before + 1);
                expect(end?.reason).to.be.oneOf(["diverged", "changed", "unreadable"]);
                totals.diverged++;
              }
              break;
            }
            case "kill":
              model.append(next.count);
              await model.follow(next.after);
              break;
            case "backup":
              await model.backup();
              break;
            case "kill-backup":
              await model.backup(next.after);
              break;
            case "crash": {
              const { length } = model.server.log;
              model.cut(Math.max(length - (length % PER_SEGMENT), length - next.lost));
              stored = 0;
              break;
            }
            case "wipe":
              model.cut(0);
              stored = 0;
              break;
          }
          const events = (await model.check()) ?? 0;
          expect(events, next.kind).to.be.at.least(stored);
          stored = Math.min(events, model.server.log.length);
        }
        await model.verify();
        totals.kills += model.kills;
        totals.cycles += model.cycles;
        totals.settled += model.settled;
      } finally {
        await model.close();
      }
    };
    const kind = fc.constantFrom<Kind>("all", "plain", "put-only", "small");
    await fc.assert(fc.asyncProperty(kind, fc.array(step, { minLength: 8, maxLength: 40 }), run), {
      numRuns: Number(process.env["FOLLOW_RUNS"] ?? 80),
    });
    expect(totals.kills, "kills").to.be.greaterThan(40);
    expect(totals.cycles, "cycles").to.be.greaterThan(60);
    expect(totals.settled, "segments stored whole").to.be.greaterThan(5);
    expect(totals.diverged, "other histories").to.be.greaterThan(0);
  });
});
