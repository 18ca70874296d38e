import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { seededRandom } from "../support/random.js";
import { expectVerified, leftoversAt, restorePointsAt } from "../support/repository.js";
import { type Ended, filesBelow, Scene } from "../support/scene.js";

const kills = numberFrom("AXON_BACKUP_KILLS", 40);
const seed = numberFrom("AXON_BACKUP_KILL_SEED", Math.floor(Math.random() * 2 ** 32));
const restoreKills = Math.round(kills * 0.3);
const backupKills = kills - restoreKills;

/** Many small files, so that a run has many moments: 48 segments of 32 KiB with two index files each. */
const SEGMENT = 32 * 1024;
const SEGMENTS = 48;
/** How often a store is backed up before the next begins, so that none grows beyond what a test can wait for. */
const ROUNDS = 6;

describe(`kill -9 at random moments (AXON_BACKUP_KILL_SEED=${seed})`, () => {
  const random = seededRandom(seed);

  it(`${backupKills} times in a backup: restore points verify, the next run succeeds, nothing is left over`, async function () {
    this.timeout(60_000 + backupKills * 15_000);
    const seen = new Moments();
    const durations = new Map<string, number>();
    while (seen.total < backupKills)
      await withScene(async (scene) => {
        for (let round = 0; round < ROUNDS && seen.total < backupKills; round++)
          await killBackup(scene, round === 0 ? "first" : "further", durations, seen);
        await scene.expect(0, "backup"); // what came while the last one ran
        await scene.expect(0, "restore", "--to", scene.path("restored"));
        expectSame(
          filesBelow(scene.path("restored/default")),
          filesBelow(join(scene.storage, "default")),
          "restored",
        );
      });
    if (this.test) this.test.title += ` (${seen.describe()})`;
  });

  it(`${restoreKills} times in a restore: the same again succeeds, byte for byte, and nothing is left over`, async function () {
    this.timeout(60_000 + restoreKills * 15_000);
    const seen = new Moments();
    await withScene((scene) => killRestores(scene, restoreKills, seen));
    if (this.test) this.test.title += ` (${seen.describe()})`;
  });

  /**
   * A round: the store grows, a backup is killed, the next one isn't.
   * @param kind an empty sink, or one with restore points: their runs take different times
   * @param durations milliseconds that the last whole run of the kind took
   */
  async function killBackup(
    scene: Scene,
    kind: "first" | "further",
    durations: Map<string, number>,
    seen: Moments,
  ): Promise<void> {
    const sink = scene.sinkPath();
    const duration = durations.get(kind);
    scene.server.appendSample("default", 120, { extraBytes: 3_000 });
    const before = restorePointsAt(sink);
    let when = `kill ${seen.total + 1} (${kind} backup), seed ${seed}`;
    if (duration !== undefined) {
      const moment = randomMoment(random, duration);
      when += `, after ${moment.toFixed(0)} ms of ${duration.toFixed(0)}`;
      seen.add(await runKilled(scene, ["backup", "--verbose"], moment), when);
      expect(restorePointsAt(sink).slice(0, before.length), `${when}: earlier restore points`).to.deep.equal(
        before,
      );
      await expectVerified(sink, `${when}: after the kill`);
    }
    const committed = restorePointsAt(sink).length;
    const started = performance.now();
    await whileAppending(scene, () => scene.expect(0, "backup"));
    durations.set(kind, performance.now() - started);
    expect(restorePointsAt(sink), when).to.have.length(committed + 1);
    expect(leftoversAt(sink), `${when}: left over`).to.deep.equal([]);
    await expectVerified(sink, `${when}: after the next run`);
  }

  async function killRestores(scene: Scene, count: number, seen: Moments): Promise<void> {
    await scene.expect(0, "backup");
    const reference = scene.path("reference");
    const started = performance.now();
    await scene.expect(0, "restore", "--to", reference);
    let duration = performance.now() - started;
    const expected = filesBelow(reference);
    const target = scene.path("target");
    const restore = ["restore", "--to", target, "--verbose"];
    while (seen.total < count) {
      const moment = randomMoment(random, duration);
      const when = `kill ${seen.total + 1} (restore), seed ${seed}, after ${moment.toFixed(0)} ms of ${duration.toFixed(0)}`;
      seen.add(await runKilled(scene, restore, moment), when);
      const again = performance.now();
      const { code, stderr } = await scene.run(...restore);
      // What was killed between its last step and its exit is whole, and in the way as any other store would be.
      const complete = code === 2 && stderr.includes("is not empty");
      if (!complete) {
        expect(code, `${when}\n${stderr}`).to.equal(0);
        duration = performance.now() - again;
      }
      expect(readdirSync(target).sort(), `${when}: in the target`).to.deep.equal(
        readdirSync(reference).sort(),
      );
      expectSame(filesBelow(target), expected, when);
      rmSync(target, { recursive: true });
    }
  }
});

