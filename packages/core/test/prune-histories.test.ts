import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesSource, objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import fc from "fast-check";
import { nextRestorePointId, restore } from "../dist/index.js";
import {
  age,
  DAY,
  day,
  History,
  HOUR,
  killedAt,
  type Past,
  pruneOn,
  referredTo,
  restorePointsOn,
  START,
  verifyAll,
} from "./prune-scene.js";

describe("timelines", () => {
  const before = (number: number): Past[] => [
    { name: "default", timeline: 0, token: 20 + 30 * number },
    { name: "orders", timeline: 0, token: 60 },
  ];
  const after = (number: number): Past[] => [{ name: "default", timeline: 1, token: 20 + 30 * number }];
  let history: History;
  beforeEach(async () => {
    history = new History();
    for (const number of [0, 1, 2]) await history.add(day(number), before(number));
    for (const number of [3, 4]) await history.add(day(number), after(number));
    age(history.sink);
  });
  const filesOf = (prefix: string): number =>
    [...history.sink.storage.keys()].filter((key) => key.startsWith(prefix)).length;

  it("that were given up keep their last restore point, and all that it needs", async () => {
    const { restorePoints, removed } = await pruneOn(history.sink, { rules: { last: 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(2), day(4)]);
    expect(restorePoints.find(({ id }) => id === day(2))?.abandoned).to.have.deep.members([
      { context: "default", timeline: 0 },
      { context: "orders", timeline: 0 },
    ]);
    expect(removed.filter(({ kind }) => kind === "store-file")).to.deep.equal([]);
    await verifyAll(history.sink);
  });

  it("are kept for keep_abandoned from when they were given up, however old their restore points are", async () => {
    const late = new History();
    await late.add(day(0), before(0));
    await late.add(day(9), after(1));
    await pruneOn(late.sink, { rules: { last: 1, abandoned: 7 * DAY } });
    expect(await restorePointsOn(late.sink)).to.deep.equal([day(0), day(9)]);
    for (const number of [15, 17]) await late.add(day(number), after(2));
    age(late.sink);
    await pruneOn(late.sink, { rules: { last: 1, abandoned: 7 * DAY } });
    expect(await restorePointsOn(late.sink)).to.deep.equal([day(17)]);
  });

  it("go altogether when that has become too old, and the others stay", async () => {
    expect(filesOf("contexts/default/")).to.be.greaterThan(5);
    await pruneOn(history.sink, { rules: { last: 1, abandoned: DAY - 1 } });
    expect(await restorePointsOn(history.sink)).to.deep.equal([day(4)]);
    expect(filesOf("contexts/default/")).to.equal(0);
    expect(filesOf("contexts/orders/")).to.equal(0);
    expect(filesOf("contexts/default@1/")).to.be.greaterThan(3);
    await verifyAll(history.sink);
  });

  it("killed at any change: harms no restore point, and the next one finishes", async () => {
    const rules = { last: 1, abandoned: HOUR };
    const whole = history.copy();
    await pruneOn(whole.sink, { rules });
    const expected = [...whole.sink.storage.keys()].sort();
    let changes = 0;
    for (; ; changes++) {
      const attempt = history.copy();
      const mortal = killedAt(attempt.sink, changes);
      const outcome = await pruneOn(mortal, { rules, connections: 1 }).then(
        () => "done",
        () => "failed",
      );
      await verifyAll(attempt.sink);
      await pruneOn(attempt.sink, { rules });
      expect([...attempt.sink.storage.keys()].sort(), `change ${changes}`).to.deep.equal(expected);
      await verifyAll(attempt.sink);
      if (!mortal.died() && outcome === "done") break;
    }
    expect(changes).to.be.greaterThan(20);
  });
});

/** Restore points of two contexts on up to three timelines, which only grow, hours to weeks apart. */
const histories = fc.array(
  fc.record({
    gap: fc.integer({ min: HOUR, max: 20 * DAY }),
    a: fc.constantFrom("absent", "grows", "grows", "grows", "diverges"),
    b: fc.constantFrom("absent", "grows", "grows", "diverges"),
  }),
  { minLength: 1, maxLength: 9 },
);

describe("prune of any history", () => {
  it("leaves what the rules keep, restorable, and nothing else; killed anywhere on the way, too", async function () {
    this.timeout(120_000);
    const rules = fc.record(
      {
        last: fc.nat(3),
        within: fc.nat(30 * DAY),
        daily: fc.nat(4),
        weekly: fc.nat(3),
        abandoned: fc.nat(40 * DAY),
      },
      { requiredKeys: [] },
    );
    const directory = mkdtempSync(join(tmpdir(), "axon-backup-prune-"));
    try {
      await fc.assert(
        fc.asyncProperty(histories, rules, fc.nat(60), fc.nat(), async (steps, kept, kill, choice) => {
          const history = new History();
          let time = START;
          const at = { a: { timeline: 0, token: 10 }, b: { timeline: 0, token: 10 } };
          for (const step of steps) {
            time += step.gap;
            const contexts: Past[] = [];
            for (const name of ["a", "b"] as const) {
              if (step[name] === "diverges" && at[name].timeline < 2)
                at[name] = { timeline: at[name].timeline + 1, token: 10 };
              at[name].token = Math.min(150, at[name].token + 25);
              if (step[name] !== "absent") contexts.push({ name, ...at[name] });
            }
            await history.add(nextRestorePointId(new Date(time)), contexts);
          }
          const junk = objectKey("contexts/a/events/00000000000000000777.events");
          await history.sink.put(junk, bytesSource("of a run that was cut off"));
          age(history.sink);
          const mortal = killedAt(history.sink, kill);
          await pruneOn(mortal, { rules: kept, connections: 1 + (kill % 4) }).catch(() => undefined);
          const remaining = await restorePointsOn(history.sink);
          expect(remaining).not.to.deep.equal([]);
          await verifyAll(history.sink);

          const dry = await pruneOn(history.sink, { rules: kept, dryRun: true });
          const { restorePoints } = await pruneOn(history.sink, { rules: kept });
          expect(await restorePointsOn(history.sink)).to.deep.equal(
            dry.restorePoints.filter(({ reasons }) => reasons.length > 0).map(({ id }) => id),
          );
          const expected = [...referredTo(history.sink), "repository.json"].sort();
          expect([...history.sink.storage.keys()].sort()).to.deep.equal(expected);
          await verifyAll(history.sink);
          const left = await restorePointsOn(history.sink);
          const target = join(directory, `${Math.random()}`);
          await restore({
            sink: history.sink,
            name: "memory",
            target,
            restorePoint: left[choice % left.length] ?? "latest",
          });
          rmSync(target, { recursive: true });
          expect(restorePoints.at(-1)?.reasons).to.include("newest");
        }),
        { numRuns: 40 },
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
