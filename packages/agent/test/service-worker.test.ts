import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  EngineError,
  type FollowEnd,
  LockedError,
  type SinkReport,
  type VerifyReport,
} from "@axon-backup/core";
import { SinkError, thisProcess } from "@axon-backup/sink";
import { expect } from "chai";
import { NO_DAMAGE } from "./fakes.js";
import { committed, failed, held, STORED, untilAborted, WorkerScene } from "./service-worker-scene.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const gone = new SinkError("transient", "the network is away");

describe("a sink's worker", () => {
  let scene: WorkerScene;
  afterEach(() => scene.end());

  it("makes a restore point at once where there is none, follows, and stops following for the next one", async () => {
    scene = new WorkerScene();
    expect(scene.state).to.include({ health: "starting" });
    scene.start();
    await scene.time.pass(HOUR - 1);
    expect(scene.asked).to.deep.equal(["12:00:00 restore-point", "12:00:00 follow"]);
    expect(scene.state.health).to.equal("current");
    expect(scene.state.activity).to.include({ job: "follow" });
    expect(scene.state.nextRestorePoint?.toISOString()).to.equal("2026-11-24T13:00:00.000Z");
    await scene.time.pass(1);
    expect(scene.asked.slice(2)).to.deep.equal(["13:00:00 restore-point", "13:00:00 follow"]);
    expect(scene.state.restorePoints).to.have.length(2);
    expect(scene.events.filter(({ kind }) => kind === "restore-point")).to.have.length(2);
  });

  it("makes the first restore point also where none is ever due, because new events go on from one; and no other", async () => {
    const schedule = { kind: "never" } as const;
    scene = new WorkerScene({ schedule });
    scene.start();
    await scene.time.pass(5 * HOUR);
    expect(scene.asked).to.deep.equal(["12:00:00 restore-point", "12:00:00 follow"]);
    await scene.end();
    scene = new WorkerScene({
      schedule,
      continuous: { enabled: false, interval: 1000, maxPutRate: { count: 1, per: 1 }, notice: "auto" },
    });
    scene.start();
    await scene.time.pass(5 * HOUR);
    expect(scene.asked).to.deep.equal([]);
  });

  it("goes by what is on the sink: what is overdue is made at once, and once; what isn't, later", async () => {
    scene = new WorkerScene({}, "2026-11-24T12:00:00Z");
    scene.content = { points: ["20261120T120000.000Z"] };
    scene.start();
    await scene.time.pass(0);
    expect(scene.asked).to.deep.equal(["12:00:00 restore-point", "12:00:00 follow"]);
    expect(scene.state.restorePoints.map(({ isOwn }) => isOwn)).to.deep.equal([false, true]);
    await scene.end();

    scene = new WorkerScene({}, "2026-11-24T12:00:00Z");
    scene.content = { points: ["20261124T114500.000Z"] };
    scene.start();
    await scene.time.pass(45 * MINUTE);
    expect(scene.asked).to.deep.equal(["12:00:00 follow", "12:45:00 restore-point", "12:45:00 follow"]);
  });

  it("makes up for what a sleeping machine has missed, within half a minute after it is awake, once", async () => {
    scene = new WorkerScene();
    scene.start();
    await scene.time.pass(MINUTE);
    scene.time.sleep(20 * HOUR);
    await scene.time.pass(MINUTE);
    expect(scene.asked).to.deep.equal([
      "12:00:00 restore-point",
      "12:00:00 follow",
      "08:01:30 restore-point",
      "08:01:30 follow",
    ]);
  });

  it("does one thing at a time, and what became due meanwhile once", async () => {
    scene = new WorkerScene({ schedule: { kind: "every", milliseconds: MINUTE, jitter: 0 } });
    const long = held<SinkReport>();
    scene.backups = [long.work, committed];
    scene.start();
    await scene.time.pass(10 * MINUTE);
    scene.worker.restorePointNow("asked for");
    await scene.time.pass(0);
    expect(scene.asked).to.deep.equal(["12:00:00 restore-point"]);
    long.resolve(committed());
    await scene.time.pass(0);
    expect(scene.asked.slice(1)).to.deep.equal(["12:10:00 restore-point", "12:10:00 follow"]);
    expect(scene.busiest).to.equal(1);
  });

  it("waits longer after each failure, tells of each, and of the first success", async () => {
    scene = new WorkerScene({
      continuous: { enabled: false, interval: 1000, maxPutRate: { count: 1, per: 1 }, notice: "auto" },
    });
    scene.backups = [() => failed(gone), () => failed(gone), () => failed(gone), committed];
    scene.start();
    await scene.time.pass(2 * MINUTE);
    expect(scene.asked).to.deep.equal([
      "12:00:00 restore-point",
      "12:00:05 restore-point",
      "12:00:15 restore-point",
      "12:00:35 restore-point",
    ]);
    expect(scene.kinds().filter((kind) => kind !== "restore-point")).to.deep.equal([
      "failed",
      "failed",
      "failed",
      "recovered",
    ]);
    expect(scene.state.failure).to.equal(undefined);
    expect(scene.state.restorePoints, "attempts that failed in a row are one").to.have.length(2);
  });

  it("is tried again each minute as long as the server is asked for nothing", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T100000.000Z"] };
    scene.backups = [() => failed(gone)];
    scene.follows = [() => Promise.reject(gone)];
    scene.start();
    await scene.time.pass(HOUR);
    const tries = scene.asked.filter((one) => one.endsWith("restore-point"));
    expect(tries.length).to.be.within(60, 66);
    scene.follows = [untilAborted];
    scene.backups = [committed];
    await scene.time.pass(2 * MINUTE);
    expect(scene.state.failure).to.equal(undefined);
  });

  it("is tried again at once when the sink answers again", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T100000.000Z"] };
    scene.steps = ["lock", "repository"];
    scene.backups = [() => failed(gone)];
    scene.follows = [() => Promise.reject(gone)];
    scene.start();
    await scene.time.pass(HOUR);
    scene.backups = [committed];
    scene.follows = [
      ({ onEvent }) => {
        onEvent?.({ kind: "cycle", stored: STORED, bytes: 1, objects: 1, milliseconds: 1 });
        return new Promise(() => undefined);
      },
    ];
    const before = scene.asked.length;
    await scene.time.pass(MINUTE);
    expect(scene.asked.slice(before).map((one) => one.split(" ")[1])).to.deep.equal([
      "follow",
      "restore-point",
      "follow",
    ]);
  });

  it("goes on storing new events while a restore point that was asked for fails", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115900.000Z"] };
    scene.backups = [() => failed(new EngineError("failed", "the control DB can't be read", "Let it."))];
    scene.start();
    await scene.time.pass(1000);
    scene.worker.restorePointNow("asked for");
    await scene.time.pass(1000);
    expect(scene.state.failure).to.include({ job: "restore-point" });
    expect(scene.state.activity).to.include({ job: "follow" });
  });

  it("waits no longer than its holder lives for a repository that a process of this machine has", async () => {
    const child = spawn("sleep", ["100"]);
    const exited = once(child, "exit");
    const holder = { ...thisProcess(), pid: child.pid ?? 0, started: null };
    try {
      scene = new WorkerScene();
      scene.content = { points: ["20261124T100000.000Z"] };
      const locked = new LockedError("another service writes to this repository", "Wait.", holder);
      scene.backups = [() => failed(locked)];
      scene.follows = [() => Promise.reject(locked)];
      scene.start();
      await scene.time.pass(10_000);
      const before = scene.asked.length;
      child.kill("SIGKILL");
      await exited;
      scene.backups = [committed];
      scene.follows = [untilAborted];
      await scene.time.pass(6000);
      expect(scene.asked.slice(before).map((one) => one.split(" ")[1])).to.deep.equal([
        "restore-point",
        "follow",
      ]);
    } finally {
      child.kill("SIGKILL");
    }
  });

  it("is failing, with the reason, until then; and ten minutes is the longest wait", async () => {
    scene = new WorkerScene();
    scene.steps = ["lock", "repository"];
    scene.backups = [() => failed(gone)];
    scene.start();
    await scene.time.pass(3 * HOUR);
    const { health, failure, reasons } = scene.state;
    expect({ health, job: failure?.job }).to.deep.equal({ health: "failing", job: "restore-point" });
    expect(reasons.join("\n")).to.contain("the network is away").and.contain("no restore point for");
    expect(scene.asked.length).to.be.within(22, 26);
  });

  it("follows although a restore point fails, as long as there is one to follow", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T100000.000Z"] };
    scene.backups = [() => failed(new EngineError("failed", "the control DB can't be read", "Let it."))];
    scene.start();
    await scene.time.pass(1000);
    expect(scene.asked).to.deep.equal(["12:00:00 restore-point", "12:00:00 follow"]);
    expect(scene.state.activity?.job).to.equal("follow");
    expect(scene.state.health).to.equal("failing");
  });

  it("waits for somebody else who has the repository, and calls that a failure only when it takes long", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T100000.000Z"] };
    const locked = new EngineError("locked", "another backup writes to this repository", "Wait for its end.");
    scene.backups = [() => failed(locked)];
    scene.follows = [() => Promise.reject(locked)];
    scene.start();
    await scene.time.pass(5 * MINUTE);
    expect(scene.kinds()).not.to.contain("failed");
    expect(scene.state).to.include({ lease: "elsewhere" });
    expect(scene.asked.length, "about once a minute, both").to.be.within(10, 12);
    await scene.time.pass(10 * MINUTE);
    expect(scene.kinds()).to.contain("failed");
  });

  it("makes a restore point at once when the history has diverged, and tells of it", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115000.000Z"] };
    const diverged: FollowEnd = { reason: "diverged", message: "the server's history is another one" };
    scene.follows = [() => Promise.resolve(diverged), untilAborted];
    const change = {
      context: "default",
      timeline: 2,
      from: null,
      reason: "segment 0 differs",
      resumed: false,
    };
    scene.backups = [() => committed([change])];
    scene.start();
    await scene.time.pass(0);
    expect(scene.asked).to.deep.equal(["12:00:00 follow", "12:00:00 restore-point", "12:00:00 follow"]);
    expect(scene.kinds()).to.deep.equal(["restore-point", "diverged"]);
  });

  it("doesn't begin anew where a repository was", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.follows = [() => Promise.resolve({ reason: "no-restore-point", message: "the sink is empty" })];
    scene.start();
    await scene.time.pass(0);
    scene.content = {};
    await scene.time.pass(10 * MINUTE);
    expect(scene.asked.filter((what) => what.endsWith("restore-point"))).to.deep.equal([
      "12:00:00 restore-point",
    ]);
    expect(scene.state.health).to.equal("failing");
    expect(scene.state.failure?.error.message).to.include("is gone");
    expect(scene.kinds(), "nothing has become well").not.to.include("recovered");
  });

  it("hasn't recovered when following ends before it has stored anything", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.follows = [
      () => Promise.reject(gone),
      () => Promise.resolve({ reason: "many-segments", message: "there are many" }),
    ];
    scene.backups = [() => Promise.reject(gone)];
    scene.start();
    await scene.time.pass(10_000);
    expect(scene.asked).to.include("12:00:02 restore-point");
    expect(scene.kinds()).not.to.include("recovered");
  });

  it("compares again when the server's files have changed, and knows that as a failure", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.follows = [() => Promise.resolve({ reason: "changed", message: "its bytes are others" })];
    scene.start();
    await scene.time.pass(0);
    expect(scene.state.failure?.error).to.include({ unexpected: false });
    expect(scene.state.failure?.error.message).to.contain("have changed: its bytes are others");
    await scene.time.pass(10_000);
    expect(scene.asked.slice(0, 2)).to.deep.equal(["12:00:00 follow", "12:00:02 follow"]);
  });

  it("isn't led into making one restore point after the other that don't help", async () => {
    scene = new WorkerScene();
    scene.follows = [
      () => Promise.resolve({ reason: "contexts-changed", message: "there is another context" }),
    ];
    scene.start();
    await scene.time.pass(10 * MINUTE);
    expect(scene.asked.filter((what) => what.endsWith("restore-point")).length).to.be.within(5, 9);
  });

  it("begins to follow again after a failure, and has recovered with the first new events", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.follows = [
      () => Promise.reject(gone),
      () => Promise.reject(gone),
      (options) => {
        const following = untilAborted(options);
        options.onEvent?.({ kind: "cycle", stored: STORED, bytes: 10, objects: 1, milliseconds: 5 });
        return following;
      },
    ];
    scene.start();
    await scene.time.pass(10_000);
    expect(scene.asked).to.deep.equal(["12:00:00 follow", "12:00:02 follow", "12:00:06 follow"]);
    expect(scene.kinds()).to.deep.equal(["failed", "failed", "recovered", "cycle"]);
    expect(scene.state.health).to.equal("current");
  });

  it("verifies beside following, and stores again at once what was found damaged", async () => {
    const nightly = { kind: "cron", expression: "30 12 * * *", timezone: "UTC", jitter: 0 } as const;
    scene = new WorkerScene({ verify: { schedule: nightly, readData: true } });
    const key = "contexts/default/events/0.events";
    scene.content = { points: ["20261124T115500.000Z"], verified: "2026-11-24T00:00:00.000Z" };
    const long = held<VerifyReport>();
    scene.verifies = [long.work];
    scene.start();
    await scene.time.pass(35 * MINUTE);
    expect(scene.asked).to.deep.equal(["12:00:00 follow", "12:30:00 verify", "12:30:00 follow"]);
    const finding = { key, finding: "is damaged", depth: "data", mendable: true, restorePoints: [] } as const;
    long.resolve({ ...NO_DAMAGE, damaged: true, findings: [finding] });
    await scene.time.pass(0);
    expect(scene.asked.slice(3)).to.deep.equal(["12:35:00 restore-point", "12:35:00 follow"]);
    expect(scene.kinds()).to.deep.equal(["verified", "damage", "restore-point"]);
    expect(scene.state.damagedObjects, "it was mended").to.equal(0);
    expect(scene.state.lastVerify).to.include({ findings: 1 });
  });

  it("has damage that no backup mends", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T115500.000Z"], damaged: ["contexts/default/events/0.events"] };
    scene.start();
    await scene.time.pass(0);
    scene.worker.restorePointNow("asked for");
    await scene.time.pass(0);
    expect(scene.state).to.include({ health: "damaged", damagedObjects: 1 });
  });

  it("remembers when it has pruned last, over a restart as well", async () => {
    const service = { prune: { kind: "every", milliseconds: 24 * HOUR, jitter: 0 } } as const;
    const retention = { last: 1 };
    const content = { points: ["20261124T115900.000Z"] };
    const objects = new Map([["repository.json", new Uint8Array(1)]]);
    scene = new WorkerScene(service, "2026-11-24T12:00:00Z", { retention });
    Object.assign(scene, { content, objects });
    scene.start();
    await scene.time.pass(2 * HOUR);
    const pruned = scene.asked.filter((one) => one.endsWith("prune"));
    expect(pruned).to.deep.equal(["13:00:00 prune"]);
    await scene.end();

    scene = new WorkerScene(service, "2026-11-24T15:00:00Z", { retention });
    Object.assign(scene, { content: { points: ["20261124T145900.000Z"] }, objects });
    scene.start();
    await scene.time.pass(5000);
    expect(scene.state.lastPrune).to.deep.equal({
      finished: new Date("2026-11-24T13:00:00Z"),
      restorePoints: 0,
      objects: 0,
      bytes: 0,
    });
    await scene.time.pass(21 * HOUR);
    expect(scene.asked.filter((one) => one.endsWith("prune"))).to.deep.equal([]);
    await scene.time.pass(HOUR);
    expect(scene.asked.filter((one) => one.endsWith("prune"))).to.deep.equal(["13:00:00 prune"]);
  });

  it("shows restore points that were made of what was stored before the history diverged", async () => {
    scene = new WorkerScene();
    scene.content = { points: ["20261124T100000.000Z"] };
    scene.promoted.push("20261124T115959.000Z");
    scene.start();
    await scene.time.pass(1000);
    const shown = scene.state.restorePoints.map(({ id, isOwn, isPromoted }) => [
      id,
      isOwn,
      isPromoted === true,
    ]);
    expect(shown).to.deep.equal([
      ["20261124T100000.000Z", false, false],
      ["20261124T115959.000Z", true, true],
      ["20261124T120000.000Z", true, false],
    ]);
    expect(
      scene.events.filter(({ kind }) => kind === "restore-point"),
      "made are those that were planned",
    ).to.have.length(1);
  });

  it("prunes where there are rules, at the time for it", async () => {
    scene = new WorkerScene({}, "2026-11-24T12:00:00Z", { retention: { last: 3 } });
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.start();
    await scene.time.pass(16 * 60 * MINUTE);
    expect(scene.asked.some((asked) => asked.endsWith("prune"))).to.equal(false);
    await scene.time.pass(76 * MINUTE);
    expect(scene.asked.filter((asked) => asked.endsWith("prune"))).to.have.length(1);
    expect(scene.state.lastPrune?.finished.toISOString()).to.match(/^2026-11-25T05:[01]/);
  });

  it("waits for a sink that can't be opened, which nobody knows anything of yet", async () => {
    scene = new WorkerScene();
    scene.openFails = gone;
    scene.start();
    await scene.time.pass(3000);
    expect(scene.asked).to.deep.equal([]);
    expect(scene.state).to.include({ health: "failing" });
    scene.openFails = undefined;
    await scene.time.pass(5000);
    expect(scene.asked).to.deep.equal(["12:00:05 restore-point", "12:00:05 follow"]);
    expect(scene.kinds()).to.deep.equal(["failed", "recovered", "restore-point"]);
  });

  it("ends whatever it is doing, and calls it no failure", async () => {
    for (const job of ["restore-point", "follow"]) {
      scene = new WorkerScene();
      if (job === "restore-point") scene.backups = [held<SinkReport>().work];
      scene.start();
      await scene.time.pass(0);
      expect(scene.state.activity?.job).to.equal(job);
      await scene.end();
      expect(scene.kinds()).not.to.contain("failed");
    }
  });

  it("tells by its progress whether it gets on", async () => {
    scene = new WorkerScene();
    scene.backups = [held<SinkReport>().work];
    scene.start();
    await scene.time.pass(0);
    const before = scene.worker.progress();
    expect(before).to.be.a("string");
    await scene.time.pass(HOUR);
    expect(scene.worker.progress()).to.equal(before);
  });
});
