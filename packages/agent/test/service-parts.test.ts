import type { SinkCounts } from "@axon-backup/core";
import { expect } from "chai";
import { ConfigurationError } from "../dist/config/problem.js";
import { healthOf, latenessOf, type SinkFacts } from "../dist/service/health.js";
import { Heartbeats } from "../dist/service/heartbeats.js";
import { lineOf } from "../dist/service/log-events.js";
import { MESSAGE_IDS } from "../dist/service/message-ids.js";
import type { ServiceEvent, ServiceState } from "../dist/service/model.js";
import { promiseOf } from "../dist/service/promise.js";
import { Punctuality } from "../dist/service/punctuality.js";
import { Reloader } from "../dist/service/reloader.js";
import { statusLine } from "../dist/service/systemd/status-line.js";
import { debounced, isConfiguration } from "../dist/service/watch-configuration.js";
import { DEFAULT_SINK_SERVICE } from "../dist/config/sink-service.js";
import { describeError } from "../dist/errors/describe-error.js";
import { AxonServerError } from "@axon-backup/axon-server";
import { Failures } from "../dist/service/failures.js";
import { ServerBoard } from "../dist/service/server-board.js";
import { ToldTroubles } from "../dist/service/told-troubles.js";
import { FakeTime } from "./fake-time.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const NOW = new Date("2026-11-24T12:00:00Z");
const ago = (milliseconds: number): Date => new Date(NOW.getTime() - milliseconds);
const NO_COUNTS: SinkCounts = { methods: {}, bytesUp: 0, bytesDown: 0 };

function facts(change: Partial<SinkFacts> = {}): SinkFacts {
  return {
    name: "nas",
    type: "local",
    since: ago(5 * HOUR),
    activity: undefined,
    retrying: undefined,
    restorePoints: [{ started: ago(HOUR), finished: ago(HOUR), id: "x", bytes: 1, isOwn: true }],
    nextRestorePoint: undefined,
    lastSuccess: ago(1000),
    lags: [],
    lastVerify: undefined,
    lastPrune: undefined,
    failure: undefined,
    damagedObjects: 0,
    lease: "free",
    counts: NO_COUNTS,
    promise: { lag: 2 * MINUTE, restorePoint: 2 * HOUR },
    ...change,
  };
}

const behind = (since: Date | undefined, tokens = 5) => ({
  context: "default",
  storedToken: 10,
  serverToken: 10 + tokens,
  tokens,
  bytes: 2048,
  since,
});

