import { expect } from "chai";
import { bytesSource, objectKey, type Sink } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { EngineError, verify } from "../dist/index.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import { BackupScene } from "./backup-scene.js";
import { bare, keysOf } from "./sink-support.js";

describe("several backups at once to one repository", () => {
  let scene: BackupScene;
  beforeEach(() => {
    scene = new BackupScene("young");
  });
  afterEach(() => {
    scene.close();
  });

  for (const [kind, made] of [
    ["with conditional puts", () => memorySink()],
    ["without", () => bare(memorySink())],
  ] as const)
    for (const writers of [2, 5])
      it(`${writers}, ${kind}: one commits at least, and every restore point restores`, async function () {
        this.timeout(30_000);
        const sink = made();
        let committed = 0;
        for (let round = 0; round < 6; round++) {
          const reports = await Promise.all(
            Array.from({ length: writers }, (_, index) =>
              scene.run(sink, { checkpointInterval: index % 2 === 0 ? 0 : 10_000 }),
            ),
          );
          const errors = reports.flatMap((report) => (report.outcome === "failed" ? [report.error] : []));
          for (const error of errors)
            if (!(error instanceof EngineError) || error.kind !== "locked") throw error;
          expect(errors.length).to.be.below(writers);
          committed += writers - errors.length;
          if (round === 3) scene.grow();
        }
        const { findings, restorePoints } = await verify({
          sink,
          name: "memory",
          readData: true,
          mark: false,
        });
        expect(findings).to.deep.equal([]);
        expect(restorePoints).to.have.length(committed);
        expect(await keysOf(sink)).not.to.include(WRITER_KEY);
      });

  it("commits nothing when its lock was taken from it", async () => {
    await scene.commit();
    const inner = scene.sink;
    const sink: Sink = {
      ...bare(inner),
      async put(key, source, options) {
        if (key.startsWith("controldb/")) await inner.delete(WRITER_KEY);
        return inner.put(key, source, options);
      },
    };
    const error = await scene.fail(sink);
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
    expect(await scene.restorePoints()).to.equal(1);
    await scene.commit();
    await scene.verifyAll();
  });

  it("writes nothing where somebody else's objects are", async () => {
    const sink = memorySink();
    await sink.put(objectKey("holiday.jpg"), bytesSource("x"));
    const { put, ifAbsent } = sink.calls;
    await scene.fail(sink);
    expect(sink.calls).to.include({ put, ifAbsent });
  });
});
