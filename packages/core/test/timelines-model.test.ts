import { expect } from "chai";
import fc from "fast-check";
import type { BackupReport } from "../dist/index.js";
import { TimelineScene } from "./timeline-scene.js";
import { type Log, PER_SEGMENT } from "./timeline-server.js";

/** What happens to a server, or what is done. */
type Step =
  | { readonly kind: "append"; readonly context: string; readonly count: number }
  | { readonly kind: "crash"; readonly context: string; readonly lost: number }
  | { readonly kind: "back"; readonly context: string; readonly left: number }
  | { readonly kind: "wipe"; readonly context: string }
  | { readonly kind: "switch" }
  | { readonly kind: "backup"; readonly sinks: readonly number[] }
  | { readonly kind: "kill"; readonly sink: number; readonly after: number };

const context = fc.constantFrom("default", "orders");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("append"), context, count: fc.integer({ min: 1, max: 9 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("crash"),
      context,
      lost: fc.integer({ min: 1, max: PER_SEGMENT }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("back"), context, left: fc.integer({ min: 0, max: 12 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("wipe"), context }) },
  { weight: 4, arbitrary: fc.constant({ kind: "switch" } as const) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("backup"),
      sinks: fc.constantFrom<readonly number[]>([0], [1], [0, 1]),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("kill"),
      sink: fc.constantFrom(0, 1),
      after: fc.integer({ min: 0, max: 14 }),
    }),
  },
);

/** What a sink has of a context: each timeline's events, the one that was committed last at the end. */
type Timelines = Map<number, Log>;

const goesOn = (log: Log, from: Log): boolean => from.every((event, index) => log[index] === event);

/** The timeline that a backup must go on in, by what was committed. */
function expectedTimeline(committed: Timelines, log: Log): { timeline: number; changes: boolean } {
  const newestFirst = [...committed].reverse();
  const [current, ...older] = newestFirst;
  if (current === undefined) return { timeline: 0, changes: false };
  const found = older.find(([, from]) => from.length > 0 && goesOn(log, from));
  const isLeft = current[1].length === 0 && current[0] > 0 && found !== undefined;
  if (goesOn(log, current[1]) && !isLeft) return { timeline: current[0], changes: false };
  return { timeline: found?.[0] ?? 1 + Math.max(...committed.keys()), changes: true };
}

describe("histories of all kinds", () => {
  it("are kept apart: whatever happens to the server, every restore point restores to what there was", async function () {
    this.timeout(120_000);
    let branched = 0;
    let resumed = 0;
    let kills = 0;
    const run = async (steps: readonly Step[]): Promise<void> => {
      const scene = new TimelineScene(2);
      const { logs } = scene.server;
      const committed = scene.sinks.map(() => new Map<string, Timelines>());
      let other = new Map<string, Log>([["default", ["other-0", "other-1"]]]);
      let events = 0;
      /** Compares what was committed with what must have been. @returns false when a run failed */
      const check = ({ sinks }: BackupReport): boolean => {
        for (const sink of sinks) {
          if (sink.outcome === "failed") {
            if (!String(sink.error).includes("killed")) throw sink.error;
            continue;
          }
          const ofSink = committed[Number(sink.sink)] ?? new Map<string, Timelines>();
          for (const [name, log] of logs) {
            const timelines = ofSink.get(name) ?? new Map<number, Log>();
            ofSink.set(name, timelines);
            const { timeline, changes } = expectedTimeline(timelines, log);
            const told = sink.timelines.find((change) => change.context === name);
            expect(told !== undefined, `${name}: a change is told`).to.equal(changes);
            if (told) {
              expect(told.timeline).to.equal(timeline);
              expect(told.resumed).to.equal(timelines.has(timeline));
              if (told.resumed) resumed++;
              else branched++;
            }
            timelines.delete(timeline);
            timelines.set(timeline, log);
          }
        }
        return sinks.every(({ outcome }) => outcome === "committed");
      };
      for (const next of steps) {
        switch (next.kind) {
          case "append":
            scene.append(next.count, `e${events++}`, next.context);
            break;
          case "crash": {
            // The tail of the open segment.
            const length = logs.get(next.context)?.length ?? 0;
            scene.cut(Math.max(length - (length % PER_SEGMENT), length - next.lost), next.context);
            break;
          }
          case "back":
            scene.cut(next.left, next.context);
            break;
          case "wipe":
            logs.set(next.context, []);
            break;
          case "switch": {
            const left = new Map(logs);
            logs.clear();
            for (const [name, log] of other) logs.set(name, log);
            other = left;
            break;
          }
          case "kill":
            kills += check(await scene.killed(next.sink, next.after)) ? 0 : 1;
            break;
          case "backup":
            expect(check(await scene.runAll(next.sinks)), "nothing failed").to.equal(true);
            break;
        }
        await scene.checkByHand();
      }
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 40 }), run), { numRuns: 200 });
    expect(branched, "new timelines").to.be.greaterThan(50);
    expect(kills, "runs that were killed before their commit").to.be.greaterThan(30);
    expect(resumed, "timelines that go on again").to.be.greaterThan(5);
  });
});