describe("how a sink is", () => {
  it("is current within its promises, starting while nothing is stored, and nothing else", () => {
    expect(healthOf(facts({ lags: [behind(ago(MINUTE))] }), NOW)).to.deep.include({
      health: "current",
      reasons: [],
    });
    const nothing = facts({ restorePoints: [], lastSuccess: undefined, since: ago(MINUTE) });
    expect(healthOf(nothing, NOW)).to.deep.include({
      health: "starting",
      reasons: ["nothing is stored on it yet"],
    });
    expect(healthOf({ ...nothing, since: ago(3 * HOUR) }, NOW)).to.deep.include({
      health: "behind",
      reasons: ["there has been no restore point for 3 h; promised are 2 h"],
    });
  });

  it("is behind by tokens, bytes and time", () => {
    expect(healthOf(facts({ lags: [behind(ago(3 * MINUTE), 1234)] }), NOW)).to.deep.include({
      health: "behind",
      reasons: ["context default is behind by 1,234 events, 2.0 KiB and 3 min; promised are 2 min"],
    });
    const free = { lag: undefined, restorePoint: undefined };
    expect(latenessOf(facts({ lags: [behind(ago(HOUR))], promise: free }), NOW)).to.deep.equal({});
  });

  it("has every reason, and the worst word", () => {
    const failure = {
      job: "restore-point",
      at: ago(1000),
      since: ago(HOUR),
      attempts: 3,
      cause: "sink",
      error: describeError(new Error("disk full")),
      retry: undefined,
    } as const;
    const { health, reasons } = healthOf(
      facts({ failure, damagedObjects: 2, lags: [behind(ago(HOUR))] }),
      NOW,
    );
    expect(health).to.equal("damaged");
    expect(reasons).to.have.length(3);
    expect(reasons[1]).to.equal("the restore point failed 3 times since 2026-11-24T11:00:00.000Z: disk full");
    expect(healthOf(facts({ failure }), NOW).health).to.equal("failing");
  });

  it("says why a call is being made again, before anything was given up", () => {
    const retrying = {
      since: ago(MINUTE),
      attempts: 4,
      retry: NOW,
      error: describeError(new Error("no route to host")),
    };
    const starting = facts({ retrying, lastSuccess: undefined });
    expect(healthOf(starting, NOW).reasons).to.deep.equal([
      "nothing is stored on it yet",
      "a call is tried again, and has failed 4 times since 2026-11-24T11:59:00.000Z: no route to host",
    ]);
    const late = facts({ retrying, lags: [behind(ago(HOUR))] });
    expect(healthOf(late, NOW).reasons.at(-1)).to.contain("no route to host");
    expect(healthOf(facts({ retrying }), NOW)).to.deep.equal({ health: "current", reasons: [], late: {} });
  });

  it("is held to what follows from its schedule, where nothing is said", () => {
    expect(promiseOf(DEFAULT_SINK_SERVICE, NOW)).to.deep.equal({
      lag: 2 * MINUTE,
      restorePoint: 2 * HOUR + 10 * MINUTE,
    });
    const never = { ...DEFAULT_SINK_SERVICE, schedule: { kind: "never" } as const };
    expect(promiseOf(never, NOW).restorePoint).to.equal(undefined);
    const own = { ...DEFAULT_SINK_SERVICE, promise: { lag: 1, restorePoint: 2 } };
    expect(promiseOf(own, NOW)).to.deep.equal({ lag: 1, restorePoint: 2 });
  });

  it("is told when a promise isn't kept any more, once, and when it is again", () => {
    const punctuality = new Punctuality();
    const late = facts({ lags: [behind(ago(HOUR))] });
    const kinds = (sinks: readonly SinkFacts[]) => punctuality.look(sinks, NOW).map(({ kind }) => kind);
    expect([
      kinds([facts()]),
      kinds([late]),
      kinds([late]),
      kinds([facts()]),
      kinds([facts()]),
    ]).to.deep.equal([[], ["late"], [], ["on-time"], []]);
    expect([kinds([late]), kinds([]), kinds([facts()])]).to.deep.equal([["late"], [], []]);
    const [event] = punctuality.look([late], NOW);
    expect(event).to.deep.include({ what: "lag", contexts: ["default"] });
  });
});

describe("work that gets on nowhere", () => {
  it("is stuck after half an hour, and no work never is", () => {
    const heartbeats = new Heartbeats();
    let step: string | undefined = "a";
    const worker = { name: "nas", progress: () => step };
    expect(heartbeats.stuck([worker], 0)).to.deep.equal([]);
    expect(heartbeats.stuck([worker], 30 * MINUTE)).to.deep.equal([]);
    expect(heartbeats.stuck([worker], 31 * MINUTE)).to.deep.equal(["nas"]);
    step = "b";
    expect(heartbeats.stuck([worker], 32 * MINUTE)).to.deep.equal([]);
    step = undefined;
    expect(heartbeats.stuck([worker], 33 * MINUTE)).to.deep.equal([]);
    expect(heartbeats.stuck([worker], 33 * MINUTE + 10 * HOUR)).to.deep.equal([]);
  });
});

