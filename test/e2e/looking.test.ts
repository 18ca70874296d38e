import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { leftoversAt, restorePointsAt } from "../support/repository.js";
import { Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

interface StoreJson {
  readonly lastTokenBefore: number | null;
  readonly lastTokenAfter: number | null;
  readonly count: number | null;
  readonly newBytes: number;
  readonly files: readonly { readonly change: string; readonly name: string; readonly kind: string }[];
}

interface DiffJson {
  readonly sinks: readonly {
    readonly sink: string;
    readonly diff: {
      readonly before: string;
      readonly after: string;
      readonly contexts: readonly {
        readonly name: string;
        readonly change: string;
        readonly timelines: { readonly before: number | null; readonly after: number | null };
        readonly branch?: { readonly timeline: number } | null;
        readonly events: StoreJson;
        readonly snapshots: StoreJson;
      }[];
    } | null;
  }[];
}

interface StatusJson {
  readonly server: { readonly name?: string; readonly error?: { readonly message: string } };
  readonly sinks: readonly {
    readonly sink: string;
    readonly error?: unknown;
    readonly restorePoints: number;
    readonly newest: { readonly id: string; readonly ageSeconds: number } | null;
    readonly behind:
      | readonly {
          readonly context: string;
          readonly events: number | null;
          readonly bytes: number;
          readonly isCurrent: boolean;
          readonly change: unknown;
        }[]
      | null;
    readonly size: { readonly objects: number; readonly bytes: number };
    readonly verified: readonly { readonly id: string; readonly depth: string }[];
    readonly damaged: readonly string[];
    readonly writer: { readonly pid: number; readonly state: string } | null;
    readonly lastFailure: { readonly message: string } | null;
  }[];
}

/** Every line fits an ordinary terminal, words that can't be broken aside. */
function expectNarrow(text: string): void {
  const wide = text.split("\n").filter((line) => line.length > 80 && line.trim().split(/ +/).length > 3);
  expect(wide).to.deep.equal([]);
}

describe("diff", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    await scene.expect(0, "backup");
  });
  afterEach(() => scene.close());

  const diff = async (before: string, after: string) => {
    const { sinks } = await scene.json<DiffJson>(["diff", before, after]);
    const found = sinks[0]?.diff;
    if (!found) throw new Error("no diff");
    return found;
  };

  it("shows what came: segments that were closed, opened and have grown, events and bytes", async () => {
    const { nextToken } = scene.server.appendSample("default", 300);
    await scene.expect(0, "backup");
    const [first = "", second = ""] = restorePointsAt(scene.sinkPath());
    const { contexts, ...points } = await diff(first, "latest");
    expect(points).to.include({ before: first, after: second });
    const [context] = contexts;
    expect(context).to.include({ name: "default", change: "changed" });
    const { events, snapshots } = context ?? {};
    expect(events?.lastTokenAfter).to.equal(nextToken - 1);
    expect(events?.count).to.equal(nextToken - 1 - (events?.lastTokenBefore ?? 0));
    expect(events?.newBytes).to.be.greaterThan(0);
    const changes = events?.files.map(({ change, kind }) => `${kind} ${change}`);
    expect(changes).to.include.members(["segment closed", "segment opened", "index added"]);
    expect(snapshots?.count).to.equal(0);
    const { stdout } = await scene.expect(0, "diff", first, second);
    expect(stdout).to.match(/^ {2}events: \+\d+ \(last token \d+ → \d+\), .* new$/m);
    expect(stdout).to.match(/^ {4}closed +\d{20}\.events/m);
    // The other way round, they went.
    const back = (await diff(second, first)).contexts[0]?.events;
    expect(back?.count).to.equal(-(events?.count ?? 0));
    expect(back?.files.map(({ change }) => change)).to.include.members(["removed", "replaced"]);
  });

  it("of a restore point with itself, or a server where nothing happened, shows nothing", async () => {
    await scene.expect(0, "backup");
    const [first = "", second = ""] = restorePointsAt(scene.sinkPath());
    for (const [one, other] of [
      [first, first],
      [first, second],
    ] as const)
      expect((await diff(one, other)).contexts.map(({ change }) => change)).to.deep.equal(["same"]);
    expect((await scene.expect(0, "diff", first, second)).stdout).to.include("default: nothing came");
  });

  it("says that the history diverged, and where", async () => {
    const [first = ""] = restorePointsAt(scene.sinkPath());
    const other = await Scene.open({
      store: null,
      prepare: (storage) =>
        generateStore({ directory: join(storage, "default"), segments: 3, segmentSize: 16_384 }),
    });
    try {
      scene.writeAgentConfig([`storage: [${other.storage}]`], [], other.server.url);
      await scene.expect(7, "backup");
      const { contexts } = await diff(first, "latest");
      const [context] = contexts;
      expect(context).to.include({ change: "diverged" });
      expect(context?.timelines).to.deep.equal({ before: 0, after: 1 });
      expect(context?.branch?.timeline).to.equal(0);
      expect((await scene.expect(0, "diff", first, "latest")).stdout).to.include("THE HISTORY DIVERGED");
      const { stdout } = await scene.expect(0, "status");
      expect(stdout).to.include("default is in timeline 1");
    } finally {
      await other.close();
    }
  });

  it("ends with code 2 for restore points that no sink has", async () => {
    const { stderr } = await scene.expect(2, "diff", "20261124T055901.123Z", "latest");
    expect(stderr).to.include("no sink has both");
    await scene.expect(2, "diff", "yesterday", "latest");
  });
});

