import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Standin, type StandinEvent, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { filesBelow, Scene } from "../support/scene.js";

const BEGIN = Date.parse("2026-11-24T06:00:00Z");
const at = (seconds: number): number => BEGIN + seconds * 1000;

function event(aggregateIdentifier: string, sequenceNumber: number, timestamp: number): StandinEvent {
  return {
    messageIdentifier: `${aggregateIdentifier}-${sequenceNumber}`,
    aggregateIdentifier,
    sequenceNumber,
    aggregateType: "Order",
    timestamp,
    payloadType: "com.example.Ordered",
    payload: Buffer.alloc(40, sequenceNumber),
  };
}

interface Store {
  readonly lastToken: number | null;
  readonly lastTimestamp: string | null;
  readonly dropped: number;
  readonly objects: number;
  readonly bytes: number;
  readonly cutSegment: string | null;
}

interface Restored {
  readonly restorePoint: string;
  readonly objects: number;
  readonly bytes: number;
  readonly controlDb: { readonly made: string };
  readonly contexts: readonly { readonly name: string; readonly events: Store; readonly snapshots: Store }[];
  readonly target: { readonly state: string; readonly problem: { readonly message: string } | null };
  readonly rate: { readonly milliseconds: number; readonly sample: { readonly bytes: number } };
  readonly warnings: readonly string[];
}

