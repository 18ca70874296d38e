import type { SinkMethod } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { BackupScene } from "./backup-scene.js";

/** The methods that a run calls, in its order. */
async function callsOfARun(state: "first" | "second"): Promise<SinkMethod[]> {
  const scene = new BackupScene("young");
  try {
    if (state === "second") {
      await scene.commit();
      scene.grow();
    }
    const calls: SinkMethod[] = [];
    await scene.commit(faultySink(scene.sink, {}, { onCall: (method) => void calls.push(method) }), {
      concurrency: 1,
    });
    return calls;
  } finally {
    scene.close();
  }
}

describe("a sink that fails at any call of a run", () => {
  for (const state of ["first", "second"] as const)
    for (const fault of ["before it has done anything", "after it has done it"] as const)
      it(`${fault} (${state} run): harms no restore point, and the next run commits`, async function () {
        this.timeout(120_000);
        const calls = await callsOfARun(state);
        expect(calls.length).to.be.greaterThan(20);
        for (const [index, method] of calls.entries()) {
          if (method === "close") continue;
          const scene = new BackupScene("young");
          try {
            if (state === "second") {
              await scene.commit();
              scene.grow();
            }
            const earlier = calls.slice(0, index).filter((call) => call === method).length;
            const faulty = faultySink(scene.sink);
            for (let pass = 0; pass < earlier; pass++) faulty.script(method, { kind: "pass" });
            faulty.script(method, {
              kind: fault.startsWith("before") ? "fail" : "fail-after-effect",
              error: "transient",
            });
            const report = await scene.run(faulty, { concurrency: 1 });
            const where = `call ${index}, ${method}`;
            const committed = await scene.restorePoints();
            const before = state === "second" ? 1 : 0;
            expect(committed, where).to.be.within(before, before + 1);
            if (report.outcome === "committed") expect(committed, where).to.equal(before + 1);
            if (committed > 0) await scene.verifyAll();
            await scene.commit();
            await scene.verifyAll();
            const left = [...scene.sink.storage.keys()].filter((key) => /^(checkpoints|damaged)\//.test(key));
            expect(left, where).to.deep.equal([]);
          } finally {
            scene.close();
          }
        }
      });

  it("in the middle of a put: the same", async () => {
    for (let put = 0; put < 20; put++) {
      const scene = new BackupScene("young");
      try {
        await scene.commit();
        scene.grow();
        const faulty = faultySink(scene.sink);
        for (let pass = 0; pass < put; pass++) faulty.script("put", { kind: "pass" });
        faulty.script("put", { kind: "fail-after", count: 10, error: "full" });
        await scene.run(faulty);
        await scene.verifyAll();
        await scene.commit();
        await scene.verifyAll();
      } finally {
        scene.close();
      }
    }
  });
});

describe("a sink that lies", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  it("about a size is not believed: nothing is committed", async () => {
    const lying = faultySink(scene.sink);
    const put = lying.put.bind(lying);
    const error = await scene.fail({
      ...lying,
      put: async (...args) => ({ ...(await put(...args)), size: 3 }),
    });
    expect(error.message).to.include("the sink holds 3 bytes");
    expect(await scene.restorePoints()).to.equal(0);
  });

  it("about a checksum is not believed", async () => {
    const lying = faultySink(scene.sink);
    const put = lying.put.bind(lying);
    const checksum = { algorithm: "sha256" as const, value: "0".repeat(64) };
    const error = await scene.fail({
      ...lying,
      put: async (...args) => ({ ...(await put(...args)), checksum }),
    });
    expect(error.message).to.include("another checksum");
  });

  it("about a document is found when it is read back", async () => {
    const lying = faultySink(scene.sink, { ifAbsent: [{ kind: "pass" }, { kind: "flip-bit", offset: 90 }] });
    const error = await scene.fail(lying);
    expect(error.message).to.include("repository.json").and.to.include("reading it back");
  });

  it("and stores less than it says is found out by the next run", async () => {
    const pass = { kind: "pass" as const };
    const lying = faultySink(scene.sink, { put: [pass, { kind: "short-write", missing: 5 }] });
    await scene.commit(lying);
    const { contexts } = await scene.commit();
    expect(contexts[0]?.repaired.objects).to.equal(1);
    await scene.verifyAll();
  });
});

describe("a run that was cut off", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene();
  });
  afterEach(() => {
    scene.close();
  });

  async function cutOff(puts: number): Promise<void> {
    const faulty = faultySink(scene.sink);
    for (let pass = 0; pass < puts; pass++) faulty.script("put", { kind: "pass" });
    faulty.script("put", { kind: "fail", error: "transient" });
    await scene.fail(faulty, { checkpointInterval: 0, concurrency: 1 });
  }

  it("has its stored objects taken over by the next one", async () => {
    await cutOff(16);
    const { contexts } = await scene.commit();
    expect(contexts[0]?.inherited.objects).to.be.at.least(5);
    await scene.verifyAll();
    expect([...scene.sink.storage.keys()].filter((key) => key.startsWith("checkpoints/"))).to.deep.equal([]);
  });

  it("has none of them taken over when the server has other files by then", async () => {
    await cutOff(16);
    const { readdirSync, readFileSync, writeFileSync } = await import("node:fs");
    for (const name of readdirSync(scene.store).filter((file) => /(bloom|index)$/.test(file)))
      writeFileSync(`${scene.store}/${name}`, readFileSync(`${scene.store}/${name}`).reverse());
    await scene.commit();
    for (const [key, { bytes }] of scene.sink.storage)
      if (/(bloom|index)$/.test(key))
        expect(
          Buffer.compare(bytes, readFileSync(`${scene.store}/${key.split("/").at(-1) ?? ""}`)),
          key,
        ).to.equal(0);
  });
});
