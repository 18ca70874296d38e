import { expect } from "chai";
import { committed, WorkerScene } from "./service-worker-scene.js";

const MINUTE = 60_000;

describe("a sink's worker, and what others do on the sink", () => {
  let scene: WorkerScene;
  afterEach(() => scene.end());

  it("hears of what others verify: damage they find is told, counted and stored again, once", async () => {
    scene = new WorkerScene();
    const key = "contexts/default/events/0.events";
    scene.content = { points: ["20261124T115500.000Z"] };
    scene.start();
    await scene.time.pass(MINUTE);
    scene.content = { ...scene.content, damaged: [key], verified: "2026-11-24T12:01:00.000Z" };
    scene.backups = [
      () => {
        scene.content = { ...scene.content, damaged: [] };
        return committed();
      },
    ];
    await scene.time.pass(4 * MINUTE);
    expect(scene.asked).to.deep.equal(["12:00:00 follow", "12:05:00 restore-point", "12:05:00 follow"]);
    expect(scene.events.filter(({ kind }) => kind === "damage")).to.deep.equal([
      { kind: "damage", sink: "nas", at: new Date("2026-11-24T12:05:00Z"), objects: [key] },
    ]);
    expect(scene.state.lastVerify).to.include({ findings: 1 });
    expect(scene.state.lastVerify?.finished.toISOString()).to.equal("2026-11-24T12:01:00.000Z");
    expect(scene.state).to.include({ damagedObjects: 0 });

    scene.content = { ...scene.content, damaged: [key] };
    scene.backups = [committed];
    await scene.time.pass(5 * MINUTE);
    expect(scene.state, "no backup mends it").to.include({ health: "damaged", damagedObjects: 1 });
    await scene.time.pass(20 * MINUTE);
    expect(scene.asked.filter((what) => what.endsWith("restore-point"))).to.have.length(2);
    scene.content = { ...scene.content, damaged: [] };
    await scene.time.pass(5 * MINUTE);
    expect(scene.state, "somebody else mended it").to.include({ damagedObjects: 0 });
  });
});
