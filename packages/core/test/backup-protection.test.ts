import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AxonServerError } from "@axon-backup/axon-server";
import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError, verify } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";
import { isPut } from "./sink-support.js";

const oldest = objectKey(`contexts/default/events/${"0".repeat(20)}.events`);

describe("restore points that can't be read", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
    // The captured store has few closed files: all of them are listed in pages.
    scene.pageFiles = 1;
  });
  afterEach(() => {
    scene.close();
  });

  const keysOf = (prefix: string): string[] =>
    [...scene.sink.storage.keys()].filter((key) => key.startsWith(prefix));

  function damage(key: string): void {
    const object = scene.sink.storage.get(objectKey(key));
    object?.bytes.set([0], 150);
  }

  /** Another history at the same address: every event has another payload. */
  function changeServer(): void {
    const path = join(scene.store, "00000000000000000000.events");
    const bytes = readFileSync(path);
    bytes[6000] = (bytes[6000] ?? 0) ^ 1;
    writeFileSync(path, bytes);
  }

  it("keep their objects when all of them are damaged and the server has another history", async () => {
    await scene.commit();
    for (const key of keysOf("restore-points/")) damage(key);
    const before = scene.sink.storage.get(oldest);
    changeServer();
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "diverged");
    expect(scene.sink.storage.get(oldest)).to.equal(before);
  });

  it("keep a good copy when a page is damaged and the server's file has rotted", async () => {
    await scene.commit();
    for (const key of keysOf("pages/")) damage(key);
    const before = scene.sink.storage.get(oldest);
    changeServer();
    const error = await scene.fail();
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "diverged");
    expect(scene.sink.storage.get(oldest)).to.equal(before);
  });

  it("are told of when a page is missing, and the server has no more what it listed", async () => {
    await scene.commit();
    for (const key of keysOf("pages/")) scene.sink.storage.delete(objectKey(key));
    rmSync(join(scene.store, "00000000000000000000.events"));
    const { warnings } = await scene.commit();
    expect(warnings.join("\n"))
      .to.include("00000000000000000000.events")
      .and.to.include("They stay on the sink");
    expect(scene.sink.storage.has(oldest)).to.be.true;
  });

  for (const what of ["missing", "damaged"])
    it(`have what they need taken over when a page is ${what}: nothing closed is sent again, and the page is back`, async () => {
      await scene.commit();
      for (const key of keysOf("pages/"))
        if (what === "damaged") damage(key);
        else scene.sink.storage.delete(objectKey(key));
      const sent: string[] = [];
      const onCall = (method: string, key?: string): void => {
        if (isPut(method) && key?.startsWith("contexts/") === true) sent.push(key);
      };
      const { contexts } = await scene.commit(faultySink(scene.sink, {}, { onCall }));
      expect(contexts[0]?.added.objects).to.equal(0);
      expect(sent, "open segments").to.have.length(contexts[0]?.overwritten.objects ?? 0);
      await scene.verifyAll();
    });

  it("keep segments that are damaged, and those that took their place, when a page is lost: the server's is stored beside them", async () => {
    const path = join(scene.store, "00000000000000000000.events");
    const good = readFileSync(path);
    writeFileSync(path, Buffer.from(good).fill(0, 3000, 4000));
    await scene.commit();
    writeFileSync(path, good);
    await scene.commit();
    const first = keysOf(oldest).map((key) => scene.sink.storage.get(objectKey(key)));
    expect(first).to.have.length(2);
    for (const key of keysOf("pages/")) scene.sink.storage.delete(objectKey(key));
    const { contexts } = await scene.commit();
    expect(contexts[0]?.repaired.objects).to.equal(1);
    expect(keysOf(oldest).map((key) => scene.sink.storage.get(objectKey(key)))).to.include.members(first);
    const options = { sink: scene.sink, name: "memory", readData: true, restorePoint: "latest" } as const;
    expect((await verify(options)).findings).to.deep.equal([]);
    expect((await scene.commit()).contexts[0]?.repaired.objects).to.equal(0);
  });

  it("don't keep the next run from committing when the server still has the same files", async () => {
    await scene.commit();
    for (const key of keysOf("restore-points/")) damage(key);
    await scene.commit();
  });
});

describe("a listing that isn't complete", () => {
  it("is refused: what the cursor has passed would never be asked for again", async () => {
    const scene = new BackupScene();
    try {
      const list = scene.source.list.bind(scene.source);
      scene.source.list = async (context, store, cursor) => ({
        ...(await list(context, store, cursor)),
        closed: [],
        indexes: [],
      });
      const error = await scene.fail();
      expect(error).to.be.instanceOf(AxonServerError).with.property("kind", "unexpected");
      expect(await scene.restorePoints()).to.equal(0);
    } finally {
      scene.close();
    }
  });

  it("without the beginning is a warning: so it is after the server's retention", async () => {
    const scene = new BackupScene();
    try {
      rmSync(join(scene.store, "00000000000000000000.events"));
      const { warnings } = await scene.commit();
      expect(warnings.join()).to.include("begins at token 34");
      expect((await scene.commit()).warnings).to.deep.equal([]);
    } finally {
      scene.close();
    }
  });
});

describe("control DBs of runs that never committed", () => {
  it("are removed by the first run that commits a day later", async () => {
    const scene = new BackupScene();
    try {
      await scene.commit();
      const faulty = faultySink(
        scene.sink,
        {},
        {
          onCall: (method, key) => {
            if (isPut(method) && key?.startsWith("restore-points/") === true) throw new Error("killed");
          },
        },
      );
      await scene.fail(faulty);
      const controlDbs = (): number =>
        [...scene.sink.storage.keys()].filter((key) => key.startsWith("controldb/")).length;
      expect(controlDbs()).to.equal(2);
      await scene.commit();
      expect(controlDbs(), "that run may be standing still, and commit yet").to.equal(3);
      const tomorrow = new Date(Date.now() + 25 * 60 * 60 * 1000);
      await scene.commit(scene.sink, { now: () => tomorrow });
      expect(controlDbs()).to.equal(3);
      await scene.verifyAll();
    } finally {
      scene.close();
    }
  });
});
