import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, fstatSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setImmediate } from "node:timers/promises";
import { expect } from "chai";
import { DEFAULT_LOG } from "../dist/config/types.js";
import { cleanedJournal, isJournal, journalLog } from "../dist/output/journal.js";
import { fieldName, journalEntry } from "../dist/output/journal-entry.js";
import { JournalRelay } from "../dist/output/journal-relay.js";
import { createOutput } from "../dist/output/output.js";
import type { ServiceListener, ServiceState, SinkHealth } from "../dist/service/model.js";
import { SystemdNotifier, watchdogInterval } from "../dist/service/systemd/notifier.js";
import { sendByProgram } from "../dist/service/systemd/send.js";
import { statusLine } from "../dist/service/systemd/status-line.js";
import { FakeTime } from "./fake-time.js";
import { busyState } from "./service-scene.js";
import { folder, MemoryStream, removeFolders } from "./support.js";

const STATE: ServiceState = {
  version: "1",
  started: new Date(0),
  server: undefined,
  serverProblem: undefined,
  isNothingScheduled: false,
  sinks: [],
  rejectedConfiguration: undefined,
  isStopping: false,
};

function scene(
  env: Readonly<Record<string, string>>,
  send?: (variables: readonly string[]) => Promise<void>,
) {
  const time = new FakeTime();
  const told: string[] = [];
  const warnings: string[] = [];
  let listener: ServiceListener = {};
  let stuck: readonly string[] = [];
  let state = STATE;
  const service = {
    state: () => state,
    subscribe: (added: ServiceListener) => {
      listener = added;
      return () => undefined;
    },
    stuck: () => stuck,
  };
  const note = (message: string): void => void warnings.push(message);
  const notifier = new SystemdNotifier(service, {
    env,
    clock: time.clock,
    log: { debug: note, info: note, warn: note, error: note },
    pid: 42,
    send:
      send ??
      ((variables) => {
        told.push(variables.join(" "));
        return Promise.resolve();
      }),
  });
  return {
    time,
    told,
    warnings,
    notifier,
    change: (next: Partial<ServiceState>) => {
      state = { ...state, ...next };
      listener.onChange?.(state);
    },
    stick: (names: readonly string[]) => {
      stuck = names;
    },
  };
}

describe("what systemd is told", () => {
  it("is nothing where it doesn't ask", async () => {
    const { notifier, told, time } = scene({ WATCHDOG_USEC: "1000" });
    notifier.ready();
    notifier.stopping();
    await time.pass(100_000);
    await notifier.close();
    expect(told).to.deep.equal([]);
  });

  it("is that the service is ready, and its status, which isn't told again and again", async () => {
    const { notifier, told, time, change } = scene({ NOTIFY_SOCKET: "/run/x" });
    notifier.ready();
    for (let second = 0; second < 60; second++) {
      change({});
      await time.pass(1000);
    }
    expect(told).to.deep.equal(["READY=1 STATUS=0 sinks current"]);
    const wrong = { message: "wrong", causes: [], exitCode: 3, unexpected: false };
    change({ rejectedConfiguration: wrong });
    await time.pass(10_000);
    expect(told.slice(1)).to.deep.equal(["STATUS=0 sinks current, the configuration on the disk is wrong"]);
    notifier.reloading();
    await notifier.close();
    expect(told.at(-1)).to.match(/^RELOADING=1 MONOTONIC_USEC=\d+$/);
  });

  it("is within a second how sinks are, when that is news, though the rest is told every ten seconds", async () => {
    const { sinks } = busyState();
    const all = (health: SinkHealth) => sinks.map((sink) => ({ ...sink, health }));
    const { notifier, told, time, change } = scene({ NOTIFY_SOCKET: "/run/x" });
    change({ sinks: all("starting") });
    notifier.ready();
    await time.pass(5000);
    change({});
    change({ sinks: all("current") });
    await time.pass(900);
    change({});
    expect(told).to.have.length(1);
    await time.pass(100);
    expect(told.slice(1)).to.deep.equal([`STATUS=${statusLine({ ...STATE, sinks: all("current") })}`]);
    await notifier.close();
  });

  it("is a sign of life in half of its time, unless work is stuck", async () => {
    const { told, warnings, time, stick, notifier } = scene({
      NOTIFY_SOCKET: "/run/x",
      WATCHDOG_USEC: "60000000",
    });
    await time.pass(90_000);
    expect(told).to.deep.equal(["WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1"]);
    stick(["nas"]);
    await time.pass(90_000);
    expect(told).to.have.length(4);
    expect(warnings, "once").to.deep.equal(["work gets on nowhere: systemd starts the service anew"]);
    stick([]);
    await time.pass(30_000);
    expect(told).to.have.length(5);
    notifier.stopping();
    await time.pass(90_000);
    expect(told.slice(5)).to.deep.equal(["STOPPING=1 STATUS=ending"]);
  });

  it("is for the process that systemd means", () => {
    expect(watchdogInterval({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "42" }, 42)).to.equal(30_000);
    expect(watchdogInterval({ WATCHDOG_USEC: "60000000", WATCHDOG_PID: "41" }, 42)).to.equal(undefined);
    expect(watchdogInterval({}, 42)).to.equal(undefined);
  });

  it("keeps nothing from going on when it can't be told", async () => {
    const env = { NOTIFY_SOCKET: "/run/x", PATH: "/nonexistent" };
    const { notifier, warnings } = scene(env, (variables) => sendByProgram(variables, env));
    notifier.ready();
    notifier.reloading();
    await notifier.close();
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.contain("systemd can't be told");
  });
});