describe("the line that systemd shows", () => {
  const state = (sinks: readonly SinkFacts[], more: Partial<ServiceState> = {}): ServiceState => ({
    version: "1",
    started: NOW,
    server: undefined,
    serverProblem: undefined,
    isNothingScheduled: false,
    sinks: sinks.map((sink) => ({ ...sink, ...healthOf(sink, NOW) })),
    rejectedConfiguration: undefined,
    isStopping: false,
    ...more,
  });

  it("says how many sinks are current, and what is wrong with the others", () => {
    const lags = [{ ...behind(undefined, 0), serverToken: 12_345_677 }];
    const three = ["a", "b", "c"].map((name) => facts({ name, lags }));
    expect(statusLine(state(three))).to.equal("3 sinks current, 12,345,678 events");
    const late = facts({ name: "nas", lags: [behind(ago(HOUR))] });
    expect(statusLine(state([facts(), late]))).to.equal(
      "1 of 2 sinks current, nas behind (context default is behind by 5 events, 2.0 KiB and 1 h; promised are 2 min), 16 events",
    );
    expect(statusLine(state([facts()], { rejectedConfiguration: describeError(new Error("x")) }))).to.equal(
      "1 sink current, the configuration on the disk is wrong",
    );
    expect(statusLine(state([facts()], { serverProblem: describeError(new Error("refused")) }))).to.equal(
      "1 sink current, the server has never been reached: refused",
    );
    expect(statusLine(state([facts()], { isStopping: true }))).to.equal("ending");
  });
});

describe("the log of the service", () => {
  it("tells once of a server that can't be watched, whichever request fails first, until it is back", () => {
    const lines: string[] = [];
    const silent = (): void => undefined;
    const tell = (message: string): void => void lines.push(message);
    const board = new ServerBoard({ debug: silent, info: tell, warn: tell, error: tell }, (text) => text);
    const problem = (kind: "unreachable" | "unreadable", text: string): void => {
      board.watched({ kind: "problem", error: new AxonServerError(kind, text, "Start it."), at: NOW });
    };
    for (const path of ["/version", "/me", "/version"]) problem("unreachable", `GET ${path}: refused`);
    expect(lines.splice(0)).to.deep.equal(["the server can't be watched: GET /version: refused"]);
    expect(board.problem?.message, "the newest").to.equal("GET /version: refused");
    problem("unreadable", "a: permission denied");
    problem("unreadable", "b: permission denied");
    expect(lines.splice(0)).to.have.length(2);
    board.watched({ kind: "recovered", at: NOW });
    problem("unreachable", "GET /me: refused");
    expect(lines).to.have.length(2);
  });

  it("tells once of what strikes every sink: a server that is away, or a file of its that can't be read", () => {
    const told = new ToldTroubles();
    const random = () => 1;
    const event = (sink: string, error: unknown): ServiceEvent => {
      const { failure } = new Failures(new FakeTime(), random, (text) => text).failed("follow", error);
      if (failure === undefined) throw new Error("it isn't told");
      return { kind: "failed", sink, failure };
    };
    const recovered = (sink: string): ServiceEvent => {
      return { kind: "recovered", sink, job: "follow", at: NOW, since: NOW };
    };
    const away = (text: string) => new AxonServerError("unreachable", text, "Start it.");
    const unreadable = (text: string) =>
      new Error(text, { cause: new AxonServerError("unreadable", text, "chmod") });
    const knows = (...events: readonly ServiceEvent[]) => events.map((one) => told.knows(one));
    expect(
      knows(event("a", away("GET /x")), event("b", away("GET /y")), event("a", away("GET /z"))),
    ).to.deep.equal([false, true, true]);
    expect(knows(recovered("a"), event("a", away("GET /x")), recovered("a"), recovered("b"))).to.deep.equal([
      false,
      true,
      false,
      false,
    ]);
    expect(knows(event("b", away("GET /x"))), "it was back meanwhile").to.deep.equal([false]);
    expect(
      knows(event("a", unreadable("1")), event("c", unreadable("1")), event("d", unreadable("2"))),
    ).to.deep.equal([false, true, false]);
    expect(knows(event("e", new Error("full")), event("f", new Error("full")))).to.deep.equal([false, false]);
    expect(knows({ kind: "configuration-taken", at: NOW }, event("a", away("GET /x")))).to.deep.equal([
      false,
      false,
    ]);
  });

  it("has a line and an id of its own for each kind of event", () => {
    expect(new Set(Object.values(MESSAGE_IDS)).size).to.equal(Object.keys(MESSAGE_IDS).length);
    for (const id of Object.values(MESSAGE_IDS)) expect(id).to.match(/^[0-9a-f]{32}$/);
    const result = {
      started: ago(2500),
      finished: NOW,
      id: "20261124T120000.000Z",
      bytes: 2048,
      isOwn: true,
    };
    expect(lineOf({ kind: "restore-point", sink: "nas", result })).to.deep.include({
      level: "info",
      message: "restore point 20261124T120000.000Z: 2.0 KiB in 2.5 s",
    });
    const cycle: ServiceEvent = { kind: "cycle", sink: "nas", at: NOW, bytes: 10, milliseconds: 5 };
    expect(lineOf(cycle).level).to.equal("debug");
    const error = describeError(
      new ConfigurationError([
        { file: "/c/agent.yaml", line: 3, column: 5, key: "server", message: "required" },
      ]),
    );
    expect(lineOf({ kind: "configuration-rejected", at: NOW, error }).message).to.contain(
      "/c/agent.yaml:3:5: server: required",
    );
  });
});

