import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStandin, type Standin, type StandinOptions } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

const OPEN = "default/00000000000000000153.events";

interface Backup {
  readonly sinks: readonly {
    readonly sink: string;
    readonly restorePoint: string;
    /** Left out when the sink failed. */
    readonly timelines?: readonly {
      readonly context: string;
      readonly timeline: number;
      readonly from: { readonly timeline: number; readonly restorePoint: string } | null;
      readonly reason: string;
      readonly resumed: boolean;
    }[];
  }[];
}

describe("a server whose history is another one", () => {
  let scene: Scene;
  let server: Standin;
  /** What each restore point of each sink must restore to: a copy of the server's storage. */
  let states: { readonly sink: string; readonly id: string; readonly copy: string }[];
  const contexts = ["default"];

  async function open(options: Parameters<typeof Scene.open>[0] = {}): Promise<void> {
    scene = await Scene.open({ contexts, ...options });
    server = scene.server;
    states = [];
  }
  beforeEach(() => {
    contexts.splice(0, contexts.length, "default");
  });
  afterEach(async () => {
    await server.close();
    await scene.close();
  });

  /** Stops the server, changes its storage, and starts one at the same address. */
  async function replace(
    change: (storage: string) => void,
    options: Partial<StandinOptions> = {},
  ): Promise<void> {
    const { port, storage } = server;
    await server.close();
    change(storage);
    const same = { generation: "2023.2", storage, port, handoverInterval: 0, contexts } as const;
    server = await startStandin({ ...same, ...options });
  }

  const wipe = (storage: string): void => {
    rmSync(join(storage, "default"), { recursive: true });
  };

  /** Backs up, and notes what the restore points must restore to. */
  async function backup(code: 0 | 7, sinks: readonly string[] = ["nas"]): Promise<Backup["sinks"]> {
    const copy = scene.path(`state-${states.length}`);
    cpSync(scene.storage, copy, { recursive: true });
    const chosen = sinks.flatMap((sink) => ["--sink", sink]);
    const report = await scene.json<Backup>(["backup", ...chosen], code);
    for (const { sink, restorePoint: id } of report.sinks) states.push({ sink, id, copy });
    return report.sinks;
  }

  /** Every restore point that was ever made restores byte for byte, and all of it verifies. */
  async function checkAll(): Promise<void> {
    await scene.expect(0, "verify", "--read-data");
    for (const [index, { sink, id, copy }] of states.entries()) {
      const target = scene.path(`restored-${index}`);
      await scene.expect(0, "restore", "--sink", sink, "--to", target, "--restore-point", id);
      for (const context of contexts)
        if (existsSync(join(copy, context))) compareStores(join(copy, context), join(target, context));
      rmSync(target, { recursive: true });
    }
  }

  /** The whole story of a history that diverged since the last backup. */
  async function expectNewTimeline(reason: string): Promise<void> {
    const before = [...filesBelow(join(scene.sinkPath(), "contexts/default"))];
    const last = states.at(-1)?.id;
    const [report] = await backup(7);
    expect(report?.timelines).to.have.length(1);
    expect(report?.timelines?.[0]).to.deep.include({
      context: "default",
      timeline: 1,
      from: { timeline: 0, restorePoint: last },
      resumed: false,
    });
    expect(report?.timelines?.[0]?.reason).to.include(reason);
    expect(
      [...filesBelow(join(scene.sinkPath(), "contexts/default"))],
      "not a byte of the old one",
    ).to.deep.equal(before);
    server.appendSample("default", 40);
    expect((await backup(0))[0]?.timelines, "told once").to.deep.equal([]);
    await checkAll();
  }

  it("one that lost the end of its open segment in a crash, and went on", async () => {
    await open();
    server.appendSample("default", 5);
    await backup(0);
    await replace((storage) => {
      const bytes = readFileSync(join(storage, OPEN));
      writeFileSync(join(storage, OPEN), bytes.fill(0, 9413));
    });
    server.appendSample("default", 5, { extraBytes: 1 });
    const { stdout } = await scene.expect(0, "check");
    expect(stdout).to.match(/^warning +history nas +.*is not the one that this sink has/m);
    expect(stdout).to.include("The next backup begins timeline 1").and.include(states[0]?.id);
    await expectNewTimeline("bytes of 00000000000000000153.events are not those that were backed up");
    expect((await scene.expect(0, "check")).stdout).to.match(/^ok +history nas /m);
  });

  it("one that was restored to an earlier token, and took new events", async () => {
    await open();
    await backup(0);
    server.appendSample("default", 60);
    await backup(0);
    await scene.expect(0, "restore", "--to", scene.path("earlier"), "--token", "120");
    await replace((storage) => {
      wipe(storage);
      cpSync(scene.path("earlier/default"), join(storage, "default"), { recursive: true });
    });
    server.appendSample("default", 10, { extraBytes: 7 });
    await expectNewTimeline("behind");
  });

  it("one that was wiped", async () => {
    await open();
    await backup(0);
    await replace(wipe);
    await expectNewTimeline("its last closed segment is none at all, behind");
  });

  it("one that was wiped, and has grown past the cursor", async () => {
    await open();
    await backup(0);
    await replace((storage) => {
      const store = join(storage, "default");
      for (const name of readdirSync(store)) if (!name.includes(".s")) rmSync(join(store, name));
    });
    // Sample events go on like the captured ones: other payload lengths make another history.
    server.appendSample("default", 600, { extraBytes: 3 });
    await expectNewTimeline("00000000000000000153.events");
  });

  it("another server at the same address", async () => {
    await open();
    await backup(0);
    await replace(wipe, { segmentSize: 9_000 });
    server.appendSample("default", 400, { extraBytes: 9 });
    await expectNewTimeline("default (");
  });

  it("one context alone, among several", async () => {
    contexts.push("orders");
    await open({
      prepare: (storage) => {
        cpSync(join(storage, "default"), join(storage, "orders"), { recursive: true });
      },
    });
    await backup(0);
    await replace(wipe);
    server.appendSample("default", 20, { extraBytes: 1 });
    server.appendSample("orders", 20);
    const orders = readdirSync(join(scene.sinkPath(), "contexts/orders/events")).length;
    const [report] = await backup(7);
    expect(report?.timelines?.map(({ context }) => context)).to.deep.equal(["default"]);
    expect(readdirSync(join(scene.sinkPath(), "contexts")).sort()).to.deep.equal([
      "default",
      "default@1",
      "orders",
    ]);
    expect(readdirSync(join(scene.sinkPath(), "contexts/orders/events")).length).to.be.at.least(orders);
    await checkAll();
  });

  it("and the old server again: its timeline goes on, and the list shows all of it", async () => {
    await open();
    await backup(0);
    await replace((storage) => {
      cpSync(join(storage, "default"), scene.path("old"), { recursive: true });
      wipe(storage);
    });
    server.appendSample("default", 300, { extraBytes: 1 });
    const [left] = await backup(7);
    await replace((storage) => {
      wipe(storage);
      cpSync(scene.path("old"), join(storage, "default"), { recursive: true });
    });
    server.appendSample("default", 50);
    expect((await scene.expect(0, "check")).stdout).to.include("The next backup goes on in timeline 0");
    const [back] = await backup(7);
    expect(back?.timelines?.[0]).to.deep.include({
      timeline: 0,
      from: { timeline: 1, restorePoint: left?.restorePoint },
      resumed: true,
    });
    await backup(0);
    await checkAll();

    const { stdout } = await scene.expect(0, "list");
    const first = states[0]?.id ?? "";
    expect(stdout).to.match(
      /^timelines of default\n0 +3 restore points, .*last event 222; goes on\n└─ 1 +left 0 after /m,
    );
    expect(stdout).to.include(`left 0 after ${first}: default (`).and.include("default@1: 299");
    const list = await scene.json<{
      sinks: {
        restorePoints: { contexts: { timeline: number; branch: { restorePoint: string } | null }[] }[];
      }[];
    }>(["list"]);
    const branches = list.sinks[0]?.restorePoints.map(
      ({ contexts: [context] }) => context?.branch?.restorePoint,
    );
    expect(branches).to.deep.equal([undefined, first, undefined, undefined]);
    const shown = await scene.expect(0, "show", left?.restorePoint ?? "");
    expect(shown.stdout).to.include(`timeline 1 of default left timeline 0 after ${first}`);
  });

  it("killed in the middle of the first backup: the next run takes the same number", async () => {
    await open();
    await backup(0);
    await replace(wipe);
    server.appendSample("default", 600, { extraBytes: 3 });
    scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`, "limits:", "  upload: 200KiB"]);
    const running = scene.start(["backup"]);
    const folder = join(scene.sinkPath(), "contexts/default@1/events");
    await holdsWhile(running, () => existsSync(folder) && readdirSync(folder).length > 2);
    running.kill("SIGKILL");
    expect((await running.ended).signal).to.equal("SIGKILL");
    scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`]);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(1);
    await checkAll();
    await expectNewTimeline("default (");
  });

  it("for sinks that stand at different places: each by what it has, and a sink that fails doesn't hide it", async () => {
    await open({ sinks: ["nas", "offsite"] });
    await backup(0, ["nas", "offsite"]);
    await replace((storage) => {
      cpSync(join(storage, "default"), scene.path("old"), { recursive: true });
    });
    server.appendSample("default", 40);
    await backup(0, ["nas"]);
    await replace((storage) => {
      wipe(storage);
      cpSync(scene.path("old"), join(storage, "default"), { recursive: true });
    });
    server.appendSample("default", 40, { extraBytes: 2 });
    scene.writeSink("broken", ["type: local", "path: /proc/nowhere"]);
    const copy = scene.path("state-last");
    cpSync(scene.storage, copy, { recursive: true });
    const { stdout } = await scene.expect(7, "backup", "--json");
    const { sinks } = JSON.parse(stdout) as Backup;
    expect(
      sinks.map(({ sink, timelines }) => [sink, timelines?.map(({ timeline }) => timeline)]),
    ).to.deep.equal([
      ["broken", undefined],
      ["nas", [1]],
      ["offsite", []],
    ]);
    for (const { sink, restorePoint: id } of sinks) if (sink !== "broken") states.push({ sink, id, copy });
    rmSync(join(scene.config, "sinks.d/broken.yaml"));
    await backup(0, ["nas", "offsite"]);
    await checkAll();
  });

  it("can be restored by hand, from each timeline, as the page says", async () => {
    await open();
    await backup(0);
    await replace(wipe);
    server.appendSample("default", 300, { extraBytes: 1 });
    await backup(7);
    const page = readFileSync(new URL("../../../docs/repository-format.md", import.meta.url), "utf8");
    const [, script = ""] = /^## Restoring by hand\n[\s\S]*?^```sh\n([\s\S]*?)^```$/m.exec(page) ?? [];
    expect(script).to.include("truncate");
    for (const { id, copy } of states) {
      const target = scene.path(`by-hand-${id}`);
      mkdirSync(target);
      const { status, stderr } = spawnSync("bash", ["-euo", "pipefail", "-c", script], {
        cwd: scene.directory,
        encoding: "utf8",
        env: { ...process.env, R: scene.sinkPath(), P: id, T: target },
      });
      expect(status, stderr).to.equal(0);
      compareStores(join(copy, "default"), join(target, "default"));
    }
  });
});
