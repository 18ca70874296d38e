import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

interface RestoreJson {
  readonly sink: string;
  readonly files: number;
  readonly kept: { readonly files: number; readonly bytes: number };
  readonly warnings: readonly string[];
}

interface CheckJson {
  readonly restorePoint: string | null;
  readonly findings: readonly { readonly path: string; readonly finding: string }[];
}

const SEGMENT = "contexts/default/events/00000000000000000034.events";

function flipBit(path: string): void {
  const bytes = readFileSync(path);
  bytes[5000] = (bytes[5000] ?? 0) ^ 4;
  writeFileSync(path, bytes);
}

describe("restore into a directory in which something lies", () => {
  let scene: Scene;
  let target: string;
  beforeEach(async () => {
    scene = await Scene.open({ sinks: ["nas", "vault"], rebuildIndexes: true });
    target = scene.path("restored");
    await scene.expect(0, "backup");
  });
  afterEach(() => scene.close());

  const restored = (): void => {
    compareStores(join(scene.storage, "default"), join(target, "default"));
    expect(readdirSync(target).sort()).to.deep.equal(["axonserver-controldb.mv.db", "default"]);
  };

  it("is refused, and told of --resume and --delta; with --delta, an old store becomes the new one", async () => {
    await scene.expect(0, "restore", "--sink", "nas", "--to", target);
    const old = filesBelow(target);
    scene.server.appendSample("default", 400);
    await scene.expect(0, "backup");
    const { stderr } = await scene.expect(2, "restore", "--sink", "nas", "--to", target);
    expect(stderr).to.include("--resume").and.to.include("--delta");
    expect(filesBelow(target)).to.deep.equal(old);

    const inode = statSync(join(target, "default/00000000000000000034.events")).ino;
    const report = await scene.json<RestoreJson>(["restore", "--sink", "nas", "--to", target, "--delta"]);
    expect(report.kept.files).to.be.greaterThan(10).and.lessThan(report.files);
    expect(statSync(join(target, "default/00000000000000000034.events")).ino).to.equal(inode);
    restored();

    // And back to the earlier one.
    const [first = ""] = restorePointsAt(scene.sinkPath("nas"));
    await scene.expect(0, "restore", "--sink", "nas", "--to", target, "--restore-point", first, "--delta");
    expect([...filesBelow(join(target, "default")).keys()].sort()).to.deep.equal(
      [...old.keys()]
        .filter((path) => path.startsWith("default/"))
        .map((path) => path.slice(8))
        .sort(),
    );
    writeFileSync(join(target, "notes.txt"), "mine");
    await scene.expect(2, "restore", "--sink", "nas", "--to", target, "--delta");
    expect(readFileSync(join(target, "notes.txt"), "utf8")).to.equal("mine");
  });

  it("takes a damaged segment from the second sink, and says so; without a second one it is damage", async () => {
    flipBit(join(scene.sinkPath("nas"), SEGMENT));
    const alone = await scene.expect(5, "restore", "--sink", "nas", "--to", target);
    expect(alone.stderr).to.include(SEGMENT);
    expect(existsSync(target)).to.equal(false);
    const report = await scene.json<RestoreJson>([
      "restore",
      "--sink",
      "nas",
      "--sink",
      "vault",
      "--to",
      target,
    ]);
    expect(report.sink).to.equal("nas");
    expect(report.warnings).to.have.length(1);
    expect(report.warnings[0]).to.include(SEGMENT).and.to.include("nas").and.to.include("vault");
    restored();
    rmSync(join(scene.sinkPath("vault"), SEGMENT));
    const both = await scene.expect(
      5,
      "restore",
      "--sink",
      "nas",
      "--sink",
      "vault",
      "--to",
      scene.path("never"),
    );
    expect(both.stderr).to.include(SEGMENT).and.to.include("nas").and.to.include("vault");
  });

  it("restores from the second sink when the first one can't be opened, or doesn't have the restore point", async () => {
    await scene.expect(0, "backup", "--sink", "vault");
    const [, newer = ""] = restorePointsAt(scene.sinkPath("vault"));
    const options = ["restore", "--sink", "nas", "--sink", "vault", "--to", target];
    const report = await scene.json<RestoreJson>([...options, "--restore-point", newer]);
    expect(report.sink).to.equal("vault");
    restored();
    rmSync(target, { recursive: true });
    scene.writeSink("nas", ["type: local", `path: ${scene.path("not-mounted/nas")}`]);
    expect(await scene.json<RestoreJson>(options)).to.include({ sink: "vault" });
    restored();
  });

  it("leaves index files out with --no-index", async () => {
    await scene.expect(0, "restore", "--sink", "nas", "--to", target, "--no-index");
    const names = readdirSync(join(target, "default"));
    expect(names.filter((name) => !/\.(events|snapshots)$/.test(name))).to.deep.equal([]);
    expect(names.length).to.be.greaterThan(4);
  });

  it("--check-only looks at what was restored, by itself and against the restore point", async () => {
    await scene.expect(0, "restore", "--sink", "nas", "--to", target, "--token", "100");
    const alone = await scene.json<CheckJson>(["restore", "--check-only", target]);
    expect(alone).to.deep.include({ restorePoint: null, findings: [] });
    const [id = ""] = restorePointsAt(scene.sinkPath("nas"));
    const against = ["restore", "--check-only", target, "--sink", "nas", "--token", "100"];
    expect(await scene.json<CheckJson>(against)).to.deep.include({ restorePoint: id, findings: [] });
    await scene.expect(5, "restore", "--check-only", target, "--sink", "nas", "--token", "50");

    flipBit(join(target, "default/00000000000000000034.events"));
    for (const command of [against, ["restore", "--check-only", target]]) {
      const { findings } = await scene.json<CheckJson>(command, 5);
      expect(findings.map(({ path }) => path)).to.deep.equal(["default/00000000000000000034.events"]);
    }
    const { stderr } = await scene.expect(2, "restore", "--check-only", target, "--delta");
    expect(stderr).to.include("--delta");
    await scene.expect(2, "restore");
  });
});

describe("a restore that is killed", () => {
  it("goes on with --resume, and fetches only what isn't there yet", async () => {
    const scene = await Scene.open({
      store: null,
      rebuildIndexes: true,
      prepare: (storage) =>
        generateStore({
          directory: join(storage, "default"),
          segments: 100,
          segmentSize: 32_768,
          indexBytes: 4096,
        }),
    });
    try {
      await scene.expect(0, "backup");
      const target = scene.path("restored");
      // Slow enough that it can be killed in the middle.
      scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`, "limits: { download: 1MiB }"]);
      const running = scene.start(["restore", "--to", target]);
      const tree = join(target, ".axon-backup-restore/tree/default");
      await holdsWhile(running, () => existsSync(tree) && readdirSync(tree).length > 60);
      running.kill("SIGKILL");
      await running.ended;
      scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`]);
      const { stdout } = await scene.expect(5, "restore", "--check-only", target, "--json");
      expect(stdout).to.include("cut off");
      const { kept, files } = await scene.json<RestoreJson>(["restore", "--to", target, "--resume"]);
      expect(kept.files).to.be.greaterThan(3).and.lessThan(files);
      compareStores(join(scene.storage, "default"), join(target, "default"));
      await scene.expect(0, "restore", "--check-only", target, "--sink", "nas");
    } finally {
      await scene.close();
    }
  });
});