describe("the journal", () => {
  it("is known by the device and inode of standard error", async () => {
    const file = await open("/dev/null");
    try {
      const { dev, ino } = fstatSync(file.fd, { bigint: true });
      expect(isJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, file.fd)).to.equal(true);
      expect(isJournal({ JOURNAL_STREAM: `${dev}:1` }, file.fd)).to.equal(false);
      expect(isJournal({}, file.fd)).to.equal(false);
    } finally {
      await file.close();
    }
    expect(isJournal({ JOURNAL_STREAM: "1:1" }, 9999)).to.equal(false);
  });

  it("gets the priority in front of each line", () => {
    const lines = (format: "json" | "text", journal: boolean): string => {
      const stderr = new MemoryStream();
      const flags = { json: false, verbose: true, quiet: false };
      const streams = {
        stdout: new MemoryStream(),
        stderr,
        env: {},
        ...(journal && { journal: new JournalRelay() }),
      };
      const output = createOutput(flags, { ...DEFAULT_LOG, format }, streams);
      const { log } = output;
      log.debug("a");
      log.info("b");
      log.warn("c\nd");
      log.error("e");
      output.problem(Object.assign(new Error("f"), { remedy: "Do g." }));
      return stderr.text;
    };
    expect(lines("text", true)).to.match(
      /^<7>debug: a\n<6>b\n<4>warning: c.+d\n<3>error: e\n<3>axon-backup: f\n(<3>.+\n)+$/,
    );
    expect(lines("json", true)).to.match(/^<7>\{.*\n<6>\{.*\n<4>\{.*\n<3>\{.*\n<3>\{.*\n$/);
    expect(lines("json", false)).not.to.contain("<");
  });

  it("takes fields, each under its name in capitals", () => {
    const entry = journalEntry("warn", "two\nlines", {
      sink: "nas",
      restorePoint: 1,
      tags: ["a"],
      contexts: ["default", "orders"],
      none: undefined,
    });
    const length = Buffer.alloc(8);
    length.writeUInt8(9);
    expect(entry.toString("latin1")).to.equal(
      `MESSAGE\n${length.toString("latin1")}two\nlines\nPRIORITY=4\nSYSLOG_IDENTIFIER=axon-backup\nSINK=nas\nRESTORE_POINT=1\nTAGS=["a"]\nCONTEXT=default\nCONTEXT=orders\n`,
    );
    expect(["messageId", "_pid", "9a", "a-b", "é"].map(fieldName)).to.deep.equal([
      "MESSAGE_ID",
      "",
      "",
      "A_B",
      "",
    ]);
  });

  it("gets entries by a program that stays, cleaned, and by standard error what that doesn't take", async function () {
    const socket = join(folder(), "journal");
    const receiver = spawn("python3", ["-u", "-c", RECEIVER, socket, "3"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const received = text(receiver.stdout);
    const started = once(receiver, "spawn").then(
      () => true,
      () => false,
    );
    if (!(await started)) {
      if (this.test) this.test.title += " (pending: python3 isn't installed; apt-get install python3)";
      this.skip();
    }
    while (!existsSync(socket)) await setImmediate();
    const lines: string[] = [];
    const note = (message: string): void => void lines.push(message);
    const relay = new JournalRelay(socket);
    const journal = cleanedJournal(relay, (said) => said.replaceAll("hunter2", "[secret]"));
    const log = journalLog("info", journal, { debug: note, info: note, warn: note, error: note });
    log.info("before");
    await relay.open(process.env);
    log.debug("not at this level");
    log.info("restore point", { sink: "nas", messageId: "0".repeat(32) });
    log.warn("hunter2", { reason: "it is hunter2" });
    log.error("x".repeat(20_000));
    await relay.close();
    log.info("after");
    const entries = JSON.parse(await received) as string[];
    expect(lines).to.deep.equal(["before", "after"]);
    expect(entries[0]).to.equal(
      `MESSAGE=restore point\nPRIORITY=6\nSYSLOG_IDENTIFIER=axon-backup\nSINK=nas\nMESSAGE_ID=${"0".repeat(32)}\n`,
    );
    expect(entries[1]).to.contain("MESSAGE=[secret]").and.contain("REASON=it is [secret]");
    expect(entries[2]?.length).to.be.above(16_384);
    removeFolders();
  });

  it("is standard error where the program isn't there", async () => {
    const lines: string[] = [];
    const note = (message: string): void => void lines.push(message);
    const relay = new JournalRelay("/nonexistent");
    await relay.open({ PATH: "/nonexistent" });
    journalLog("info", relay, { debug: note, info: note, warn: note, error: note }).info("said all the same");
    await relay.close();
    expect(lines).to.deep.equal(["said all the same"]);
  });
});

/** What the journal is to a program: a datagram socket. Prints so many entries. */
const RECEIVER = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print(json.dumps([s.recv(65536).decode() for _ in range(int(sys.argv[2]))]))
`;