/** Within the duration. Later ones are likelier, because about half of a short run is Node starting. */
function randomMoment(random: () => number, duration: number): number {
  return Math.max(random(), random()) * duration;
}

/** A store with a server, not backed up yet; closed when `use` is done. */
async function withScene(use: (scene: Scene) => Promise<void>): Promise<void> {
  const options = { segmentSize: SEGMENT, indexBytes: SEGMENT };
  const scene = await Scene.open({
    store: null,
    ...options,
    prepare: (storage) =>
      generateStore({ directory: join(storage, "default"), segments: SEGMENTS, ...options }),
  });
  try {
    await use(scene);
  } finally {
    await scene.close();
  }
}

/** Starts a command, kills it after so many milliseconds, and waits until it is gone; the server goes on taking events. */
async function runKilled(scene: Scene, args: readonly string[], milliseconds: number): Promise<Ended> {
  const running = scene.start(args);
  const timer = setTimeout(() => {
    running.kill("SIGKILL");
  }, milliseconds);
  try {
    return await whileAppending(scene, () => running.ended);
  } finally {
    clearTimeout(timer);
  }
}

/** Appends events, some with a new segment, until the work is done. */
async function whileAppending<T>(scene: Scene, work: () => Promise<T>): Promise<T> {
  const done = new AbortController();
  const appending = (async () => {
    while (!done.signal.aborted) {
      scene.server.appendSample("default", 2, { extraBytes: 1_000 });
      await delay(15, undefined, { signal: done.signal }).catch(() => undefined);
    }
  })();
  try {
    return await work();
  } finally {
    done.abort();
    await appending;
  }
}

/** In which steps runs were killed, by their logs. */
class Moments {
  private readonly counts = new Map<string, number>();

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** One that ended before its kill doesn't count, and must have succeeded. */
  add({ code, signal, stderr }: Ended, when: string): void {
    if (signal !== "SIGKILL") {
      expect(code, `${when}\n${stderr}`).to.equal(0);
      return;
    }
    const steps = [...stderr.matchAll(/"step":"([^"]+)"/g)].map((match) => match[1] ?? "");
    const step = steps.at(-1) ?? "start";
    this.counts.set(step, (this.counts.get(step) ?? 0) + 1);
  }

  describe(): string {
    return [...this.counts].map(([step, count]) => `${step}: ${count}`).join(", ");
  }
}

function expectSame(
  actual: ReadonlyMap<string, Buffer>,
  expected: ReadonlyMap<string, Buffer>,
  when: string,
): void {
  expect([...actual.keys()].sort(), when).to.deep.equal([...expected.keys()].sort());
  for (const [name, bytes] of expected)
    expect(Buffer.compare(actual.get(name) ?? Buffer.of(), bytes), `${when}: ${name}`).to.equal(0);
}

function numberFrom(variable: string, otherwise: number): number {
  const text = process.env[variable];
  if (text === undefined || text === "") return otherwise;
  if (!/^\d{1,10}$/.test(text)) throw new RangeError(`${variable} must be a whole number, not ${text}`);
  return Number(text);
}
