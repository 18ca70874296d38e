import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { knownProblems, type Manifest, Repository, restore, verify } from "../dist/index.js";
import { BackupScene, segmentKey } from "./backup-scene.js";

const name = "00000000000000000034.events";
const key = segmentKey(34);
const secondKey = objectKey(`${key}@2`);

describe("a closed segment that isn't whole", () => {
  let scene: BackupScene;
  let path: string;
  let good: Buffer;
  beforeEach(() => {
    scene = new BackupScene();
    path = join(scene.store, name);
    good = readFileSync(path);
  });
  afterEach(() => {
    scene.close();
  });

  const flipped = (): Buffer => {
    const bytes = Buffer.from(good);
    bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    return bytes;
  };
  const stored = (of = key): Buffer | undefined => {
    const bytes = scene.sink.storage.get(of)?.bytes;
    return bytes && Buffer.from(bytes);
  };

  async function newest(): Promise<{ repository: Repository; manifest: Manifest }> {
    const repository = await Repository.open(scene.sink);
    const id = (await repository?.restorePoints())?.at(-1);
    if (!repository || !id) throw new Error("no restore point");
    return { repository, manifest: await repository.manifest(id) };
  }

  async function problems(): Promise<string[]> {
    const { repository, manifest } = await newest();
    return (await knownProblems(repository, manifest)).map((known) => known.name);
  }

  /** What a restore gives of the segment, and its warnings. */
  async function restored(which: "first" | "latest"): Promise<{ bytes: Buffer; warnings: string }> {
    const { repository } = await newest();
    const [first] = await repository.restorePoints();
    const target = join(scene.directory, `restored-${which}`);
    const report = await restore({
      sink: scene.sink,
      name: "memory",
      target,
      restorePoint: which === "first" && first ? first : "latest",
    });
    return { bytes: readFileSync(join(target, "default", name)), warnings: report.warnings.join("\n") };
  }

  const spoils: Readonly<Record<string, (bytes: Uint8Array) => void>> = {
    "a flipped bit": (bytes) => {
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
    },
    zeros: (bytes) => bytes.fill(0, 3000),
  };
  for (const [what, spoil] of Object.entries(spoils))
    it(`because it was read wrong once (${what}) is read again, and stored as it is on the server`, async () => {
      let opened = 0;
      scene.source.onCall = (call) => {
        if (call === `open ${name}`) opened++;
      };
      scene.source.onRead = (file, bytes, position) => {
        if (file === name && position === 0 && opened === 1) spoil(bytes);
      };
      const { warnings } = await scene.commit();
      expect(warnings.join()).to.include("right when it was read again");
      expect(stored()?.equals(good)).to.equal(true);
      expect(await problems()).to.deep.equal([]);
      await scene.verifyAll();
      expect((await scene.commit()).warnings).to.deep.equal([]);
    });

  it("is never taken for whole because the reading before was: each sending is checked itself", async () => {
    let opened = 0;
    let read = 0;
    scene.source.onCall = (call) => {
      if (call === `open ${name}`) [opened, read] = [opened + 1, 0];
    };
    scene.source.onRead = (file, bytes, position) => {
      // Wrong when it is sent first, right when it is read again, wrong when it is sent after that.
      if (file === name && position === 0 && (opened === 1 || ++read > 1)) bytes.fill(0, 3000);
    };
    await scene.commit();
    expect(await problems()).to.deep.equal([name]);
    scene.source.onRead = () => undefined;
    await scene.commit();
    expect(await problems()).to.deep.equal([]);
  });

  it("never takes the place of a copy whose beginning it doesn't have: the run fails, and the next one goes on", async () => {
    const young = new BackupScene("young");
    try {
      await young.commit();
      young.grow();
      let opened = 0;
      const was = "00000000000000000133.events";
      young.source.onCall = (call) => {
        if (call === `open ${was}`) opened++;
      };
      young.source.onRead = (file, bytes, position) => {
        // Right when it is compared, wrong when it is sent.
        if (file === was && position === 0 && opened > 1) bytes[200] = (bytes[200] ?? 0) ^ 1;
      };
      expect(await young.fail()).to.have.property("kind", "diverged");
      await young.verifyAll();
      young.source.onRead = () => undefined;
      await young.commit();
      await young.verifyAll();
    } finally {
      young.close();
    }
  });

  const damages: Readonly<Record<string, () => Buffer>> = {
    "a flipped bit": flipped,
    zeros: () => Buffer.from(good).fill(0, 3000),
    "cut short": () => good.subarray(0, 4000),
  };
  for (const [what, damage] of Object.entries(damages))
    it(`on the server (${what}) is told of at every run, and stored whole as soon as it is`, async () => {
      writeFileSync(path, damage());
      expect((await scene.commit()).warnings.join()).to.include(path);
      const sent: string[] = [];
      const onCall = (method: string, of?: string): void => {
        if (method === "put" && of?.includes(name) === true) sent.push(of);
      };
      for (let run = 0; run < 2; run++) {
        const { warnings } = await scene.commit(faultySink(scene.sink, {}, { onCall }));
        expect(warnings.join(), "inherited").to.include(`${key} is`);
      }
      expect(sent, "nothing new to send").to.deep.equal([]);
      expect(await problems()).to.deep.equal([name]);

      writeFileSync(path, good);
      const { contexts, warnings } = await scene.commit();
      expect(warnings).to.deep.equal([]);
      expect(contexts[0]?.repaired.objects).to.equal(1);
      expect(stored(secondKey)?.equals(good)).to.equal(true);
      expect(stored()?.equals(damage()), "restore points before need it as it was").to.equal(true);
      expect(await problems()).to.deep.equal([]);
      const latest = await verify({
        sink: scene.sink,
        name: "memory",
        readData: true,
        restorePoint: "latest",
      });
      expect(latest.findings).to.deep.equal([]);
      const { contexts: after } = await scene.commit();
      expect(after[0]?.repaired.objects, "and that is that").to.equal(0);
    });

  it("comes back as it was stored, with a warning, or whole from the first restore point that has it whole", async () => {
    writeFileSync(path, flipped());
    await scene.commit();
    writeFileSync(path, good);
    await scene.commit();
    const first = await restored("first");
    expect(first.bytes.equals(flipped())).to.equal(true);
    expect(first.warnings).to.include(name).and.to.include("damaged when it was backed up");
    const latest = await restored("latest");
    expect(latest.bytes.equals(good)).to.equal(true);
    expect(latest.warnings).to.equal("");
  });

  it("is a finding of verify, with and without reading, for the restore points that have it so", async () => {
    writeFileSync(path, flipped());
    await scene.commit();
    const [id] = (await (await Repository.open(scene.sink))?.restorePoints()) ?? [];
    writeFileSync(path, good);
    await scene.commit();
    for (const readData of [false, true]) {
      const { findings } = await verify({ sink: scene.sink, name: "memory", readData });
      expect(findings).to.have.length(1);
      expect(findings[0]).to.deep.include({ key, restorePoints: [id], mendable: false });
    }
    expect([...scene.sink.storage.keys()].filter((of) => of.startsWith("damaged/"))).to.deep.equal([]);
  });

  it("is found in a page, too, and leaves it when it is whole", async () => {
    for (let version = 1; version < 600; version++)
      writeFileSync(
        join(scene.store, `${"1".padStart(20, "0")}_${String(version).padStart(5, "0")}.bloom`),
        "x",
      );
    writeFileSync(join(scene.store, "00000000000000000000.events"), Buffer.alloc(4096, 7).fill(2, 0, 1));
    await scene.commit();
    const pages = async (): Promise<readonly object[]> =>
      (await newest()).manifest.contexts[0]?.events.pages ?? [];
    expect((await pages())[0]).to.have.property("problems", 1);
    expect(await problems()).to.deep.equal(["00000000000000000000.events"]);
    await scene.commit();
    expect(await problems()).to.deep.equal(["00000000000000000000.events"]);
    scene.grow();
    await scene.commit();
    expect(await problems()).to.deep.equal([]);
    expect((await pages())[0]).to.not.have.property("problems");
  });

  it("is stored anew, whatever its bytes, when the sink has lost it", async () => {
    writeFileSync(path, flipped());
    await scene.commit();
    scene.sink.storage.delete(key);
    const worse = Buffer.from(good).fill(0, 3000);
    writeFileSync(path, worse);
    await scene.commit();
    expect(stored()?.equals(worse)).to.equal(true);
    expect(await problems()).to.deep.equal([name]);
    scene.sink.storage.delete(key);
    writeFileSync(path, good);
    await scene.commit();
    expect(stored(secondKey)?.equals(good)).to.equal(true);
    scene.sink.storage.delete(secondKey);
    const { contexts } = await scene.commit();
    expect(contexts[0]?.repaired.objects).to.equal(1);
    expect(stored(secondKey)?.equals(good)).to.equal(true);
  });
});
