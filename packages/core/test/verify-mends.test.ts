import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { Repository, verify } from "../dist/index.js";
import { BackupScene, segmentKey } from "./backup-scene.js";

describe("what verify finds, and the next backup", function () {
  this.timeout(60_000);
  let scene: BackupScene;
  beforeEach(async () => {
    scene = new BackupScene("young");
    await scene.commit();
    scene.grow();
    await scene.commit();
    await scene.verifyAll();
  });
  afterEach(() => {
    scene.close();
  });

  const marks = (): string[] =>
    [...scene.sink.storage.keys()].filter((key) => key.startsWith("damaged/")).sort();
  const keyOf = (pattern: RegExp): string => {
    const key = [...scene.sink.storage.keys()].find((name) => pattern.test(name));
    if (key === undefined) throw new Error(`no key like ${pattern}`);
    return key;
  };
  const damage = {
    "a flipped bit": (bytes: Buffer): Uint8Array => {
      const at = Math.floor(bytes.byteLength / 3);
      bytes.writeUInt8(bytes.readUInt8(at) ^ 8, at);
      return bytes;
    },
    "a truncation": (bytes: Buffer): Uint8Array => bytes.subarray(0, Math.floor(bytes.byteLength / 2)),
    "other bytes of the same size": (bytes: Buffer): Uint8Array => bytes.reverse(),
    "a loss": (): undefined => undefined,
  };
  const apply = (key: string, change: (bytes: Buffer) => Uint8Array | undefined): void => {
    const { storage } = scene.sink;
    const object = storage.get(objectKey(key));
    if (object === undefined) throw new Error(`no ${key}`);
    const bytes = change(Buffer.from(object.bytes));
    if (bytes === undefined) storage.delete(objectKey(key));
    else storage.set(objectKey(key), { ...object, bytes });
  };

  for (const [what, change] of Object.entries(damage))
    for (const [object, find] of [
      ["a closed segment", () => segmentKey(34)],
      ["a segment that was open in an older restore point", () => segmentKey(133)],
      ["an open segment", () => segmentKey(153)],
      ["an index file", () => keyOf(/events\/.*\.index$/)],
    ] as const)
      it(`${what} of ${object} is marked, and mended from the server`, async () => {
        const key = find();
        apply(key, change);
        const report = await verify({ sink: scene.sink, name: "memory", readData: true });
        expect(report.findings.map((finding) => finding.key)).to.include(key);
        expect(report.findings.every(({ mendable }) => mendable)).to.equal(true);
        expect(marks()).to.deep.equal([`damaged/${key}.json`]);
        await scene.commit();
        expect(marks()).to.deep.equal([]);
        await scene.verifyAll();
      });

  it("damage of a control DB is told of as what no backup mends, and isn't marked", async () => {
    apply(keyOf(/^controldb\//), damage["a flipped bit"]);
    const { findings } = await verify({ sink: scene.sink, name: "memory", readData: true });
    expect(findings.map(({ mendable }) => mendable)).to.deep.equal([false]);
    expect(marks()).to.deep.equal([]);
  });

  it("a repository.json that is damaged is written anew", async () => {
    apply("repository.json", damage["a flipped bit"]);
    const { findings } = await verify({ sink: scene.sink, name: "memory", readData: true });
    expect(findings.map((finding) => [finding.key, finding.mendable])).to.deep.equal([
      ["repository.json", true],
    ]);
    await scene.commit();
    await scene.verifyAll();
  });

  it("of a manifest that was lost, the control DB stays as long as nobody prunes, so that it is told of", async () => {
    const lost = (await (await Repository.open(scene.sink))?.restorePoints())?.at(-1);
    await verify({ sink: scene.sink, name: "memory" });
    apply(`restore-points/${lost}.json`, damage["a loss"]);
    for (let day = 1; day < 5; day += 2) {
      await scene.commit(scene.sink, { now: () => new Date(Date.now() + day * 24 * 60 * 60 * 1000) });
      const { findings } = await verify({ sink: scene.sink, name: "memory" });
      expect(findings.map(({ key }) => key)).to.deep.equal([`restore-points/${lost}.json`]);
    }
  });
});
