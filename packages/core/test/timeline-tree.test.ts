import { expect } from "chai";
import type { Timeline } from "../dist/index.js";
import { timelineTrees } from "../dist/index.js";
import { TimelineScene } from "./timeline-scene.js";

const outline = ({ timeline, restorePoints, isCurrent, branches }: Timeline): unknown => [
  `${timeline}${isCurrent ? "*" : ""}`,
  restorePoints.length,
  branches.map(outline),
];

describe("timelines as trees", () => {
  let scene: TimelineScene;
  beforeEach(async () => {
    scene = new TimelineScene();
    scene.append(3, "a");
    scene.append(3, "b", "orders");
    await scene.commit();
  });

  it("are one for each context, of one timeline, as long as nothing happens", async () => {
    await scene.commit();
    const trees = timelineTrees(await scene.manifests());
    expect([...trees].map(([name, roots]) => [name, roots.map(outline)])).to.deep.equal([
      ["default", [["0*", 2, []]]],
      ["orders", [["0*", 2, []]]],
    ]);
  });

  it("show what left what, and which one goes on", async () => {
    const old = scene.server.logs.get("default") ?? [];
    for (const label of ["c", "d"]) {
      scene.cut(0);
      scene.append(2, label);
      await scene.commit();
    }
    scene.server.logs.set("default", old);
    await scene.commit();
    scene.cut(0);
    scene.append(1, "e");
    await scene.commit();
    await scene.commit();
    const roots = timelineTrees((await scene.manifests()).reverse()).get("default") ?? [];
    expect(roots.map(outline)).to.deep.equal([
      [
        "0",
        2,
        [
          ["1", 1, [["2", 1, []]]],
          ["3*", 2, []],
        ],
      ],
    ]);
  });

  it("have the timeline that was left also when no restore point of it is there any more", async () => {
    scene.cut(0);
    scene.append(1, "c");
    await scene.commit();
    const [, second] = await scene.manifests();
    const roots = second ? timelineTrees([second]).get("default") : [];
    expect(roots?.map(outline)).to.deep.equal([["0", 0, [["1*", 1, []]]]]);
  });

  it("end, also when a manifest says that a timeline left itself", async () => {
    const [first] = await scene.manifests();
    if (first === undefined) throw new Error("no manifest");
    const branch = { timeline: 1, restorePoint: null, reason: "", begun: "" };
    const contexts = first.contexts.map((context) => ({ ...context, timeline: 1, branch }));
    const roots = timelineTrees([{ ...first, contexts }]).get("default") ?? [];
    expect(roots.map(outline)).to.deep.equal([["1*", 1, []]]);
  });
});
