import { AxonServerError, type StoreListing, token } from "@axon-backup/axon-server";
import { expect } from "chai";
import { EngineError } from "../dist/index.js";
import { TimelineScene } from "./timeline-scene.js";
import { listingOf } from "./timeline-server.js";

describe("an answer that can't be right", () => {
  let scene: TimelineScene;
  beforeEach(async () => {
    scene = new TimelineScene();
    scene.append(11, "old");
    await scene.commit();
  });

  /** But for the note on the failure. */
  const objects = () => new Map([...scene.objects("")].filter(([key]) => key !== "last-failure.json"));

  async function expectNothing(change: (listing: StoreListing) => StoreListing): Promise<void> {
    scene.server.onList = change;
    const before = objects();
    const error = await scene.fail();
    expect(error).to.be.instanceOf(AxonServerError).with.property("kind", "unexpected");
    expect(error).to.have.property("remedy").that.includes("starting");
    expect(objects()).to.deep.equal(before);
    scene.server.onList = (listing) => listing;
    expect((await scene.commit()).timelines).to.deep.equal([]);
    await scene.checkAll();
  }

  it("nothing closed, from a server that has read no more than its newest segment: no new timeline", () =>
    expectNothing((listing) => ({ ...listing, lastClosedSegment: undefined, closed: [], indexes: [] })));

  it("nothing closed, all segments open, as where they are looked for in the directory: no new timeline", () =>
    expectNothing((listing) =>
      listing.store === "events"
        ? {
            ...listing,
            lastClosedSegment: undefined,
            closed: [],
            open: [...listingOf(scene.server.logs.get("default") ?? [], listing).closed, ...listing.open],
          }
        : listing,
    ));

  it("a listing of before, behind the cursor, while the files are there: no new timeline", () =>
    expectNothing((listing) => (listing.store === "events" ? listingOf(["a", "b"], listing) : listing)));

  it("the segment that was open left out, while its file is there: no new timeline", () =>
    expectNothing((listing) =>
      listing.store === "events"
        ? {
            ...listing,
            lastClosedSegment: token(4),
            closed: [],
            open: listingOf(Array<string>(12).fill("x"), listing).open,
          }
        : listing,
    ));

  it("is believed no more than once: what the second look finds counts", async () => {
    scene.append(2, "old");
    let files = 0;
    const open = scene.server.open.bind(scene.server);
    const log = scene.server.logs.get("default") ?? [];
    // The first reading of the open segment is another history's.
    scene.server.open = async (file) => {
      const isFirst = "context" in file && file.path.endsWith("08.events") && files++ === 0;
      if (isFirst)
        scene.server.logs.set(
          "default",
          log.map((event) => `${event}!`),
        );
      const handle = await open(file);
      scene.server.logs.set("default", log);
      return handle;
    };
    const { timelines } = await scene.commit();
    expect(timelines).to.deep.equal([]);
    expect(files).to.be.greaterThan(1);
    await scene.checkAll();
  });

  it("waits before the second look, and not when it is ended", async () => {
    scene.cut(0);
    const controller = new AbortController();
    const running = scene.runAll([0], { secondLook: 600_000, signal: controller.signal });
    while (scene.server.lists < 3) await new Promise((resolve) => setImmediate(resolve));
    controller.abort(new EngineError("failed", "ended", "None."));
    let ended: unknown;
    await running.catch((error: unknown) => (ended = error));
    expect(String(ended)).to.include("ended");
    expect([...scene.objects("contexts/default@1/").keys()]).to.deep.equal([]);
  });
});