describe("the moment that is restored", () => {
  let scene: Scene;
  let restored: Standin | undefined;
  beforeEach(async () => {
    scene = await Scene.open({
      store: null,
      contexts: ["default", "billing"],
      segmentSize: 1024,
      indexBytes: 64,
    });
  });
  afterEach(async () => {
    await restored?.close();
    restored = undefined;
    await scene.close();
  });

  /** An event a second of each of two aggregates, and a snapshot of each after every fifth, once at once and once late. */
  function write(context: string, from: number, to: number): void {
    for (let second = from; second < to; second++) {
      scene.server.append(context, [event("early", second, at(second)), event("late", second, at(second))]);
      if (second % 5 !== 4) continue;
      scene.server.appendSnapshots(context, [event("early", second, at(second))]);
      if (second >= 9) scene.server.appendSnapshots(context, [event("late", second - 5, at(second))]);
    }
  }

  /** Starts a server from what was restored, and lets it go on. */
  async function goOn(target: string, contexts: readonly string[] = ["default"]): Promise<Standin> {
    restored = await startStandin({
      generation: "4.6",
      storage: target,
      contexts,
      segmentSize: 1024,
      indexBytes: 64,
      handoverInterval: 0,
      rebuildIndexes: true,
      controlDbDirectory: scene.path("other-controldb"),
    });
    return restored;
  }

  it("--time cuts every context there, from the earliest restore point that has it", async () => {
    write("default", 0, 20);
    await scene.expect(0, "backup");
    write("billing", 15, 40);
    write("default", 20, 40);
    const { sinks } = await scene.json<{ sinks: { restorePoint: string }[] }>(["backup"]);
    write("default", 40, 50);
    await scene.expect(0, "backup");

    const target = scene.path("restored");
    // 06:00:30 in UTC.
    const args = ["restore", "--to", target, "--time", "2026-11-24T07:00:30.900+01:00"];
    const before = await scene.json<Restored>([...args, "--dry-run"]);
    expect(existsSync(target), "after a dry run").to.equal(false);
    const report = await scene.json<Restored>(args);
    expect(report.restorePoint).to.equal(sinks[0]?.restorePoint);
    expect(before.restorePoint).to.equal(report.restorePoint);
    const heads = ({ contexts }: Restored): object[] =>
      contexts.map(({ name, events: { lastToken, lastTimestamp, dropped, cutSegment } }) => ({
        name,
        lastToken,
        lastTimestamp,
        dropped,
        cutSegment,
      }));
    expect(heads(before)).to.deep.equal(heads(report));
    expect(
      report.contexts.map(({ name, events }) => [name, events.lastToken, events.lastTimestamp]),
    ).to.deep.equal([
      ["billing", 31, "2026-11-24T06:00:30.000Z"],
      ["default", 61, "2026-11-24T06:00:30.000Z"],
    ]);
    // In default, of seconds 4, 9 (two), 14, 19, 24 and 29; the later ones are of later states, or later.
    expect(report.contexts.map(({ snapshots }) => snapshots.lastToken)).to.deep.equal([5, 10]);
    expect(before.objects).to.be.greaterThan(10);
    expect(before.rate.sample.bytes).to.be.greaterThan(0);
    expect(before.target).to.include({ state: "absent", problem: null });

    const server = await goOn(target, ["default", "billing"]);
    expect(server.head("default")).to.equal(61);
    expect(server.append("default", [event("early", 31, at(60))]).firstToken).to.equal(62);
    expect(server.head("billing")).to.equal(31);
    expect(server.append("billing", [event("early", 31, at(60))]).firstToken).to.equal(32);
  });

  it("--token N --exclusive ends before the transaction that holds N; before the first one, with nothing", async () => {
    write("default", 0, 20);
    await scene.expect(0, "backup", "--sink", "nas");
    const cut = await scene.json<Restored>([
      ...["restore", "--to", scene.path("cut"), "--context", "default"],
      ...["--token", "13", "--exclusive"],
    ]);
    expect(cut.contexts[0]?.events).to.include({ lastToken: 11, lastTimestamp: "2026-11-24T06:00:05.000Z" });

    const target = scene.path("empty");
    const { stdout } = await scene.expect(
      0,
      ...["restore", "--to", target, "--context", "default", "--token", "1", "--exclusive"],
    );
    expect(stdout).to.contain("Context default: no events; cut off: 40 events, 7 snapshots");
    const files = [...filesBelow(join(target, "default"))];
    expect(files.map(([name]) => name).sort()).to.deep.equal([
      "00000000000000000000.events",
      "00000000000000000000.snapshots",
    ]);
    for (const [name, bytes] of files) {
      expect(bytes.subarray(0, 5).toString("hex"), name).to.equal("0200000000");
      expect(bytes.subarray(5).every((byte) => byte === 0) && bytes.byteLength, name).to.equal(1024);
    }
    const server = await goOn(target);
    expect(server.head("default")).to.equal(-1);
    expect(server.append("default", [event("early", 0, at(60))]).firstToken).to.equal(0);
    expect(server.appendSnapshots("default", [event("early", 0, at(60))]).firstToken).to.equal(0);
  });

  it("leaves no snapshot of a later state, not in a whole restore point either", async () => {
    write("default", 0, 20);
    // As a server has them that lost events in a crash, or a storage that shows an old state of the events.
    scene.server.appendSnapshots("default", [event("early", 25, at(25)), event("late", 19, at(26))]);
    await scene.expect(0, "backup");
    const { contexts, warnings } = await scene.json<Restored>([
      ...["restore", "--to", scene.path("whole"), "--context", "default"],
    ]);
    expect(contexts[0]?.events).to.include({ lastToken: 39, dropped: 0, cutSegment: null });
    expect(contexts[0]?.snapshots).to.include({ lastToken: 6, dropped: 2 });
    expect(warnings.join()).to.contain("later state");
    const server = await goOn(scene.path("whole"));
    expect(server.head("default", "snapshots")).to.equal(6);
  });

  it("tells of events later than the time that stand before ones that aren't", async () => {
    write("default", 0, 5);
    scene.server.append("default", [event("fast", 0, at(90))]);
    write("default", 5, 10);
    await scene.expect(0, "backup");
    const args = ["restore", "--to", scene.path("t"), "--context", "default"];
    const { contexts, warnings } = await scene.json<Restored>([...args, "--time", "2026-11-24T06:00:08Z"]);
    expect(contexts[0]?.events.lastToken).to.equal(18);
    expect(warnings).to.have.length(1);
    expect(warnings[0])
      .to.contain("1 event, the first with token 10, is later than the time asked for, by up to 82 s")
      .and.contain("--context default --token 10 --exclusive");
  });

  it("says in ten lines what is needed then", async () => {
    write("default", 0, 20);
    await scene.expect(0, "backup");
    const target = scene.path("restored");
    const { stdout } = await scene.expect(
      0,
      "restore",
      "--to",
      target,
      "--context",
      "default",
      "--token",
      "20",
    );
    const lines = stdout.trimEnd().split("\n");
    // Nine and an empty one, and one for the context that was left out.
    expect(lines).to.have.length(11);
    expect(stdout)
      .to.contain(
        "Context default: the last event has token 21, of 2026-11-24 06:00:10 UTC; cut off: 18 events,",
      )
      .and.match(/^Control DB .* after the last event; from restore point \d{8}T\d{6}\.\d{3}Z$/m)
      .and.contain(`axoniq.axonserver.event.storage=${target}\n`)
      .and.contain(`axoniq.axonserver.snapshot.storage=${target}\n`)
      .and.contain(`axoniq.axonserver.controldb-path=${target}\n`)
      .and.match(/^Tracking processors .* reset those that are beyond the last event/m)
      .and.contain("Context billing: not restored");
  });

  it("shows with --dry-run what a target would be refused for, with the exit code of the refusal", async () => {
    write("default", 0, 5);
    await scene.expect(0, "backup");
    const target = scene.path("full");
    mkdirSync(target);
    writeFileSync(join(target, "precious"), "as it was");
    const dry = await scene.json<Restored>(["restore", "--to", target, "--dry-run"], 2);
    expect(dry.target.problem?.message).to.contain("precious");
    const { stdout } = await scene.expect(2, "restore", "--to", target, "--dry-run");
    expect(stdout).to.contain("Dry run: nothing was written").and.contain("Target: would be refused");
    expect([...filesBelow(target).keys()]).to.deep.equal(["precious"]);
    expect(readFileSync(join(target, "precious"), "utf8")).to.equal("as it was");
  });

  it("restores an event of a time that no calendar has, and says beforehand what only the restore finds out", async () => {
    write("default", 0, 10);
    scene.server.append("default", [event("odd", 0, 9 * 10 ** 15)]);
    await scene.expect(0, "backup");
    const target = scene.path("odd");
    const restore = ["restore", "--to", target];
    const cut = await scene.expect(0, ...restore, "--time", "2026-11-24T06:00:05Z", "--dry-run");
    expect(cut.stdout)
      .to.contain("and snapshots of later states, if there are any")
      .and.contain("Clocks: whether events later than 2026-11-24 06:00:05 UTC");
    for (const option of [["--dry-run"], []]) {
      const whole = await scene.json<Restored>([...restore, ...option]);
      const { lastToken, lastTimestamp } =
        whole.contexts.find(({ name }) => name === "default")?.events ?? {};
      expect({ lastToken, lastTimestamp }).to.deep.equal({ lastToken: 20, lastTimestamp: null });
    }
    const again = await scene.expect(0, ...restore, "--dry-run", "--delta");
    expect(again.stdout)
      .to.contain("holds an old store")
      .and.match(/^Kept: \d+ files? of the right length/m);
    expect((await scene.expect(0, ...restore, "--delta")).stdout).to.contain("the last event has token 20");
  });

  it("refuses a time without a zone, one that doesn't exist, and a token with it: exit code 2", async () => {
    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [["--time", "2026-11-24T06:00:00"], /has no zone[^]*Add Z for UTC \(2026-11-24T06:00:00Z\)/],
      [["--time", "yesterday"], /"yesterday" is not a time[^]*ISO 8601/],
      [["--time", "2026-02-30T06:00:00Z"], /doesn't exist/],
      [
        ["--time", "2026-11-24T06:00:00Z", "--token", "3"],
        /--token and --time contradict each other[^]*Leave one/,
      ],
      [["--exclusive"], /--exclusive needs a token/],
    ];
    for (const [args, expected] of wrong) {
      const { stderr } = await scene.expect(2, "restore", "--to", scene.path("t"), ...args);
      expect(stderr).to.match(expected);
    }
    expect(existsSync(scene.path("t"))).to.equal(false);
  });
});
