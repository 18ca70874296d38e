import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectVerified, restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";
import { keysIn, restorePointsIn } from "../support/storages/content.js";
import { AWAY, describeStorages, withScene } from "../support/storages/index.js";
import { holdsWhile, reachedBy } from "../support/wait.js";

interface PruneJson {
  readonly dryRun: boolean;
  readonly sinks: readonly {
    readonly restorePoints: readonly {
      readonly restorePoint: string;
      readonly kept: boolean;
      readonly reasons: readonly string[];
    }[];
    readonly removed: readonly {
      readonly key: string;
      readonly kind: string;
      readonly bytes: number;
      readonly reason: string;
    }[];
    readonly freedBytes: number;
    readonly waiting: readonly { readonly key: string }[];
    readonly unknown: { readonly objects: number };
    readonly error?: { readonly message: string };
  }[];
}

describe("prune", () => {
  let scene: Scene;
  let replacement: Standin | undefined;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
  });
  afterEach(async () => {
    await replacement?.close();
    replacement = undefined;
    await scene.close();
  });
  const at = (key: string): string => join(scene.sinkPath(), key);
  const retention = (rules: string): void => {
    scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`, `retention: ${rules}`]);
  };
  const keys = (): string[] => [...filesBelow(scene.sinkPath()).keys()].sort();
  /** Writes a file of two days ago. */
  const write = (key: string, days = 2): void => {
    mkdirSync(dirname(at(key)), { recursive: true });
    writeFileSync(at(key), "left by somebody");
    makeOld(key, days);
  };
  const makeOld = (key: string, days = 2): void => {
    const time = new Date(Date.now() - days * 24 * 3_600_000);
    utimesSync(at(key), time, time);
  };
  /** So many backups of a store that grows. */
  async function backups(count: number): Promise<readonly string[]> {
    for (let number = 0; number < count; number++) {
      if (number > 0) scene.server.appendSample("default", 30);
      await scene.expect(0, "backup");
    }
    return restorePointsAt(scene.sinkPath());
  }

  it("shows what would go; removes that; what is left restores, and the next backup goes on", async () => {
    const points = await backups(3);
    retention("{keep_last: 2}");
    const [orphan, young, foreign] = [
      "contexts/gone/events/00000000000000000000.events",
      "contexts/default/events/00000000000000009999.events",
      "contexts/default/events/notes.txt",
    ];
    write(orphan);
    write(young, 0.5);
    write(foreign);
    const before = keys();

    const dry = await scene.expect(0, "prune", "--dry-run");
    expect(keys()).to.deep.equal(before);
    for (const [index, point] of points.entries())
      expect(dry.stdout).to.match(new RegExp(`${point} +${index < 1 ? "removed" : "kept +(newest, )?last"}`));
    expect(dry.stdout)
      .to.include(`controldb/${points[0] ?? ""}.zip`)
      .and.to.include(orphan)
      .and.to.include("no restore point needs it");
    const planned = await scene.json<PruneJson>(["prune", "--dry-run"]);

    const done = await scene.json<PruneJson>(["prune"]);
    expect(done.sinks[0]).to.deep.equal(planned.sinks[0]);
    const [sink] = done.sinks;
    const gone = sink?.removed.map(({ key }) => key) ?? [];
    expect(gone).to.have.members([
      ...points.slice(0, 1).flatMap((point) => [`restore-points/${point}.json`, `controldb/${point}.zip`]),
      orphan,
    ]);
    expect(keys()).to.have.members([...before.filter((key) => !gone.includes(key)), "last-prune.json"]);
    expect(sink?.freedBytes).to.equal(sink?.removed.reduce((sum, { bytes }) => sum + bytes, 0));
    expect(sink?.waiting.map(({ key }) => key)).to.deep.equal([young]);
    expect(sink?.unknown.objects).to.equal(1);
    expect(restorePointsAt(scene.sinkPath())).to.deep.equal(points.slice(1));

    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("newest"));
    compareStores(join(scene.storage, "default"), scene.path("newest/default"));
    await scene.expect(0, "restore", "--restore-point", points[1] ?? "", "--to", scene.path("older"));
    await scene.expect(0, "backup");
    expect((await scene.expect(0, "prune")).stdout).to.match(
      /^nas: 1 restore point removed, 2 kept; 2 objects of .* freed$/m,
    );
    await expectVerified(scene.sinkPath(), "after a backup and a second prune");
  });

  it("keeps the newest that was verified, whatever the rules say", async () => {
    const [first = "", , newest = ""] = [
      ...(await backups(1)),
      ...(await scene.expect(0, "verify", "--read-data"), await backups(2)),
    ];
    expect(restorePointsAt(scene.sinkPath())).to.have.length(3);
    retention("{keep_last: 1}");
    const { sinks } = await scene.json<PruneJson>(["prune"]);
    expect(sinks[0]?.restorePoints.filter(({ kept }) => kept).map(({ reasons }) => reasons)).to.deep.equal([
      ["verified-data", "verified-objects"],
      ["newest", "last"],
    ]);
    expect(restorePointsAt(scene.sinkPath())[0]).to.equal(first);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(2);
    expect(newest).not.to.equal("");
  });

  it("without retention removes only what nothing refers to, and says so", async () => {
    await backups(2);
    const orphan = "pages/" + "0".repeat(64) + ".json";
    write(orphan);
    const { stdout } = await scene.expect(0, "prune");
    expect(stdout).to.include("no retention is configured for this sink");
    expect(existsSync(at(orphan))).to.equal(false);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(2);
  });

  it("an empty sink is left as it is: not even made", async () => {
    mkdirSync(scene.sinkPath(), { recursive: true });
    await scene.expect(0, "prune");
    expect(readdirSync(scene.sinkPath())).to.deep.equal([]);
  });

  it("a wrong rule is wrong configuration, with its line", async () => {
    retention("{keep_within: 2 weeks}");
    expect((await scene.expect(3, "prune")).stderr).to.match(/nas\.yaml:3:\d+.*retention\.keep_within/);
    retention("{keep_last: 0}");
    expect((await scene.expect(3, "prune")).stderr).to.match(/nas\.yaml:3:\d+.*no rule says/);
  });

  it("ends with 6 while a backup runs, which commits", async () => {
    await backups(2);
    retention("{keep_last: 1}");
    const handle = scene.server.misbehave({
      path: /type=EVENT.*lastClosedSegmentBackedUp=1\d\d(?!\d)/,
      behaviour: { kind: "hold" },
    });
    const running = scene.start(["backup"]);
    await reachedBy(running, handle);
    const { stderr } = await scene.expect(6, "prune");
    expect(stderr).to.include(`process ${running.pid} on `);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(2);
    handle.release();
    expect((await running.ended).code).to.equal(0);
    await scene.expect(0, "prune");
    expect(restorePointsAt(scene.sinkPath())).to.have.length(1);
    await expectVerified(scene.sinkPath(), "after both");
  });

  it("ends with 5, and removes nothing, when a restore point can't be read", async () => {
    const [first = "", second = ""] = await backups(3);
    retention("{keep_last: 1}");
    truncateSync(at(`restore-points/${second}.json`), 100);
    const before = keys();
    const { stderr } = await scene.expect(5, "prune");
    expect(stderr).to.include(`restore-points/${second}.json`).and.to.include("Nothing was removed");
    expect(keys()).to.deep.equal(before);
    rmSync(at(`restore-points/${second}.json`)); // As the message says.
    await scene.expect(0, "prune");
    expect(existsSync(at(`restore-points/${first}.json`))).to.equal(false);
    expect(existsSync(at(`controldb/${second}.zip`))).to.equal(false);
    await expectVerified(scene.sinkPath(), "after the manifest was removed by hand");
  });

  it("ends with 5, and keeps the one before, when the newest can't be restored", async () => {
    const points = await backups(3);
    retention("{keep_last: 1}");
    rmSync(at(`controldb/${points[2] ?? ""}.zip`));
    const { stdout, stderr } = await scene.expect(5, "prune");
    expect(stdout).to.match(new RegExp(`${points[1] ?? ""} +kept +instead`));
    expect(stderr).to.include(`controldb/${points[2] ?? ""}.zip is missing`);
    expect(restorePointsAt(scene.sinkPath())).to.deep.equal(points.slice(1));
    await scene.expect(0, "restore", "--restore-point", points[1] ?? "", "--to", scene.path("restored"));
  });

  it("killed in the middle, it harms nothing, and the next one finishes", async () => {
    const points = await backups(4);
    retention("{keep_last: 1}");
    const running = scene.start(["prune"]);
    await holdsWhile(running, () => !existsSync(at(`restore-points/${points[0] ?? ""}.json`)));
    running.kill("SIGKILL");
    await running.ended;
    await expectVerified(scene.sinkPath(), "after the kill");
    await scene.expect(0, "prune");
    expect(restorePointsAt(scene.sinkPath())).to.deep.equal(points.slice(-1));
    expect(readdirSync(at("controldb"))).to.deep.equal([`${points.at(-1) ?? ""}.zip`]);
    expect(existsSync(at("writer.json"))).to.equal(false);
    await expectVerified(scene.sinkPath(), "after the second one");
  });

  it("a timeline that was given up goes with its files when it is too old, and not before", async () => {
    const [first = ""] = await backups(1);
    const { port, storage } = scene.server;
    await scene.server.close();
    rmSync(join(storage, "default"), { recursive: true });
    replacement = await startStandin({ generation: "2023.2", storage, port, handoverInterval: 0 });
    replacement.appendSample("default", 600, { extraBytes: 3 });
    await scene.expect(7, "backup");
    retention("{keep_last: 1}");
    const { stdout } = await scene.expect(0, "prune");
    expect(stdout).to.match(new RegExp(`${first} +kept +abandoned default \\(timeline 0\\)`));
    expect(readdirSync(at("contexts"))).to.have.members(["default", "default@1"]);
    await expectVerified(scene.sinkPath(), "with both timelines");

    // A limit counts from when it was given up: that was just now.
    retention("{keep_last: 1, keep_abandoned: 0.000001h}");
    await scene.expect(0, "prune");
    expect(restorePointsAt(scene.sinkPath())).to.have.length(2);
    await scene.expect(0, "backup");
    for (const key of keys()) if (key.startsWith("contexts/default/")) makeOld(key);
    await scene.expect(0, "prune");
    expect(keys().filter((key) => key.startsWith("contexts/default/"))).to.deep.equal([]);
    expect(restorePointsAt(scene.sinkPath())).to.have.length(1);
    await expectVerified(scene.sinkPath(), "with the new timeline alone");
    await scene.expect(0, "backup");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    expect(readFileSync(join(storage, "default/00000000000000000000.events"))).to.deep.equal(
      readFileSync(scene.path("restored/default/00000000000000000000.events")),
    );
  });
});

describeStorages("prune", (server) => {
  it("removes restore points and their control DBs, and tells which", () =>
    withScene(server(), { rebuildIndexes: true }, async (scene, place) => {
      for (let number = 0; number < 2; number++) {
        await scene.expect(0, "backup");
        scene.server.appendSample("default", 20, { perTransaction: 2 });
      }
      scene.writeSink(AWAY, [...place.yaml(), "retention: {keep_last: 1}"]);
      const points = await restorePointsIn(place);
      const before = await keysIn(place);
      const { sinks } = await scene.json<PruneJson>(["prune"]);
      const gone = points
        .slice(0, 1)
        .flatMap((point) => [`restore-points/${point}.json`, `controldb/${point}.zip`]);
      expect(sinks[0]?.removed.map(({ key }) => key)).to.have.members(gone);
      expect(await keysIn(place)).to.have.members([
        ...before.filter((key) => !gone.includes(key)),
        "last-prune.json",
      ]);
      await scene.expect(0, "verify");
    }));
});
