import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { seededRandom, seedFrom } from "../support/random.js";
import { compareStores, type Ended, type Scene } from "../support/scene.js";
import { expectVerifiedIn, keysIn, restorePointsIn } from "../support/storages/content.js";
import { AWAY, describeStorages, type Place, withScene } from "../support/storages/index.js";

const KILLS = 4;
const seed = seedFrom("AXON_BACKUP_KILL_SEED");

/** Many small files, so that a run has many moments. */
const SEGMENT = 32 * 1024;
const SEGMENTS = 24;

describeStorages(`kill -9 at random moments (AXON_BACKUP_KILL_SEED=${seed})`, (server) => {
  const random = seededRandom(seed);

  it(`${KILLS} times in a backup: restore points verify, the next run commits, nothing is left over`, async function () {
    this.timeout(180_000);
    const sizes = { segmentSize: SEGMENT, indexBytes: SEGMENT };
    const prepare = (storage: string) =>
      generateStore({ directory: join(storage, "default"), segments: SEGMENTS, ...sizes });
    await withScene(server(), { store: null, ...sizes, prepare }, async (scene, firstPlace) => {
      let place = firstPlace;
      // A run into an empty place, and one into a place that has a restore point: milliseconds.
      const durations = { first: await measured(() => scene.expect(0, "backup")), further: 0 };
      durations.further = await measured(() => scene.expect(0, "backup"));
      for (let kills = 0, round = 0; kills < KILLS; round++) {
        if (round % 2 === 0) {
          place = await server().newPlace(scene.directory);
          scene.writeSink(AWAY, place.yaml());
        }
        const kind = round % 2 === 0 ? "first" : "further";
        scene.server.appendSample("default", 120, { extraBytes: 3_000 });
        // Later ones are likelier: the beginning is Node starting.
        const moment = Math.max(random(), random()) * durations[kind];
        const when = `seed ${seed}, round ${round} (${kind}), ${moment.toFixed(0)} of ${durations[kind].toFixed(0)} ms`;
        const before = await restorePointsIn(place);
        const { signal, code, stderr } = await killedAfter(scene, moment);
        if (signal === "SIGKILL") kills++;
        else expect(code, `${when}\n${stderr}`).to.equal(0);
        expect((await restorePointsIn(place)).slice(0, before.length), when).to.deep.equal(before);
        await expectVerifiedIn(place, `${when}: after the kill`);
        const committed = (await restorePointsIn(place)).length;
        durations[kind] = await measured(() => scene.expect(0, "backup"));
        expect(await restorePointsIn(place), when).to.have.length(committed + 1);
        await expectTidy(place, when);
        await expectVerifiedIn(place, `${when}: after the next run`);
      }
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      compareStores(join(scene.storage, "default"), scene.path("restored/default"));
    });
  });
});

async function expectTidy(place: Place, when: string): Promise<void> {
  expect(await keysIn(place, "checkpoints/"), `${when}: checkpoints`).to.deep.equal([]);
  expect(place.leftovers(), `${when}: left over`).to.deep.equal([]);
}

async function measured(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Starts a backup, kills it after so many milliseconds, and waits until it is gone. */
async function killedAfter(scene: Scene, milliseconds: number): Promise<Ended> {
  const running = scene.start(["backup"]);
  const timer = setTimeout(() => {
    running.kill("SIGKILL");
  }, milliseconds);
  try {
    return await running.ended;
  } finally {
    clearTimeout(timer);
  }
}
