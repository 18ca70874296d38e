import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { expectVerified, leftoversAt, restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";
import { reachedBy } from "../support/wait.js";

interface BackupJson {
  readonly sinks: readonly {
    readonly sink: string;
    readonly outcome: string;
    readonly restorePoint?: string;
    readonly error?: { readonly message: string; readonly remedy: string | null };
  }[];
}

describe("two sinks", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ sinks: ["nas", "vault"], rebuildIndexes: true });
  });
  afterEach(() => scene.close());

  async function expectWhole(sink: string): Promise<void> {
    await scene.expect(0, "verify", "--sink", sink, "--read-data");
    const target = scene.path(`restored-${sink}`);
    await scene.expect(0, "restore", "--sink", sink, "--to", target);
    compareStores(join(scene.storage, "default"), join(target, "default"));
  }
  const disable = (sink: string, enabled: boolean): void => {
    scene.writeSink(sink, ["type: local", `path: ${scene.sinkPath(sink)}`, `enabled: ${String(enabled)}`]);
  };

  it("both get a restore point, from one control DB", async () => {
    await scene.expect(0, "backup");
    for (const sink of ["nas", "vault"]) expect(restorePointsAt(scene.sinkPath(sink))).to.have.length(1);
    await expectWhole("nas");
    await expectWhole("vault");
    expect(scene.server.requests.filter(({ method }) => method === "POST")).to.have.length(1);
  });

  it("one that can't be opened fails alone, by name, with its remedy", async () => {
    scene.writeSink("vault", ["type: local", `path: ${scene.path("not-mounted/vault")}`]);
    const { stdout, stderr } = await scene.expect(4, "backup", "--json");
    const { sinks } = JSON.parse(stdout) as BackupJson;
    expect(sinks.map(({ sink, outcome }) => [sink, outcome])).to.deep.equal([
      ["nas", "committed"],
      ["vault", "failed"],
    ]);
    const error = sinks.find(({ sink }) => sink === "vault")?.error;
    expect(error?.message).to.include("not-mounted");
    expect(error?.remedy).to.include("Mount");
    expect(stderr).to.include("vault").and.to.include("not-mounted").and.to.include("Mount");
    await expectWhole("nas");
  });

  it("one that becomes unusable in the middle fails alone, and is complete after the next run", async () => {
    // A directory that is gone may be mounted again: it is tried for two minutes, without this.
    scene.writeSink("vault", ["type: local", `path: ${scene.sinkPath("vault")}`, "retries: {for: 1s}"]);
    await scene.expect(0, "backup");
    scene.server.appendSample("default", 100);
    const handle = scene.server.misbehave({
      path: /type=EVENT.*lastClosedSegmentBackedUp=152/,
      behaviour: { kind: "hold" },
    });
    const running = scene.start(["backup"]);
    await reachedBy(running, handle);
    const kept = filesBelow(scene.sinkPath("vault"));
    rmSync(scene.sinkPath("vault"), { recursive: true });
    writeFileSync(scene.sinkPath("vault"), "not a directory\n");
    handle.release();
    const { code, stdout, stderr } = await running.ended;
    expect(code, stderr).to.equal(4);
    expect(stdout + stderr)
      .to.include("vault")
      .and.to.include(scene.sinkPath("vault"))
      .and.to.match(/attempt 1 failed, the next one is in 0\.\d s/);
    expect(restorePointsAt(scene.sinkPath("nas"))).to.have.length(2);
    expect(leftoversAt(scene.sinkPath("nas"))).to.deep.equal([]);
    await expectWhole("nas");

    expect(kept.size, "objects there were").to.be.greaterThan(10);
    rmSync(scene.sinkPath("vault"));
    rmSync(scene.path("restored-nas"), { recursive: true });
    await scene.expect(0, "backup");
    await expectWhole("nas");
    await expectWhole("vault");
  });

  it("one that is full fails alone, and says so", async () => {
    scene.writeSink("vault", [
      "type: local",
      `path: ${scene.sinkPath("vault")}`,
      "min_free: 9007199254740991",
    ]);
    const { stdout, stderr } = await scene.expect(4, "backup");
    expect(stdout + stderr)
      .to.include("vault")
      .and.to.match(/don't fit/)
      .and.to.include("Free space");
    expect(restorePointsAt(scene.sinkPath("vault"))).to.deep.equal([]);
    await expectWhole("nas");
  });

  it("when all fail, the run has failed", async () => {
    for (const sink of ["nas", "vault"])
      scene.writeSink(sink, ["type: local", `path: ${scene.path("nowhere")}/${sink}`]);
    const { stdout, stderr } = await scene.expect(1, "backup");
    for (const sink of ["nas", "vault"]) expect(stdout + stderr).to.include(`nowhere/${sink}`);
    expect(
      scene.server.requests.filter(({ method }) => method === "POST"),
      "no control DB for nobody",
    ).to.have.length(0);
  });

  it("--sink backs up to the one named; an unknown one is wrong usage with the nearest name", async () => {
    await scene.expect(0, "backup", "--sink", "vault");
    expect(restorePointsAt(scene.sinkPath("vault"))).to.have.length(1);
    expect(filesBelow(scene.sinkPath("nas")).size).to.equal(0);
    await expectWhole("vault");
    const { stderr } = await scene.expect(2, "backup", "--sink", "valt");
    expect(stderr).to.include("vault");
  });

  it("restore wants to know which", async () => {
    await scene.expect(0, "backup");
    const { stderr } = await scene.expect(2, "restore", "--to", scene.path("restored"));
    expect(stderr).to.include("--sink").and.to.include("nas").and.to.include("vault");
  });

  it("one that is switched off is left alone, and catches up from where it stands", async () => {
    await scene.expect(0, "backup");
    disable("vault", false);
    const before = filesBelow(scene.sinkPath("vault"));
    for (let round = 0; round < 2; round++) {
      scene.server.appendSample("default", 60);
      await scene.expect(0, "backup");
    }
    expect([...filesBelow(scene.sinkPath("vault")).keys()]).to.deep.equal([...before.keys()]);
    const { stderr } = await scene.expect(2, "backup", "--sink", "vault");
    expect(stderr).to.include("switched off").and.to.include("enabled: true");

    disable("vault", true);
    scene.server.appendSample("default", 60);
    scene.server.forgetRequests();
    await scene.expect(0, "backup");
    const cursors = scene.server.requests.flatMap(({ query }) =>
      query.startsWith("type=EVENT") ? [new URLSearchParams(query).get("lastClosedSegmentBackedUp")] : [],
    );
    expect(new Set(cursors.slice(1)).size, "each sink has a cursor of its own").to.equal(2);
    expect(restorePointsAt(scene.sinkPath("nas"))).to.have.length(4);
    expect(restorePointsAt(scene.sinkPath("vault"))).to.have.length(2);
    await expectWhole("nas");
    await expectWhole("vault");
  });

  it("with all switched off there is nothing to do, and that is an error of the configuration", async () => {
    disable("nas", false);
    disable("vault", false);
    const { stderr } = await scene.expect(3, "backup");
    expect(stderr).to.include("every sink is switched off");
  });
});

describe("a second sink, added later", () => {
  it("gets a complete restore point at its first backup, and the first sink sends nothing twice", async () => {
    const scene = await Scene.open({ rebuildIndexes: true });
    try {
      await scene.expect(0, "backup");
      scene.server.appendSample("default", 80);
      await scene.expect(0, "backup");
      scene.writeSink("vault", ["type: local", `path: ${scene.sinkPath("vault")}`]);
      const report = await scene.json<{
        sinks: { sink: string; contexts: { added: { objects: number } }[] }[];
      }>(["backup"]);
      const added = Object.fromEntries(
        report.sinks.map(({ sink, contexts }) => [sink, contexts[0]?.added.objects]),
      );
      expect(added["nas"]).to.equal(0);
      expect(added["vault"]).to.be.greaterThan(20);
      await expectVerified(scene.sinkPath("vault"), "the new sink");
      await scene.expect(0, "restore", "--sink", "vault", "--to", scene.path("restored"));
      compareStores(join(scene.storage, "default"), scene.path("restored/default"));
    } finally {
      await scene.close();
    }
  });
});
