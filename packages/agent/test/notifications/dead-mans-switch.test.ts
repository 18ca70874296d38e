import { expect } from "chai";
import type { PingTarget } from "../../dist/config/notifications-types.js";
import type { RestorePointResult, ServiceEvent, ServiceState } from "../../dist/service/model.js";
import { DeadMansSwitch } from "../../dist/service/notifications/dead-mans-switch.js";
import { FakeClock, memoryLog, MINUTE, sinkOf, START, stateOf } from "./support.js";

const point = (id: string | undefined, isOwn = true): RestorePointResult => ({
  started: START,
  finished: START,
  id,
  bytes: 1,
  isOwn,
});
const made = (id: string | undefined, isOwn = true): ServiceEvent => ({
  kind: "restore-point",
  sink: "nas",
  result: point(id, isOwn),
});

function scene(more: Partial<PingTarget> = {}) {
  const clock = new FakeClock();
  const { log, lines } = memoryLog();
  const fetched: number[] = [];
  const scene = {
    clock,
    lines,
    fetched,
    state: stateOf([sinkOf("nas"), sinkOf("s3")]),
    problem: undefined as Error | undefined,
    switch: undefined as unknown as DeadMansSwitch,
    /** Lets time go by in seconds, so that each fetch ends. */
    async pass(milliseconds: number): Promise<void> {
      const end = clock.time + milliseconds;
      for (;;) {
        for (let i = 0; i < 5; i++) await new Promise(setImmediate);
        if (clock.time >= end) return;
        clock.advance(Math.min(1000, end - clock.time));
      }
    },
    change(state: ServiceState): void {
      scene.state = state;
      scene.switch.look();
    },
  };
  scene.switch = new DeadMansSwitch({
    channel: "ping",
    target: {
      kind: "ping",
      url: "https://ping.example.org/1",
      when: "current",
      every: MINUTE,
      timeout: 1000,
      ...more,
    },
    fetch: () => {
      fetched.push(clock.time / 1000);
      return scene.problem ? Promise.reject(scene.problem) : Promise.resolve();
    },
    state: () => scene.state,
    clock,
    log,
    redact: (text) => text.replaceAll("sesame", "[secret]"),
  });
  return scene;
}

describe("a dead man's switch", () => {
  it("is told again and again that every sink is current", async () => {
    const ping = scene();
    ping.switch.look();
    for (let i = 0; i < 50; i++) ping.switch.look();
    await ping.pass(5 * MINUTE);
    expect(ping.fetched).to.deep.equal([0, 60, 120, 180, 240, 300]);
  });

  for (const health of ["starting", "behind", "failing", "damaged"] as const)
    it(`hears nothing as long as a sink is ${health}, and at once when it is current`, async () => {
      const ping = scene();
      ping.change(stateOf([sinkOf("nas"), sinkOf("s3", { health })]));
      await ping.pass(10 * MINUTE);
      expect(ping.fetched).to.deep.equal([]);
      ping.change(stateOf([sinkOf("nas"), sinkOf("s3")]));
      await ping.pass(0);
      expect(ping.fetched).to.deep.equal([600]);
    });

  it("hears no more of a service that ends, or has no sink", async () => {
    const ping = scene();
    ping.change(stateOf([sinkOf("nas")], { isStopping: true }));
    ping.change(stateOf([]));
    await ping.pass(MINUTE);
    expect(ping.fetched).to.deep.equal([]);
  });

  it("that can't be reached is tried again with pauses, which is logged once", async () => {
    const ping = scene();
    ping.problem = new Error("no way to sesame");
    ping.switch.look();
    await ping.pass(5 * MINUTE);
    expect(ping.fetched.slice(0, 4)).to.deep.equal([0, 1, 3, 7]);
    expect(ping.fetched.length).to.be.below(15);
    const warnings = ping.lines.filter(({ level }) => level === "warn");
    expect(warnings.map(({ message }) => message)).to.have.length(1);
    expect(warnings[0]?.message).to.include("no way to [secret]");
    ping.problem = undefined;
    await ping.pass(2 * MINUTE);
    expect(ping.lines.at(-1)?.message).to.equal("notifications: ping: works again");
  });

  it("hears of restore points, of those that the service makes", async () => {
    const ping = scene({ when: "restore-point" });
    const withPoints = stateOf([
      sinkOf("nas", { restorePoints: [point("a")], health: "behind" }),
      sinkOf("never", { health: "behind" }),
    ]);
    ping.change(withPoints);
    ping.switch.event(made("a", false));
    ping.switch.look();
    await ping.pass(MINUTE);
    expect(ping.fetched).to.deep.equal([]);
    ping.switch.event(made("b"));
    ping.switch.look();
    await ping.pass(10 * MINUTE);
    expect(ping.fetched).to.deep.equal([60]);
    // Two within a minute are told as one, when it is over: not forgotten.
    for (const id of ["c", "d", "e"]) {
      ping.switch.event(made(id));
      ping.switch.look();
      await ping.pass(1000);
    }
    await ping.pass(10 * MINUTE);
    expect(ping.fetched).to.deep.equal([60, 660, 720]);
  });

  it("hears of no restore point as long as another sink has none, or fails", async () => {
    const ping = scene({ when: "restore-point" });
    const of = (...ids: readonly (string | undefined)[]): ServiceState =>
      stateOf([
        sinkOf("nas", { restorePoints: [point("a")] }),
        sinkOf("s3", { restorePoints: ids.map((id) => point(id)), nextRestorePoint: START }),
      ]);
    for (const state of [of(), of("a", undefined)]) {
      ping.change(state);
      ping.switch.event(made("b"));
      ping.switch.look();
      await ping.pass(MINUTE);
    }
    expect(ping.fetched).to.deep.equal([]);
    ping.change(of("a", undefined, "b"));
    await ping.pass(MINUTE);
    expect(ping.fetched).to.deep.equal([120]);
  });

  it("ends, and its timer with it", async () => {
    const ping = scene();
    ping.switch.look();
    await ping.pass(1000);
    await ping.switch.close();
    expect(ping.clock.timers).to.equal(0);
    await ping.pass(10 * MINUTE);
    expect(ping.fetched).to.deep.equal([0]);
  });
});
