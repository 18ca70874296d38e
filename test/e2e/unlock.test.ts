import { createHash } from "node:crypto";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ProcessIdentity, thisProcess } from "@axon-backup/sink";
import { expect } from "chai";
import { expectVerified, restorePointsAt } from "../support/repository.js";
import { Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

interface UnlockJson {
  readonly lock: { readonly host: string; readonly pid: number; readonly state: string } | null;
  readonly removed: boolean;
}

const LONG_AGO = new Date("2026-01-01T00:00:00.000Z");

describe("unlock", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open();
    await scene.expect(0, "backup");
  });
  afterEach(() => scene.close());

  const lock = (): string => join(scene.sinkPath(), "writer.json");

  /** What a run has left that isn't this process. */
  function leaveLock(process: ProcessIdentity): void {
    const time = LONG_AGO.toISOString();
    const body = JSON.stringify({ id: "other", process, agent: "0.1.0", since: time, renewed: time });
    const sum = createHash("sha256").update(body).digest("hex");
    writeFileSync(lock(), `{"axon-backup":"writer","sha256":"${sum}",\n"body":${body}}\n`);
    utimesSync(lock(), LONG_AGO, LONG_AGO);
  }

  it("says so where nothing is locked", async () => {
    const { lock: found, removed } = await scene.json<UnlockJson>(["unlock"]);
    expect({ found, removed }).to.deep.equal({ found: null, removed: false });
  });

  it("explains the lock of a process elsewhere that gives no sign of life, and removes it only when it is told to", async () => {
    leaveLock({ ...thisProcess(), host: "another-host", pid: 4711 });
    expect((await scene.expect(0, "check")).stdout).to.match(/lock +nas +.*process 4711 on another-host/);
    const { stderr } = await scene.expect(2, "unlock");
    expect(stderr)
      .to.include("process 4711 on another-host")
      .and.to.include("2026-01-01 00:00:00 UTC")
      .and.to.include("no sign of life")
      .and.to.include("--yes");
    expect(existsSync(lock())).to.equal(true);
    const { lock: found, removed } = await scene.json<UnlockJson>(["unlock", "--yes"]);
    expect(found).to.include({ host: "another-host", pid: 4711, state: "silent" });
    expect(removed).to.equal(true);
    expect(existsSync(lock())).to.equal(false);
    await scene.expect(0, "backup");
  });

  it("removes the lock of a process of this machine that is dead", async () => {
    const running = scene.start(["backup"]);
    await holdsWhile(running, () => existsSync(lock()));
    running.kill("SIGKILL");
    await running.ended;
    const { stderr } = await scene.expect(2, "unlock");
    expect(stderr).to.include("the process is dead").and.to.include("there is no need to remove it");
    const { lock: found } = await scene.json<UnlockJson>(["unlock", "--yes"]);
    expect(found?.state).to.equal("dead");
    expect(existsSync(lock())).to.equal(false);
  });

  it("refuses the lock of a process that lives, even one that stands still, and says how to stop it", async () => {
    const running = scene.start(["backup"]);
    await holdsWhile(running, () => existsSync(lock()));
    running.kill("SIGSTOP");
    const { stderr } = await scene.expect(6, "unlock", "--yes");
    expect(stderr).to.include(`kill ${running.pid}`);
    expect(existsSync(lock())).to.equal(true);
    running.kill("SIGCONT");
    const { code, stderr: said } = await running.ended;
    expect(code, said).to.equal(0);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(2);
  });

  it("whose lock is taken away from it, a run ends without a restore point, and does no harm", async () => {
    scene.server.appendSample("default", 50);
    const handle = scene.server.misbehave({
      path: /type=EVENT.*lastClosedSegmentBackedUp=152/,
      behaviour: { kind: "hold" },
    });
    const running = scene.start(["backup"]);
    await holdsWhile(running, () => existsSync(lock()));
    await handle.reached(1);
    leaveLock({ ...thisProcess(), host: "another-host", pid: 4711 });
    await scene.expect(0, "unlock", "--yes");
    handle.release();
    const { code, stderr } = await running.ended;
    expect(code, stderr).to.equal(6);
    expect(stderr).to.include("somebody has removed it");
    expect(restorePointsAt(scene.sinkPath())).to.have.length(1);
    await expectVerified(scene.sinkPath(), "afterwards");
  });
});
