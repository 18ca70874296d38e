import { readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

/** Modification times of the copies: an object that is stored again gets a new one. */
function written(scene: Scene): Map<string, number> {
  const directory = join(scene.sinkPath(), "contexts/default");
  return new Map(
    [...filesBelow(directory).keys()].map((name) => [name, statSync(join(directory, name)).mtimeMs]),
  );
}

describe("incremental backups", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
  });
  afterEach(() => scene.close());

  it("send nothing twice, and always overwrite the open segments' copies", async () => {
    await scene.expect(0, "backup");
    const first = written(scene);
    await scene.expect(0, "backup");
    const second = written(scene);
    const again = [...second].filter(([name, time]) => first.get(name) !== time).map(([name]) => name);
    expect(again.sort()).to.deep.equal([
      "events/00000000000000000153.events",
      "snapshots/00000000000000000034.snapshots",
    ]);
    expect([...second.keys()].sort()).to.deep.equal([...first.keys()].sort());
  });

  it("ask the server for what came after the cursor, and only that", async () => {
    await scene.expect(0, "backup");
    scene.server.forgetRequests();
    await scene.expect(0, "backup");
    const listings = scene.server.requests.flatMap(({ path, query }) =>
      path === "/v1/backup/eventstore" ? [query] : [],
    );
    // The first one only finds out whether the server has this call: nothing comes after such a cursor.
    expect(listings).to.deep.equal([
      "type=EVENT&targetContext=default&lastClosedSegmentBackedUp=9007199254740991",
      "type=SNAPSHOT&targetContext=default&lastClosedSegmentBackedUp=0&lastClosedVersionBackedUp=0",
      "type=EVENT&targetContext=default&lastClosedSegmentBackedUp=152&lastClosedVersionBackedUp=0",
    ]);
    const controlDbs = scene.server.requests.filter(({ method }) => method === "POST");
    expect(controlDbs, "one control DB a run, however many sinks").to.have.length(1);
  });

  it("keep every earlier restore point restorable while the store grows", async () => {
    const states: { id: string; heads: number }[] = [];
    for (let round = 0; round < 4; round++) {
      await scene.expect(0, "backup");
      const id =
        readdirSync(join(scene.sinkPath(), "restore-points")).sort().at(-1)?.replace(".json", "") ?? "";
      states.push({ id, heads: scene.server.head("default") });
      scene.server.appendSample("default", 57);
    }
    await scene.expect(0, "verify", "--read-data");
    for (const { id, heads } of states) {
      const target = scene.path(`restored-${id}`);
      const { stdout } = await scene.expect(0, "restore", "--restore-point", id, "--to", target);
      expect(stdout, "the restored head").to.match(new RegExp(`\\b${heads}\\b`));
    }
  });

  it("bring back a store with thirty segments above the cursor", async () => {
    await scene.close();
    scene = await Scene.open({ handoverInterval: "manual" });
    scene.server.appendSample("default", 1000);
    expect(scene.server.waiting("default"), "segments that wait to be handed over").to.be.at.least(30);
    await scene.expect(0, "backup");
    scene.server.handover(7);
    scene.server.appendSample("default", 100);
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
    const [oldest] = readdirSync(join(scene.sinkPath(), "restore-points")).sort();
    await scene.expect(
      0,
      "restore",
      "--restore-point",
      oldest?.replace(".json", "") ?? "",
      "--to",
      scene.path("old"),
    );
    await scene.expect(0, "restore", "--to", scene.path("new"));
    compareSegments(join(scene.storage, "default"), scene.path("new/default"));
  });
});

/** As compareStores, without index files: segments handed over after the listing have some on the server alone. */
function compareSegments(server: string, restored: string): void {
  const only = (directory: string): string[] =>
    [...filesBelow(directory).keys()].filter((name) => /\.(events|snapshots)$/.test(name)).sort();
  expect(only(restored)).to.deep.equal(only(server));
  const expected = filesBelow(server);
  for (const name of only(restored))
    expect(
      Buffer.compare(filesBelow(restored).get(name) ?? Buffer.of(), expected.get(name) ?? Buffer.of()),
      name,
    ).to.equal(0);
}

describe("odd stores", () => {
  for (const generation of ["4.4", "4.6", "2023.2"] as const)
    it(`an empty store of ${generation} is backed up and restored`, async () => {
      const scene = await Scene.open({ generation, store: null });
      try {
        await scene.expect(0, "check");
        await scene.expect(0, "backup");
        await scene.expect(0, "verify", "--read-data");
        await scene.expect(0, "restore", "--to", scene.path("restored"));
        compareStores(join(scene.storage, "default"), scene.path("restored/default"));
      } finally {
        await scene.close();
      }
    });

  it("transactions larger than a segment come back whole", async () => {
    const scene = await Scene.open();
    try {
      await scene.expect(0, "backup");
      scene.server.appendSample("default", 3, { perTransaction: 1, extraBytes: 40_000 });
      scene.server.appendSample("default", 5);
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      compareSegments(join(scene.storage, "default"), scene.path("restored/default"));
    } finally {
      await scene.close();
    }
  });

  it("a transformed store is restored in its newest versions", async () => {
    const scene = await Scene.open({ store: "2023.2/store-transformed" });
    try {
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      for (const old of ["0", "0_00001", "66", "99"])
        for (const extension of ["events", "bloom", "index"]) {
          const [first = "", version] = old.split("_");
          const name = `${first.padStart(20, "0")}${version === undefined ? "" : `_${version}`}.${extension}`;
          rmSync(join(scene.storage, "default", name), { force: true });
        }
      compareStores(join(scene.storage, "default"), scene.path("restored/default"));
    } finally {
      await scene.close();
    }
  });
});