describe("status", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open();
  });
  afterEach(() => scene.close());

  const status = async (code = 0): Promise<StatusJson> => scene.json<StatusJson>(["status"], code);
  const sinkStatus = async (): Promise<StatusJson["sinks"][number]> => {
    const [sink] = (await status()).sinks;
    if (sink === undefined) throw new Error("no sink");
    return sink;
  };

  it("tells of the newest restore point, what it is behind, the size, and what was verified; and exits with 0 when it is behind", async () => {
    await scene.expect(0, "backup");
    const current = await sinkStatus();
    expect(current).to.deep.include({
      restorePoints: 1,
      damaged: [],
      writer: null,
      lastFailure: null,
      verified: [],
    });
    expect(current.newest?.id).to.equal(restorePointsAt(scene.sinkPath())[0]);
    expect(current.newest?.ageSeconds).to.be.within(0, 60);
    expect(current.behind).to.have.length(1);
    expect(current.behind?.[0]).to.include({ context: "default", events: 0, isCurrent: true, change: null });
    expect(current.size.objects).to.be.greaterThan(5);

    scene.server.appendSample("default", 40);
    await scene.expect(0, "verify", "--read-data");
    const later = await sinkStatus();
    expect(later.behind?.[0]).to.include({ events: 40, isCurrent: false });
    expect(later.verified.map(({ depth }) => depth)).to.include("data");
    const { stdout } = await scene.expect(0, "status");
    expect(stdout)
      .to.include("default: 40 events, 0 snapshots; a backup would store ")
      .and.to.include("every byte");
    expectNarrow(stdout);
    expect(leftoversAt(scene.sinkPath())).to.deep.equal([]);
  });

  it("knows a sink that is empty, and one that isn't there", async () => {
    await scene.expect(0, "backup");
    scene.writeSink("vault", ["type: local", `path: ${scene.path("not-mounted/vault")}`]);
    const { sinks } = await status(4);
    expect(sinks.map(({ sink, error }) => [sink, error !== undefined])).to.deep.equal([
      ["nas", false],
      ["vault", true],
    ]);
    mkdirSync(scene.path("empty"));
    scene.writeSink("vault", ["type: local", `path: ${scene.path("empty")}`]);
    const { stdout } = await scene.expect(0, "status");
    expect(stdout).to.include("none: the sink is empty");
  });

  it("shows the rest when the server can't be asked", async () => {
    await scene.expect(0, "backup");
    await scene.server.close();
    const { server, sinks } = await status();
    expect(server.error?.message).to.be.a("string");
    expect(sinks[0]).to.include({ behind: null, restorePoints: 1 });
    const { stdout, stderr } = await scene.expect(0, "status");
    expect(stdout)
      .to.include("can't be asked")
      .and.to.match(/behind +not known/);
    expect(stderr).to.include("remedy");
    expectNarrow(stdout);
  });

  it("tells of damage, of a run that was cut off, and of why the last one failed, until one succeeds", async () => {
    await scene.expect(0, "backup");
    const lock = join(scene.sinkPath(), "writer.json");
    const running = scene.start(["backup"]);
    await holdsWhile(running, () => existsSync(lock));
    running.kill("SIGKILL");
    await running.ended;
    const cut = await sinkStatus();
    expect(cut.writer).to.include({ pid: running.pid, state: "dead" });
    expect((await scene.expect(0, "status")).stdout).to.include("A RUN WAS CUT OFF");

    const events = join(scene.storage, "default", `${"0".repeat(20)}.events`);
    writeFileSync(join(scene.sinkPath(), "contexts/default/events", `${"0".repeat(20)}.events`), "short");
    await scene.expect(5, "verify");
    expect((await sinkStatus()).damaged).to.deep.equal([`contexts/default/events/${"0".repeat(20)}.events`]);

    rmSync(events);
    await scene.expect(5, "backup");
    const { lastFailure } = await sinkStatus();
    expect(lastFailure?.message).to.include(`${"0".repeat(20)}.events`);
    expect((await scene.expect(0, "status")).stdout).to.include("missing or damaged on the sink");
  });
});
