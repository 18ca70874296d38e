import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { verify, type VerifyReport } from "../dist/index.js";
import { BackupScene, segmentKey } from "./backup-scene.js";
import { Nights } from "./support-verify.js";

describe("verify and the marks that an earlier one has left", function () {
  this.timeout(60_000);
  let scene: BackupScene;
  beforeEach(async () => {
    scene = new BackupScene("young");
    await scene.commit();
    scene.grow();
    await scene.commit();
  });
  afterEach(() => {
    scene.close();
  });

  const check = (readData = false): Promise<VerifyReport> =>
    verify({ sink: scene.sink, name: "memory", readData });
  const record = (): Promise<string[]> => new Nights(scene.sink).record();
  function flip(key: string, at: (length: number) => number): void {
    const object = scene.sink.storage.get(objectKey(key));
    if (object === undefined) throw new Error(`no ${key}`);
    const bytes = Buffer.from(object.bytes);
    const place = at(bytes.length);
    bytes.writeUInt8(bytes.readUInt8(place) ^ 1, place);
    scene.sink.storage.set(objectKey(key), { ...object, bytes });
  }

  it("tells of what stands, though size and place are right, and takes no restore point that needs it for verified", async () => {
    const key = segmentKey(34);
    flip(key, (length) => length >> 1);
    const found = await check(true);
    expect(found.damaged).to.equal(true);
    const told = await check();
    expect(told.damaged).to.equal(true);
    expect(told.findings).to.have.length(1);
    expect(told.findings[0]).to.include({ key, depth: "data", mendable: true });
    expect(told.findings[0]?.restorePoints).to.deep.equal(found.findings[0]?.restorePoints);
    expect(told.findings[0]?.finding).to.match(/^was found damaged on \d{4}-.*: it has other bytes/);
    expect(await record()).to.deep.equal([]);
    // Telling of it doesn't make it another finding, and the next backup mends it.
    expect((await check()).findings).to.deep.equal(told.findings);
    await scene.commit();
    expect((await check()).findings).to.deep.equal([]);
    expect(await record()).to.have.length(3);
  });

  it("counts a mark that can't be read", async () => {
    const key = segmentKey(34);
    flip(key, (length) => length >> 1);
    await check(true);
    flip(`damaged/${key}.json`, (length) => length >> 1);
    const { findings } = await check();
    expect(findings.map((finding) => finding.key)).to.deep.equal([key]);
    expect(await record()).to.deep.equal([]);
  });

  it("doesn't tell of one that no restore point needs", async () => {
    const key = objectKey("contexts/default/events/00000000000000099999.events");
    await (await new Nights(scene.sink).repository()).markDamaged({ key, finding: "is odd", found: "" });
    expect((await check()).findings).to.deep.equal([]);
  });

  it("knows of a copy's beginning that it was right", async () => {
    // Open in the first restore point: the second one alone needs its last bytes.
    const key = segmentKey(133);
    flip(key, (length) => length - 1);
    const found = await check(true);
    const newest = [found.restorePoints.at(-1)];
    expect(found.findings.map((finding) => finding.restorePoints)).to.deep.equal([newest]);
    expect((await check()).findings.map((finding) => finding.restorePoints)).to.deep.equal([newest]);
  });
});
