import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateStore } from "@axon-backup/axon-server-standin";
import { Repository, type RestorePointId } from "@axon-backup/core";
import { plugin } from "@axon-backup/sink-local";
import { expect } from "chai";
import { storeHeadAt } from "../support/head.js";
import { shellBlocks } from "../support/page.js";
import { requirePrograms } from "../support/pending.js";
import { expectVerified, restorePointsAt } from "../support/repository.js";
import { filesBelow, Scene } from "../support/scene.js";

interface Point {
  readonly id: string;
  readonly contexts: readonly { readonly name: string; readonly lastEventToken: number }[];
}

/** What the continuous mode has stored after the newest restore point, through the command line. */
describe("the head", () => {
  let scene: Scene;
  let base: RestorePointId;
  let head: RestorePointId;
  let last: number;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    await scene.expect(0, "backup");
    [base] = restorePointsAt(scene.sinkPath()) as [RestorePointId];
    last = scene.server.appendSample("default", 300).nextToken - 1;
    head = await storeHeadAt(scene.sinkPath(), scene.storage);
  });
  afterEach(() => scene.close());

  /** The segments of the events and the snapshots: index files of those that were closed since are the server's to make. */
  const segments = (files: ReadonlyMap<string, Buffer>): Map<string, Buffer> =>
    new Map([...files].filter(([name]) => /\.(events|snapshots)$/.test(name)).sort());
  const damage = (): void => {
    const path = join(scene.sinkPath(), "head.json");
    const bytes = readFileSync(path);
    bytes[200] = (bytes[200] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  };

  it("is what a restore restores, byte for byte, and is looked at like a restore point", async () => {
    const server = segments(filesBelow(join(scene.storage, "default")));
    const to = scene.path("restored");
    const report = await scene.json<object>(["restore", "--to", to]);
    expect(report).to.deep.include({ restorePoint: head, isHead: true });
    expect(segments(filesBelow(join(to, "default")))).to.deep.equal(server);
    await scene.expect(0, "restore", "--check-only", to, "--sink", "nas");

    const { sinks } = await scene.json<{ sinks: { restorePoints: Point[]; head: Point }[] }>(["list"]);
    expect(sinks[0]?.restorePoints.map(({ id }) => id)).to.deep.equal([base]);
    expect(sinks[0]?.head).to.deep.include({ id: head, parent: base });
    expect(sinks[0]?.head.contexts[0]).to.deep.include({ name: "default", lastEventToken: last });
    expect((await scene.expect(0, "list")).stdout).to.match(
      new RegExp(`^${head} head .*default: ${last}`, "m"),
    );

    for (const name of ["head", "latest", head]) {
      const shown = await scene.json<{ sinks: { restorePoint: object }[] }>(["show", name]);
      expect(shown.sinks[0]?.restorePoint).to.deep.include({ id: head, isHead: true, parent: base });
    }
    const diff = await scene.json<{ sinks: { diff: { contexts: { events: object }[] } }[] }>([
      "diff",
      base,
      "head",
    ]);
    expect(diff.sinks[0]?.diff).to.deep.include({ before: base, after: head });
    expect(diff.sinks[0]?.diff.contexts[0]?.events).to.deep.include({ lastTokenAfter: last });

    await scene.expect(0, "verify", "--read-data", "--restore-point", "head");
    expect((await scene.expect(0, "verify")).stdout).to.match(new RegExp(`${head} head +right`));
    expect((await scene.expect(0, "restore", "--to", scene.path("to"), "--dry-run")).stdout).to.contain(head);
  });

  it("is what the sink's distance from the server is counted from", async () => {
    interface Status {
      sinks: { newest: Point; head: Point; behind: { events: number }[] }[];
    }
    const now = await scene.json<Status>(["status"]);
    expect(now.sinks[0]?.newest.id).to.equal(base);
    expect(now.sinks[0]?.head.id).to.equal(head);
    expect(now.sinks[0]?.behind[0]?.events).to.equal(0);
    const { nextToken } = scene.server.appendSample("default", 7);
    const later = await scene.json<Status>(["status"]);
    expect(later.sinks[0]?.behind[0]?.events).to.equal(nextToken - 1 - last);
    expect((await scene.expect(0, "status")).stdout).to.match(new RegExp(`^head +${head}`, "m"));
  });

  it("ends with the next restore point, which has all of it", async () => {
    await scene.expect(0, "backup");
    const [, second = ""] = restorePointsAt(scene.sinkPath());
    expect(second > head).to.equal(true);
    const { sinks } = await scene.json<{ sinks: { head: unknown; restorePoints: Point[] }[] }>(["list"]);
    expect(sinks[0]?.head).to.equal(null);
    expect(sinks[0]?.restorePoints.at(-1)?.contexts[0]).to.deep.include({ lastEventToken: last });
    await scene.expect(2, "show", "head");
    await expectVerified(scene.sinkPath(), "after the backup");
  });

  it("stays as a restore point when the server's history is another one", async () => {
    const server = segments(filesBelow(join(scene.storage, "default")));
    const other = await Scene.open({
      store: null,
      prepare: (storage) =>
        generateStore({ directory: join(storage, "default"), segments: 3, segmentSize: 16_384 }),
    });
    try {
      scene.writeAgentConfig([`storage: [${other.storage}]`], [], other.server.url);
      await scene.expect(7, "backup");
      expect(restorePointsAt(scene.sinkPath()).slice(0, 2)).to.deep.equal([base, head]);
      const to = scene.path("restored");
      await scene.expect(0, "restore", "--to", to, "--restore-point", head);
      expect(segments(filesBelow(join(to, "default")))).to.deep.equal(server);
      await expectVerified(scene.sinkPath(), "after the history diverged");
    } finally {
      await other.close();
    }
  });

  it("is restored by hand, as the page says, and so is a restore point that was made of it", async function () {
    requirePrograms(this);
    const server = segments(filesBelow(join(scene.storage, "default")));
    const pages = shellBlocks("docs/repository-format.md");
    const [script = ""] = pages.get("Restoring by hand") ?? [];
    const [manifest = ""] = pages.get("The head, by hand") ?? [];
    const line = 'M="$R/restore-points/$P.json"';
    expect(script).to.include(line);
    const byHand = (name: string, text: string, point: string): void => {
      const target = scene.path(name);
      mkdirSync(target);
      const { status, stderr } = spawnSync("sh", ["-c", text], {
        cwd: scene.directory,
        encoding: "utf8",
        env: { ...process.env, R: scene.sinkPath(), P: point, T: target },
      });
      expect(status, stderr).to.equal(0);
      const restored = filesBelow(join(target, "default"));
      expect(segments(restored)).to.deep.equal(server);
      expect([...filesBelow(target).keys()]).to.include("axonserver-controldb.mv.db");
    };
    byHand("by-hand", script.replace(line, manifest), "");
    // What a backup that finds another history makes of it.
    const sink = await plugin.open({ path: scene.sinkPath() }, { name: "sink", purpose: "write" });
    const repository = await Repository.open(sink);
    const promoted = await repository?.head();
    if (promoted) await repository?.commit(promoted);
    await sink.close();
    byHand("by-hand-promoted", script, head);
  });

  it("is told of when it is damaged, and isn't done without unless somebody says so", async () => {
    damage();
    expect((await scene.expect(5, "verify")).stdout).to.match(/head\.json: is damaged/);
    await scene.expect(5, "list");
    await scene.expect(5, "prune");
    expect((await scene.expect(0, "status")).stdout).to.match(/^HEAD +head\.json is damaged/m);
    const refused = await scene.expect(5, "restore", "--to", scene.path("restored"));
    expect(refused.stderr).to.contain("head.json is damaged");
    const [, newest = ""] = /--restore-point (\S+Z)/.exec(refused.stderr) ?? [];
    await scene.expect(0, "restore", "--to", scene.path("restored"), "--restore-point", newest);
    await scene.expect(5, "restore", "--to", scene.path("other"), "--restore-point", "head");
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "list");
  });
});
