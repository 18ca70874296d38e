import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectVerified, leftoversAt, restorePointsAt } from "../support/repository.js";
import { compareStores, type Ended, filesBelow, Scene } from "../support/scene.js";
import { holdsWhile, reachedBy } from "../support/wait.js";

/** Enough files that a transfer takes far longer than noticing that it began. */
function manySegments(storage: string): Promise<unknown> {
  return generateStore({
    directory: join(storage, "default"),
    segments: 300,
    segmentSize: 16_384,
    indexBytes: 4096,
  });
}

function expectInterrupted({ code, signal, stderr }: Ended, name: string): void {
  expect({ code, signal }, stderr).to.deep.equal({ code: 130, signal: null });
  expect(stderr)
    .to.include(`interrupted by ${name}`)
    .and.to.not.match(/\n\s+at /);
}

describe("a backup that is interrupted", () => {
  let scene: Scene;
  afterEach(() => scene.close());

  for (const name of ["SIGTERM", "SIGINT"] as const) {
    it(`by ${name} while it waits for the server commits nothing`, async () => {
      scene = await Scene.open({ rebuildIndexes: true });
      const handle = scene.server.misbehave({
        path: /eventstore\?type=EVENT&targetContext=default$/,
        behaviour: { kind: "hold" },
      });
      const running = scene.start(["backup"]);
      await reachedBy(running, handle);
      running.kill(name);
      expectInterrupted(await running.ended, name);
      expect(restorePointsAt(scene.sinkPath())).to.deep.equal([]);
      expect(leftoversAt(scene.sinkPath())).to.deep.equal([]);
      scene.server.misbehave(undefined);
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
    });

    it(`by ${name} in its transfer commits nothing, leaves no temporary file, and goes on next time`, async () => {
      scene = await Scene.open({ store: null, prepare: manySegments });
      const events = join(scene.sinkPath(), "contexts/default/events");
      const running = scene.start(["backup"]);
      await holdsWhile(
        running,
        () => existsSync(events) && readdirSync(events).some((file) => file.endsWith(".events")),
      );
      running.kill(name);
      expectInterrupted(await running.ended, name);
      expect(readdirSync(events).length, "stored before the signal").to.be.within(1, 899);
      expect(restorePointsAt(scene.sinkPath())).to.deep.equal([]);
      expect(leftoversAt(scene.sinkPath()).filter((path) => !path.startsWith("checkpoints/"))).to.deep.equal(
        [],
      );
      await scene.expect(0, "backup");
      expect(leftoversAt(scene.sinkPath())).to.deep.equal([]);
      await expectVerified(scene.sinkPath(), "after the next run");
    });
  }

  it("keeps the restore points there are", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    await scene.expect(0, "backup");
    const before = restorePointsAt(scene.sinkPath());
    scene.server.appendSample("default", 100);
    const handle = scene.server.misbehave({ path: "/createControlDbBackup", behaviour: { kind: "hold" } });
    const running = scene.start(["backup"]);
    await reachedBy(running, handle);
    running.kill("SIGTERM");
    expectInterrupted(await running.ended, "SIGTERM");
    expect(restorePointsAt(scene.sinkPath())).to.deep.equal(before);
    await expectVerified(scene.sinkPath(), "after the signal");
  });

  it("says so in its JSON", async () => {
    scene = await Scene.open();
    const handle = scene.server.misbehave({ path: "/createControlDbBackup", behaviour: { kind: "hold" } });
    const running = scene.start(["backup", "--json"]);
    await reachedBy(running, handle);
    running.kill("SIGTERM");
    const { code, stdout } = await running.ended;
    expect(code).to.equal(130);
    const { error } = JSON.parse(stdout) as { error: { message: string; exitCode: number } };
    expect(error.exitCode).to.equal(130);
    expect(error.message).to.include("interrupted");
  });
});

describe("a restore that is interrupted", () => {
  it("leaves the target as it was, and succeeds next time", async () => {
    const scene = await Scene.open({ store: null, prepare: manySegments });
    try {
      await scene.expect(0, "backup");
      const target = scene.path("restored");
      const staging = join(target, ".axon-backup-restore/tree/default");
      const running = scene.start(["restore", "--to", target]);
      await holdsWhile(running, () => existsSync(staging) && readdirSync(staging).length > 0);
      running.kill("SIGTERM");
      expectInterrupted(await running.ended, "SIGTERM");
      expect(existsSync(target), "the directory that the restore made").to.equal(false);
      await scene.expect(0, "restore", "--to", target);
      compareStores(join(scene.storage, "default"), join(target, "default"));
      expect([...filesBelow(target).keys()].filter((name) => name.startsWith("."))).to.deep.equal([]);
    } finally {
      await scene.close();
    }
  });
});

describe("a second signal", () => {
  it("ends the process at once, also when a file system hangs", async () => {
    const scene = await Scene.open();
    // Whatever the agent reads by itself, it doesn't wait for; a plugin's code is Node's to load.
    const plugin = scene.path("hanging");
    mkdirSync(plugin);
    execFileSync("mkfifo", [join(plugin, "package.json")]);
    scene.writeSink("nas", [`type: ${plugin}`]);
    const running = scene.start(["backup"]);
    try {
      // Opening a FIFO that nobody writes to waits in the kernel, as opening a file on a network file system that hangs does.
      await holdsWhile(running, () => waitsInOpen(running.pid));
      running.kill("SIGTERM");
      running.kill("SIGINT");
      const { code, signal, stdout, stderr } = await running.ended;
      expect([130, "SIGINT", "SIGTERM"], stdout + stderr).to.include(code ?? signal);
    } finally {
      running.kill("SIGKILL");
      await scene.close();
    }
  });
});

/** Whether a thread of the process waits for the other end of a FIFO. */
function waitsInOpen(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).some((thread) => {
    try {
      return readFileSync(`/proc/${pid}/task/${thread}/wchan`, "utf8").includes("wait_for_partner");
    } catch (error) {
      if (error instanceof Error && "code" in error && error.code === "ENOENT") return false; // ended meanwhile
      throw error;
    }
  });
}
