import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { generateStore } from "@axon-backup/axon-server-standin";
import { bytesSource, isSinkError, objectKey } from "@axon-backup/sink";
import {
  azureError,
  canHaveDisk,
  type HttpAnswer,
  type HttpFaultProxy,
  pendingWithoutServer,
  s3Error,
  startHttpFaultProxy,
} from "@axon-backup/test-servers";
import { expect } from "chai";
import { expectRemedy } from "../support/expectations.js";
import { pending } from "../support/pending.js";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, type Ended, Scene } from "../support/scene.js";
import { expectVerifiedIn, keysIn, restorePointsIn } from "../support/storages/content.js";
import { AWAY, describeStorages, type Place, s3, sftp, type Storage, withSink } from "../support/storages/index.js"; // prettier-ignore

const MiB = 1024 * 1024;
const SHORT = "retries: {for: 1s, attempts: 1}";
/** Milliseconds in which a run must have ended that can't succeed: retries end after a second. */
const BOUND = 15_000;
/** Storing copies: what a run does in its middle. */
const COPIES = { methods: ["PUT", "POST"], path: /\/contexts\// };

/** What a service answers when it goes wrong. */
interface Answers {
  readonly internal: HttpAnswer;
  readonly busy: HttpAnswer;
  /** The credentials have expired: in each way that the service tells it. */
  readonly expired: readonly HttpAnswer[];
}

const ANSWERS: Readonly<Record<string, Answers>> = {
  s3: {
    internal: s3Error(500, "InternalError", "We encountered an internal error. Please try again."),
    busy: s3Error(503, "SlowDown", "Please reduce your request rate."),
    expired: [
      s3Error(400, "ExpiredToken", "The provided token has expired."),
      s3Error(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."),
    ],
  },
  azure: {
    internal: azureError(
      500,
      "InternalError",
      "The server encountered an internal error. Please retry the request.",
    ),
    busy: azureError(503, "ServerBusy", "The server is busy."),
    expired: [
      azureError(
        403,
        "AuthenticationFailed",
        "Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature.",
        "Signature not valid in the specified time frame: Start [Mon, 23 Nov 2026 10:00:00 GMT] - Expiry [Mon, 23 Nov 2026 11:00:00 GMT] - Current [Tue, 24 Nov 2026 10:00:00 GMT]",
      ),
    ],
  },
};

describeStorages("trouble on the server's side", function (server, type) {
  const answers = ANSWERS[type];
  if (answers === undefined) return;
  let proxy: HttpFaultProxy;
  let scene: Scene;
  let place: Place;
  beforeEach(async () => {
    proxy = await startHttpFaultProxy({ target: server() });
    scene = await newScene();
    place = await server().newPlace(scene.directory);
    scene.writeSink(AWAY, [...place.yaml(proxy.port), SHORT]);
  });
  afterEach(async () => {
    await scene.close();
    await proxy.close();
  });

  for (const [name, answer] of [
    ["500", answers.internal],
    ["503", answers.busy],
  ] as const) {
    it(`${name} now and then: tried again after a wait, with a warning, and the backup is whole`, async () => {
      scene.writeSink(AWAY, place.yaml(proxy.port));
      proxy.answer(answer, { ...COPIES, after: 2, times: 6 });
      const { stderr } = await scene.expect(0, "backup");
      expect(proxy.answered).to.equal(6);
      const waits = [...stderr.matchAll(/"level":"warn".*?"attempt":(\d+),"wait":(\d+)/g)];
      expect(waits, stderr).to.have.length(6);
      for (const [, , wait] of waits) expect(Number(wait)).to.be.at.least(250);
      await expectWhole(scene, place, 1);
    });
  }

  it("503 without end: that sink fails alone, in time, and says so; later all is caught up", async () => {
    const before = await firstBackup(scene, place);
    proxy.answer(answers.busy, { ...COPIES, after: 2 });
    const ended = await failsAlone(scene);
    expect(ended.stderr).to.match(/attempt 1 failed, the next one is in/);
    expect(ended.stderr).to.match(/given up after \d+ attempts/);
    await expectUnharmed(place, before);
    proxy.pass();
    await scene.expect(0, "backup");
    await expectWhole(scene, place, 2);
  });

  it("credentials that expire in the middle: that sink fails alone, at once, and says so; with new ones all is caught up", async () => {
    const before = await firstBackup(scene, place);
    for (const [index, expired] of answers.expired.entries()) {
      // The first in the middle; another one from the beginning.
      proxy.answer(expired, { after: index === 0 ? 8 : 0 });
      const ended = await failsAlone(scene);
      expect(ended.stderr).to.not.include("the next one is in");
      expect(ended.stderr).to.match(/expired|isn't valid at this time|access[_ ]key/i);
      expect(proxy.answered).to.be.above(0);
      await expectUnharmed(place, before);
    }
    proxy.pass();
    await scene.expect(0, "backup");
    await expectWhole(scene, place, 2);
  });
});

// SFTP has no error that says so.
describeFullDisk(sftp, /[0-9]+ bytes are free there/);
describeFullDisk(s3, /full|internal error|InternalError|no space/i);

/** The server's own disk has no more room. */
function describeFullDisk(storage: Storage, told: RegExp): void {
  it(`${storage.type}: a full disk of the server's: that sink fails alone, in time, and says so; with space all is caught up`, async function () {
    await pendingWithoutServer(this, storage.server);
    if (!canHaveDisk) {
      const reason = "a server's own small disk takes Linux and root; run the tests as root";
      if ((process.env["CI"] ?? "") !== "") throw new Error(reason);
      pending(this, reason);
    }
    const server = await storage.start({ diskBytes: 12 * MiB });
    const scene = await newScene();
    try {
      const [place, other] = [await server.newPlace(scene.directory), await server.newPlace(scene.directory)];
      scene.writeSink(AWAY, [...place.yaml(), SHORT]);
      const before = await firstBackup(scene, place);
      const free = await fill(other);
      const ended = await failsAlone(scene);
      expect(ended.stderr).to.match(told, ended.stderr);
      await expectUnharmed(place, before);
      await free();
      await scene.expect(0, "backup");
      await expectWhole(scene, place, 2);
    } finally {
      await scene.close();
      await server.close();
    }
  });
}

const SIZES = { segmentSize: MiB, indexBytes: 16 * 1024 };

function newScene(): Promise<Scene> {
  const prepare = (storage: string) =>
    generateStore({ directory: join(storage, "default"), segments: 3, ...SIZES });
  return Scene.open({ store: null, sinks: [], ...SIZES, prepare });
}

/** A restore point on the storage, and then more on the server, and a second sink. */
async function firstBackup(scene: Scene, place: Place): Promise<readonly string[]> {
  await scene.expect(0, "backup");
  const before = await restorePointsIn(place);
  expect(before).to.have.length(1);
  scene.server.appendSample("default", 150, { extraBytes: 20_000 });
  scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath("nas")}`]);
  return before;
}

/** Backs up to both sinks: the one on the storage fails in time and tells what to do, the other commits. */
async function failsAlone(scene: Scene): Promise<Ended> {
  const committed = restorePointsOf(scene);
  const started = performance.now();
  const ended = await scene.run("backup");
  expect(ended.code, ended.stderr).to.equal(4);
  expect(performance.now() - started, ended.stderr).to.be.below(BOUND);
  expectRemedy(ended);
  expect(ended.stderr).to.include(`"sink":"${AWAY}"`);
  expect(restorePointsOf(scene)).to.equal(committed + 1);
  return ended;
}

function restorePointsOf(scene: Scene): number {
  try {
    return restorePointsAt(scene.sinkPath("nas")).length;
  } catch {
    // Not made yet.
    return 0;
  }
}

async function expectUnharmed(place: Place, before: readonly string[]): Promise<void> {
  expect(await restorePointsIn(place)).to.deep.equal(before);
  await expectVerifiedIn(place, "the restore point of before");
}

/** So many restore points, all of whose bytes are there; the newest one restored is what the server has. */
async function expectWhole(scene: Scene, place: Place, restorePoints: number): Promise<void> {
  expect(await restorePointsIn(place)).to.have.length(restorePoints);
  await expectVerifiedIn(place, "after the trouble");
  expect(await keysIn(place, "checkpoints/")).to.deep.equal([]);
  const target = scene.path("restored");
  await scene.expect(0, "restore", "--sink", AWAY, "--to", target);
  compareStores(join(scene.storage, "default"), join(target, "default"));
}

/** Fills the storage up, with ever smaller objects; returns what gives the space back. */
async function fill(place: Place): Promise<() => Promise<void>> {
  await withSink(place, "write", async (sink) => {
    let count = 0;
    for (let size = MiB; size >= 16 * 1024;)
      try {
        await sink.put(objectKey(`filler/${count++}`), bytesSource(randomBytes(size)));
      } catch (error) {
        if (!isSinkError(error, "full") && !isSinkError(error, "transient")) throw error;
        size /= 2;
      }
  });
  return () =>
    withSink(place, "write", async (sink) => {
      for await (const { key } of sink.list("filler/")) await sink.delete(key);
    });
}
