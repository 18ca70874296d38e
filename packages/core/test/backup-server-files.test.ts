import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { SegmentScanner, token } from "@axon-backup/axon-server";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { BackupScene, segmentKey } from "./backup-scene.js";

describe("files that vanish while a backup runs", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  const vanishing = (name: string, relisted: boolean): void => {
    const path = join(scene.store, name);
    let bytes: Buffer | undefined;
    scene.source.onCall = (call) => {
      if (call === `open ${name}` && bytes === undefined) {
        bytes = readFileSync(path);
        rmSync(path);
      } else if (call.startsWith("list default events") && bytes && relisted) writeFileSync(path, bytes);
    };
  };

  it("an index file is a warning", async () => {
    vanishing("00000000000000000034.bloom", false);
    const { warnings } = await scene.commit();
    expect(warnings.join()).to.include("00000000000000000034.bloom");
    await scene.verifyAll();
  });

  it("the oldest segment is a warning, when a fresh listing doesn't have it any more: retention has removed it", async () => {
    vanishing("00000000000000000000.events", false);
    const { warnings } = await scene.commit();
    expect(warnings.join()).to.include("00000000000000000000.events");
  });

  it("a segment in the middle is an error, also when a fresh listing doesn't have it any more: no restore point has a hole", async () => {
    vanishing("00000000000000000034.events", false);
    const error = await scene.fail();
    expect(error.message)
      .to.include("00000000000000000000.events")
      .and.to.include("00000000000000000066.events");
    expect(await scene.restorePoints()).to.equal(0);
    const again = await scene.fail();
    expect(again.message, "nor does the next run").to.include("is missing");
  });

  it("a segment that went after the newest restore point leaves no hole unseen", async () => {
    scene.makeYoung();
    await scene.commit();
    scene.grow();
    rmSync(join(scene.store, "00000000000000000150.events"));
    const error = await scene.fail();
    expect(error.message)
      .to.include("00000000000000000133.events")
      .and.to.include("00000000000000000151.events");
  });

  it("a segment that a fresh listing still has, in the same place, is an error", async () => {
    const list = scene.source.list.bind(scene.source);
    vanishing("00000000000000000034.events", false);
    const whole = await list("default", "events", undefined);
    scene.source.list = async (context, store, cursor) =>
      store === "events" ? whole : list(context, store, cursor);
    const error = await scene.fail();
    expect(error.message).to.include("00000000000000000034.events").and.to.include("missing");
    expect(await scene.restorePoints()).to.equal(0);
  });

  it("an open segment that is gone is listed again", async () => {
    vanishing("00000000000000000153.events", true);
    await scene.commit();
    expect(scene.source.calls.filter((call) => call.startsWith("list default events"))).to.have.length(2);
    await scene.verifyAll();
  });
});

describe("segments that are damaged on the server", () => {
  it("are stored as they are, with a warning that names them", async () => {
    const scene = new BackupScene();
    try {
      const path = join(scene.store, "00000000000000000034.events");
      const bytes = readFileSync(path);
      bytes[5000] = (bytes[5000] ?? 0) ^ 1;
      writeFileSync(path, bytes);
      const { warnings } = await scene.commit();
      expect(warnings.join()).to.include(path).and.to.include("damaged on the server");
      expect(Buffer.compare(scene.sink.storage.get(segmentKey(34))?.bytes ?? Buffer.of(), bytes)).to.equal(0);
    } finally {
      scene.close();
    }
  });
});

describe("a server that crashes between the look at its open segment and the copy", () => {
  const segment = token(153);
  const name = "00000000000000000153.events";
  for (const [state, before] of [
    ["the first backup", false],
    ["a later one", true],
  ] as const)
    it(`stores nothing of what was not seen (${state})`, async () => {
      const scene = new BackupScene();
      try {
        const path = join(scene.store, name);
        const bytes = readFileSync(path);
        const ends: number[] = [];
        const scanner = new SegmentScanner({ segment, onTransaction: ({ end }) => ends.push(end) });
        scanner.push(bytes);
        expect(ends.length).to.be.greaterThan(1);
        if (before) {
          const younger = Buffer.from(bytes);
          younger.fill(0, ends.at(-2));
          writeFileSync(path, younger);
          await scene.commit();
          writeFileSync(path, bytes);
        }
        const opened = `open ${name}`;
        let looks = 0;
        // The one before the copy is the look at the end.
        const count = (call: string): void => void (looks += call === opened ? 1 : 0);
        scene.source.onCall = count;
        const twin = memorySink();
        if (before) for (const [key, object] of scene.sink.storage) twin.storage.set(key, object);
        await scene.commit(twin);
        const copied = looks;
        looks = 0;
        scene.source.onCall = (call) => {
          count(call);
          if (call !== opened || looks !== copied) return;
          const lost = Buffer.from(bytes);
          lost.fill(7, ends.at(-2), ends.at(-1));
          writeFileSync(path, lost);
        };
        const error = await scene.fail();
        expect(error.message).to.include(path).and.to.include("has changed");
        expect(await scene.restorePoints()).to.equal(before ? 1 : 0);
        if (before) await scene.verifyAll();
      } finally {
        scene.close();
      }
    });
});