describe("another configuration", () => {
  it("is read when files have settled", async () => {
    const time = new FakeTime();
    let calls = 0;
    const settle = debounced(time.clock, 1000, () => calls++);
    for (let change = 0; change < 5; change++) {
      settle.call();
      await time.pass(900);
    }
    expect(calls).to.equal(0);
    await time.pass(100);
    expect(calls).to.equal(1);
    settle.call();
    settle.cancel();
    await time.pass(5000);
    expect(calls).to.equal(1);
  });

  it("is made of agent.yaml and the files of sinks.d", () => {
    const of = (path: string): boolean => isConfiguration(`/etc/axon-backup/${path}`, "/etc/axon-backup");
    for (const path of ["agent.yaml", "sinks.d", "sinks.d/nas.yaml", "sinks.d/nas.yml"])
      expect(of(path), path).to.equal(true);
    for (const path of [
      "token",
      "node_modules",
      "sinks.d/.nas.yaml.swp",
      "sinks.d/nas.yaml~",
      "other/nas.yaml",
    ])
      expect(of(path), path).to.equal(false);
  });

  it("is taken whole or not at all, one at a time, and once more when it was asked for meanwhile", async () => {
    const told: string[] = [];
    const waiting: ((parts: string) => void)[] = [];
    const silent = (): void => undefined;
    const reloader = new Reloader<string>({
      load: () => new Promise((resolve) => waiting.push(resolve)),
      take: (parts) => (parts === "wrong" ? Promise.reject(new Error("wrong")) : Promise.resolve([parts])),
      service: { rejected: (error) => told.push(String(error)), tell: ({ kind }) => told.push(kind) },
      notifier: { reloading: () => told.push("reloading"), ready: () => told.push("ready") },
      log: { debug: silent, info: (message) => told.push(message), warn: silent, error: silent },
      now: () => NOW,
    });
    reloader.request("SIGHUP");
    reloader.request("a file has changed");
    reloader.request("a file has changed");
    expect(waiting, "one at a time").to.have.length(1);
    waiting[0]?.("wrong");
    await new FakeTime().settle();
    expect(waiting).to.have.length(2);
    waiting[1]?.("nas");
    await reloader.idle();
    expect(told).to.deep.equal([
      "reloading",
      "Error: wrong",
      "ready",
      "reloading",
      "a file has changed: the configuration was read again; begun anew or ended: nas",
      "configuration-taken",
      "ready",
    ]);
    expect(waiting).to.have.length(2);
  });
});
