import { cpSync, existsSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { expectVerified, restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, fixtures, Scene } from "../support/scene.js";

const FIXTURE = join(fixtures, "2023.2/store-transformed/default");
const EVENTS = "contexts/default/events";

const baseOf = (segment: string): string => {
  const [first = "", version] = segment.split("_");
  return `${first.padStart(20, "0")}${version === undefined ? "" : `_${version.padStart(5, "0")}`}`;
};

/** A captured server that transforms and compacts: its files are copied as it wrote them. */
describe("event transformations", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({
      store: "2023.2/store-transformed",
      prepare: (storage) => {
        for (const name of readdirSync(join(storage, "default")))
          if (name.includes("_")) rmSync(join(storage, "default", name));
        for (const first of [0, 34, 66, 99, 133, 150, 151, 152])
          writeFileSync(join(storage, "default", `${baseOf(String(first))}.index`), `index of ${first}`);
        writeFileSync(join(storage, "default", `${baseOf("0")}.sindex`), "index of the snapshots");
      },
    });
  });
  afterEach(() => scene.close());

  const store = (): string => join(scene.storage, "default");
  function transform(...segments: readonly string[]): void {
    for (const segment of segments) {
      for (const extension of ["events", "bloom"])
        cpSync(
          join(FIXTURE, `${baseOf(segment)}.${extension}`),
          join(store(), `${baseOf(segment)}.${extension}`),
        );
      writeFileSync(join(store(), `${baseOf(segment)}.index`), `index of ${segment}`);
    }
  }
  /** As the captured server did; the stand-in goes on listing index files of what is gone. */
  function compact(...segments: readonly string[]): void {
    for (const segment of segments)
      for (const extension of ["events", "bloom", "index"])
        rmSync(join(store(), `${baseOf(segment)}.${extension}`));
  }
  async function backup(): Promise<string> {
    const { stderr } = await scene.expect(0, "backup");
    expect(stderr).to.not.contain('"level":"warn"');
    return restorePointsAt(scene.sinkPath()).at(-1) ?? "";
  }
  const hasObject = (segment: string): boolean =>
    existsSync(join(scene.sinkPath(), EVENTS, `${baseOf(segment)}.events`));

  it("reach the backup: each restore point restores its own versions, and prune removes those that none has", async () => {
    const expected = new Map<string, string>();
    /** What the server serves: each segment in its newest version. */
    const keep = (restorePoint: string, ...superseded: readonly string[]): void => {
      const copy = scene.path(`server-${expected.size}`);
      cpSync(store(), copy, { recursive: true });
      for (const segment of superseded)
        for (const extension of ["events", "bloom", "index"])
          rmSync(join(copy, `${baseOf(segment)}.${extension}`), { force: true });
      expected.set(restorePoint, copy);
    };
    const before = await backup();
    keep(before);
    transform("0_1", "66_1");
    const once = await backup();
    keep(once, "0", "66");
    transform("0_2", "99_2");
    const twice = await backup();
    keep(twice, "0", "0_1", "66", "99");
    compact("0", "0_1", "66", "99");
    const compacted = await backup();
    keep(compacted);
    await scene.expect(0, "verify", "--read-data");
    for (const [restorePoint, copy] of expected) {
      const to = scene.path(`restored-${restorePoint}`);
      await scene.expect(0, "restore", "--to", to, "--restore-point", restorePoint);
      compareStores(copy, join(to, "default"));
    }

    const { stdout } = await scene.expect(0, "diff", before, once);
    expect(stdout).to.match(/added \(version 1\) +0{20}_00001\.events/);
    expect(stdout).to.match(/superseded +0{20}\.events/);
    await scene.expect(0, "list");
    await scene.expect(0, "show", compacted);
    await scene.expect(0, "status");

    // Cut at a token, in the version that is there now: what was deleted doesn't come back by itself.
    const { stdout: cut } = await scene.expect(
      0,
      "restore",
      "--to",
      scene.path("cut"),
      "--token",
      "105",
      "--json",
    );
    expect((JSON.parse(cut) as { restorePoint: string }).restorePoint).to.equal(twice);
    const segments = [...filesBelow(scene.path("cut/default")).keys()].filter((name) =>
      name.endsWith(".events"),
    );
    expect(segments).to.have.members(
      ["0_2", "34", "66_1", "99_2"].map((segment) => `${baseOf(segment)}.events`),
    );

    // 66_1 is still needed; what was superseded goes with the restore points that have it.
    scene.writeSink("nas", ["type: local", `path: ${scene.sinkPath()}`, "retention: {keep_last: 2}"]);
    const events = join(scene.sinkPath(), EVENTS);
    const old = new Date(Date.now() - 2 * 86_400_000);
    for (const name of readdirSync(events)) utimesSync(join(events, name), old, old);
    await scene.expect(0, "prune");
    expect(restorePointsAt(scene.sinkPath())).to.have.members([twice, compacted]);
    expect(["0", "66", "99", "0_1"].filter(hasObject)).to.deep.equal([]);
    expect(["0_2", "34", "66_1", "99_2"].filter(hasObject)).to.have.length(4);
    await expectVerified(scene.sinkPath(), "after prune");
    await scene.expect(0, "restore", "--to", scene.path("last"));
    compareStores(store(), scene.path("last/default"));
  });
});
