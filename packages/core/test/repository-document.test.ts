import { join } from "node:path";
import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { EngineError, type Manifest, Repository, restore, verify } from "../dist/index.js";
import { encodeDocument } from "../dist/repository/document.js";
import { BackupScene } from "./backup-scene.js";

const key = objectKey("repository.json");

describe("repository.json", () => {
  let scene: BackupScene;
  let id: string | undefined;
  beforeEach(async () => {
    scene = new BackupScene();
    await scene.commit();
    await scene.commit();
    id = (await Repository.open(scene.sink))?.info.id;
  });
  afterEach(() => {
    scene.close();
  });

  const keysOf = (prefix: string): string[] =>
    [...scene.sink.storage.keys()].filter((name) => name.startsWith(prefix)).sort();
  const flip = (of: string): void => {
    const { bytes } = scene.sink.storage.get(objectKey(of)) ?? {};
    if (bytes) bytes[100] = (bytes[100] ?? 0) ^ 1;
  };

  /** Makes the nth restore point one of another repository. */
  function makeForeign(index: number): void {
    const point = objectKey(keysOf("restore-points/")[index] ?? "");
    const object = scene.sink.storage.get(point);
    if (!object) throw new Error("no restore point");
    const { body } = JSON.parse(Buffer.from(object.bytes).toString()) as { body: Manifest };
    const bytes = encodeDocument("restore-point", { ...body, repository: "another" });
    scene.sink.storage.set(point, { ...object, bytes });
  }

  const losses: Readonly<Record<string, () => void>> = {
    missing: () => scene.sink.storage.delete(key),
    damaged: () => {
      flip(key);
    },
  };
  for (const [what, lose] of Object.entries(losses)) {
    it(`that is ${what} is a finding of verify, which goes on`, async () => {
      lose();
      const { findings, restorePoints } = await verify({ sink: scene.sink, name: "memory", readData: true });
      expect(restorePoints).to.have.length(2);
      expect(findings).to.have.length(1);
      expect(findings[0]).to.deep.include({ key, restorePoints: [], mendable: true });
      expect(findings[0]?.finding).to.include(what);
    });

    it(`that is ${what} doesn't keep a restore from being made, with a warning`, async () => {
      lose();
      const target = join(scene.directory, "target");
      const { warnings } = await restore({ sink: scene.sink, name: "memory", target });
      expect(warnings.join()).to.include(`repository.json is ${what}`);
    });

    it(`that is ${what} is written anew by the next backup, as it was but for its time`, async () => {
      lose();
      const { warnings, contexts } = await scene.commit();
      expect(warnings.join()).to.include(`repository.json is ${what}`);
      expect(contexts[0]?.added.objects).to.equal(0);
      const repository = await Repository.open(scene.sink);
      expect(repository?.problem).to.equal(undefined);
      expect(repository?.info.id).to.equal(id);
      expect((await scene.commit()).warnings).to.deep.equal([]);
      await scene.verifyAll();
    });

    it(`that is ${what} is written anew though the newest manifest is damaged as well`, async () => {
      lose();
      flip(keysOf("restore-points/").at(-1) ?? "");
      await scene.commit();
      expect((await Repository.open(scene.sink))?.info.id).to.equal(id);
    });

    it(`that is ${what} isn't guessed when restore points are of two repositories`, async () => {
      lose();
      makeForeign(0);
      const before = scene.sink.storage.get(key);
      const error = await scene.fail();
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "failed");
      expect(error.message).to.include("another");
      expect(scene.sink.storage.get(key)).to.equal(before);
    });

    it(`that is ${what} is an error when no restore point can be read`, async () => {
      lose();
      for (const of of keysOf("restore-points/")) flip(of);
      expect(await scene.fail()).to.be.instanceOf(EngineError);
    });
  }

  it("of another repository than the restore points' is refused by a backup, and found by verify", async () => {
    makeForeign(1);
    // But for the lock, and the note on the failure.
    const stored = () => [...scene.sink.storage].filter(([of]) => !/^(?:writer|last-failure)\./.test(of));
    const before = stored();
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "failed");
    expect(error.message).to.include("another").and.to.include(id);
    expect(stored()).to.deep.equal(before);
    const { findings } = await verify({ sink: scene.sink, name: "memory" });
    expect(findings.map((finding) => finding.key)).to.deep.equal([keysOf("restore-points/").at(-1)]);
  });
});
