import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { BackupScene } from "./backup-scene.js";

describe("a server that gives its files names of 20 digits instead of 14", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
    rename(/^0{6}(?=\d{14}[._])/, "");
  });
  afterEach(() => {
    scene.close();
  });

  function rename(pattern: RegExp, by: string): void {
    for (const name of readdirSync(scene.store))
      renameSync(join(scene.store, name), join(scene.store, name.replace(pattern, by)));
  }
  const lengthen = (): void => {
    rename(/^(?=\d{14}[._])/, "000000");
  };

  it("has the same history: closed files are inherited, open ones compared and stored", async () => {
    await scene.commit();
    lengthen();
    const { contexts } = await scene.commit();
    expect(contexts[0]?.added.objects).to.equal(0);
    expect(contexts[0]?.overwritten.objects).to.equal(2);
    await scene.verifyAll();
  });

  it("repairs what is gone from the sink under the name that restore points know", async () => {
    await scene.commit();
    const key = objectKey("contexts/default/events/00000000000034.events");
    scene.sink.storage.delete(key);
    lengthen();
    const { contexts } = await scene.commit();
    expect(contexts[0]?.repaired.objects).to.equal(1);
    expect(scene.sink.storage.has(key)).to.equal(true);
    await scene.verifyAll();
  });

  it("still diverges when the bytes are others", async () => {
    await scene.commit();
    lengthen();
    const path = join(scene.store, "00000000000000000153.events");
    const bytes = readFileSync(path);
    bytes[700] = (bytes[700] ?? 0) ^ 1;
    writeFileSync(path, bytes);
    const [change] = (await scene.commit()).timelines;
    expect(change?.reason).to.include("the first 9413 bytes of 00000000000153.events are not those");
  });
});
