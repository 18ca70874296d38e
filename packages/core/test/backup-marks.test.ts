import { rmSync } from "node:fs";
import { join } from "node:path";
import { SinkError } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { verify } from "../dist/index.js";
import { BackupScene, segmentKey } from "./backup-scene.js";

/** The server has removed it: nothing but the sink has it. */
const key = segmentKey(0);

describe("a damaged object that was brought back from elsewhere", () => {
  let scene: BackupScene;
  beforeEach(async () => {
    scene = new BackupScene();
    await scene.commit();
    rmSync(join(scene.store, "00000000000000000000.events"));
    flip();
    await verifyAndMark();
    expect(marks()).to.deep.equal([`damaged/${key}.json`]);
    expect(await scene.fail()).to.have.property("kind", "damage");
  });
  afterEach(() => {
    scene.close();
  });

  /** Damages the object, or brings it back. */
  function flip(): void {
    const { bytes } = scene.sink.storage.get(key) ?? {};
    if (bytes) bytes[6000] = (bytes[6000] ?? 0) ^ 1;
  }
  const marks = (): string[] => [...scene.sink.storage.keys()].filter((name) => name.startsWith("damaged/"));
  const verifyAndMark = async (restorePoint?: "latest"): Promise<boolean> =>
    (
      await verify({
        sink: scene.sink,
        name: "memory",
        readData: true,
        ...(restorePoint && { restorePoint }),
      })
    ).damaged;

  it("is taken over by the next backup, which reads it before it believes the mark", async () => {
    flip();
    const { contexts } = await scene.commit();
    expect(contexts[0]?.added.objects).to.equal(0);
    expect(contexts[0]?.repaired.objects).to.equal(0);
    expect(marks()).to.deep.equal([]);
    await scene.verifyAll();
  });

  it("still keeps the next backup from committing if it is another one, or can't be read", async () => {
    expect(await scene.fail()).to.have.property("kind", "damage");
    flip();
    const failing = faultySink(
      scene.sink,
      { get: [] },
      {
        onCall: (method, of) => {
          if (method === "get" && of === key) throw new SinkError("transient", "input/output error");
        },
      },
    );
    expect(await scene.fail(failing)).to.have.property("kind", "damage");
    expect(marks(), "the mark stays").to.have.length(1);
  });

  for (const restorePoint of [undefined, "latest"] as const)
    it(`has no mark any more when verify has read it (${restorePoint ?? "all restore points"})`, async () => {
      flip();
      expect(await verifyAndMark(restorePoint)).to.equal(false);
      expect(marks()).to.deep.equal([]);
      await scene.commit();
    });

  it("keeps its mark when verify doesn't read it, or must not write", async () => {
    flip();
    await verify({ sink: scene.sink, name: "memory" });
    await verify({ sink: scene.sink, name: "memory", readData: true, mark: false });
    expect(marks()).to.have.length(1);
  });
});
