import { rmSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { generateStore } from "@axon-backup/axon-server-standin";
import { type FaultProxy, startFaultProxy } from "@axon-backup/test-servers";
import { expect } from "chai";
import { expectRemedy } from "../support/expectations.js";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, type Ended, type Running, type Scene } from "../support/scene.js";
import { expectVerifiedIn, keysIn, restorePointsIn } from "../support/storages/content.js";
import { AWAY, describeStorages, type Place, withScene } from "../support/storages/index.js";
import { holdsWhile } from "../support/wait.js";

const MiB = 1024 * 1024;
const SEGMENT = 2 * MiB;
const SEGMENTS = 5;
/** So that the middle of a run lasts long enough to be met: the store takes some seconds. */
const SLOW = "limits: {upload: 4MiB}";
/** Milliseconds in which a run must have ended that can't succeed: retries end after two seconds. */
const BOUND = 25_000;

/** Something that goes wrong on the way, and is over before the run gives up. */
interface Passing {
  readonly title: string;
  /** More of the sink's file. */
  readonly yaml: readonly string[];
  /** Makes it go wrong in the middle of the run, and ends it. */
  readonly trouble: (proxy: FaultProxy, running: Running) => Promise<void>;
  /** What the log must tell. */
  readonly told: RegExp;
}

const PASSING: readonly Passing[] = [
  {
    title: "a connection that is cut after some bytes",
    yaml: [],
    trouble: (proxy, running) => {
      proxy.cutAfter(3 * MiB);
      return holdsWhile(running, () => proxy.cuts === 1);
    },
    told: /attempt 1 failed, the next one is in/,
  },
  {
    title: "connections that are reset in the middle",
    yaml: [SLOW],
    trouble: async (proxy, running) => {
      await inTheMiddle(proxy, running);
      proxy.reset();
    },
    told: /attempt 1 failed, the next one is in/,
  },
  {
    title: "a server that is gone for some seconds, and comes back in time",
    yaml: [SLOW, "retries: {for: 30s}"],
    trouble: async (proxy, running) => {
      await inTheMiddle(proxy, running);
      await gone(proxy);
      await holdsWhile(running, () => running.said().includes("attempt 3 failed"));
      await proxy.pass();
    },
    told: /attempt 3 failed, the next one is in/,
  },
  {
    title: "a line on which nothing moves for longer than timeouts.stall",
    yaml: [SLOW, "timeouts: {stall: 1s}"],
    trouble: async (proxy, running) => {
      await inTheMiddle(proxy, running);
      proxy.stall();
      await holdsWhile(running, () => running.said().includes("stalled: "));
      await proxy.pass();
    },
    told: /stalled: (nothing moved|no answer) for 1 s.*attempt 1 failed/,
  },
];

describeStorages("trouble on the way", function (server) {
  let proxy: FaultProxy;
  beforeEach(async () => {
    proxy = await startFaultProxy({ target: server() });
  });
  afterEach(() => proxy.close());

  const sizes = { segmentSize: SEGMENT, indexBytes: 16 * 1024 };
  const prepare = (storage: string) =>
    generateStore({ directory: join(storage, "default"), segments: SEGMENTS, ...sizes });
  const withProxy = (use: (scene: Scene, place: Place) => Promise<void>): Promise<void> =>
    withScene(server(), { store: null, ...sizes, prepare }, use);

  for (const { title, yaml, trouble, told } of PASSING)
    it(`${title}: the backup commits at the first try, whole`, () =>
      withProxy(async (scene, place) => {
        scene.writeSink(AWAY, [...place.yaml(proxy.port), ...yaml]);
        const running = scene.start(["backup"]);
        await trouble(proxy, running);
        const { code, stderr } = await running.ended;
        expect(code, stderr).to.equal(0);
        expect(stderr).to.match(told);
        await expectWhole(scene, place, 1);
      }));

  it("latency: nothing fails, and nothing is tried again", () =>
    withProxy(async (scene, place) => {
      proxy.delay(30);
      scene.writeSink(AWAY, place.yaml(proxy.port));
      const { stderr } = await scene.expect(0, "backup");
      expect(stderr).to.not.include("attempt");
      await expectWhole(scene, place, 1);
    }));

  it("a server that stays gone: it fails alone, in time, and says so; when it is back, all is caught up", () =>
    withProxy(async (scene, place) => {
      scene.writeSink(AWAY, [...place.yaml(proxy.port), "retries: {for: 2s, attempts: 1}"]);
      await scene.expect(0, "backup");
      const [before] = await restorePointsIn(place);
      scene.server.appendSample("default", 300, { extraBytes: 20_000 });
      scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath("nas")}`]);

      const { up } = proxy.bytes;
      scene.writeSink(AWAY, [...place.yaml(proxy.port), SLOW, "retries: {for: 2s, attempts: 1}"]);
      const running = scene.start(["backup"]);
      await holdsWhile(running, () => proxy.bytes.up - up > MiB);
      await gone(proxy);
      const inMiddle = await timed(running.ended);
      expect(inMiddle.code, inMiddle.stderr).to.equal(4);
      expectClear(inMiddle);
      expect(restorePointsAt(scene.sinkPath("nas"))).to.have.length(1);

      const alone = await timed(scene.run("backup", "--sink", AWAY));
      expect(alone.code, alone.stderr).to.equal(1);
      expectClear(alone);

      expect(await restorePointsIn(place)).to.deep.equal([before]);
      await expectVerifiedIn(place, "the restore point of before");
      await proxy.pass();
      await scene.expect(0, "backup");
      await expectWhole(scene, place, 2);
    }));
});

/** Some of the store has arrived, and most of it hasn't. */
function inTheMiddle(proxy: FaultProxy, running: Running): Promise<void> {
  return holdsWhile(running, () => proxy.bytes.up > 3 * MiB);
}

async function gone(proxy: FaultProxy): Promise<void> {
  const refused = proxy.refuse();
  proxy.reset();
  await refused;
}

/** What it was, where, and what to do; within the bound. */
function expectClear(ended: Ended & { readonly milliseconds: number }): void {
  expect(ended.milliseconds, ended.stderr).to.be.below(BOUND);
  expectRemedy(ended);
  const output = ended.stdout + ended.stderr;
  expect(output)
    .to.include(AWAY)
    .and.to.match(/given up after \d+ attempts/)
    .and.to.match(/refused|lost|reset/i);
}

async function timed<T extends object>(work: Promise<T>): Promise<T & { readonly milliseconds: number }> {
  const started = performance.now();
  return { ...(await work), milliseconds: performance.now() - started };
}

/** So many restore points, all of whose bytes are there; the newest one restored is what the server has. Nothing is left over. */
async function expectWhole(scene: Scene, place: Place, restorePoints: number): Promise<void> {
  expect(await restorePointsIn(place)).to.have.length(restorePoints);
  await expectVerifiedIn(place, "after the trouble");
  expect(await keysIn(place, "checkpoints/")).to.deep.equal([]);
  expect(place.leftovers()).to.deep.equal([]);
  scene.writeSink(AWAY, place.yaml());
  const target = scene.path("restored");
  await scene.expect(0, "restore", "--sink", AWAY, "--to", target);
  compareStores(join(scene.storage, "default"), join(target, "default"));
  rmSync(target, { recursive: true });
}
