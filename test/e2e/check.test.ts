import { mkdirSync, readdirSync, watch, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pendingWithoutServer, type S3Server, startVersityGw } from "@axon-backup/test-servers";
import { expect } from "chai";
import { Scene } from "../support/scene.js";

describe("a check that is cut off", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    mkdirSync(scene.sinkPath(), { recursive: true });
  });
  afterEach(() => scene.close());

  const objects = () =>
    readdirSync(scene.sinkPath(), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => entry.name);
  const checks = () => readdirSync(scene.sinkPath()).filter((name) => name.startsWith("check-"));

  /** Starts `check`, and ends it when it has begun to store things. */
  async function cutOff(signal: NodeJS.Signals) {
    let killed = false;
    const running = scene.start(["check"]);
    const watcher = watch(scene.sinkPath(), { recursive: true }, (_event, name) => {
      // In a case: several levels below the sink's directory.
      if (killed || name === null || !/^check-.*\/.*\//.test(name)) return;
      killed = true;
      running.kill(signal);
    });
    const ended = await running.ended;
    watcher.close();
    return ended;
  }

  it("by SIGINT, leaves nothing", async () => {
    const { code, stderr } = await cutOff("SIGINT");
    expect(code, stderr).to.equal(130);
    expect(objects()).to.deep.equal([]);
    expect(checks()).to.deep.equal([]);
  });

  it("by kill -9, is in nobody's way, and the next check tidies up", async () => {
    expect((await cutOff("SIGKILL")).signal).to.equal("SIGKILL");
    expect(checks()).to.have.length(1);
    await scene.expect(0, "backup");
    await scene.expect(0, "check");
    expect(checks()).to.deep.equal([]);
    await scene.expect(0, "verify", "--read-data");
  });
});

describe("a check of a bucket that keeps the versions of objects", () => {
  let scene: Scene;
  let server: S3Server;
  const closers: (() => Promise<void>)[] = [];
  before(async function () {
    await pendingWithoutServer(this, "versitygw");
    server = await startVersityGw();
    closers.push(() => server.close());
    scene = await Scene.open({ rebuildIndexes: true, sinks: [] });
    closers.push(() => scene.close());
    writeFileSync(join(scene.directory, "secret"), server.secretAccessKey, { mode: 0o600 });
  });
  after(async () => {
    for (const close of closers.reverse()) await close();
  });

  for (const [name, options] of [
    ["versioned", { versioning: true }],
    ["locked", { objectLock: true }],
  ] as const)
    it(`tells what a ${name} one can, after backups too`, async () => {
      await server.createBucket(`bucket-${name}`, options);
      scene.writeSink("bucket", [
        "type: s3",
        `bucket: bucket-${name}`,
        `prefix: ${name}`,
        `endpoint: ${server.endpoint}`,
        `region: ${server.region}`,
        `access_key_id: ${server.accessKeyId}`,
        `secret_access_key: {file: ${join(scene.directory, "secret")}}`,
      ]);
      for (const turn of ["before", "after"]) {
        const { stdout, stderr } = await scene.run("check");
        // Of what was deleted in such a bucket, versitygw believes for conditions and names that it is there: that is told, and all the rest, too.
        for (const capability of ["write and read", "ranges", "all or nothing", "delete", "list"])
          expect(stdout, `${turn} a backup: ${stderr}`).to.match(new RegExp(`^${capability} +yes `, "m"));
        expect(stdout).to.not.contain("couldn't be removed");
        expect(stdout).to.match(
          /^warning +versions bucket +.*keeps what is replaced as versions.*\n *→ .*enabled: false.*lifecycle rule/m,
        );
        await scene.expect(0, "backup");
      }
      scene.addToSink("bucket", "continuous: {enabled: false}");
      expect((await scene.run("check")).stdout).to.not.match(/versions bucket/);
    });

  it("says nothing of versions where there are none", async () => {
    await server.createBucket("bucket-plain", {});
    scene.writeSink("bucket", [
      "type: s3",
      "bucket: bucket-plain",
      `endpoint: ${server.endpoint}`,
      `region: ${server.region}`,
      `access_key_id: ${server.accessKeyId}`,
      `secret_access_key: {file: ${join(scene.directory, "secret")}}`,
    ]);
    expect((await scene.expect(0, "check")).stdout).to.not.match(/versions bucket/);
  });
});
