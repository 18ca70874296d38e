import { isSinkError, type Sink } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { type EngineEvent, verify, wrapSink, DEFAULT_POLICY } from "../dist/index.js";
import { BackupScene } from "./backup-scene.js";

/** What the events say was moved: the highest that it got to, and where it ended. */
function movedBytes(events: readonly EngineEvent[]): { readonly highest: number; readonly end: number } {
  let [end, highest] = [0, 0];
  for (const event of events) {
    if (event.kind === "bytes") end += event.bytes;
    highest = Math.max(highest, end);
    expect(end).to.be.at.least(0);
  }
  return { highest, end };
}

describe("the bytes that a run tells of", () => {
  let scene: BackupScene;
  let events: EngineEvent[];
  beforeEach(() => {
    scene = new BackupScene();
    events = [];
  });
  afterEach(() => {
    scene.close();
  });

  const observer = (event: EngineEvent): void => {
    events.push(event);
  };
  /** With the retries of a real run, and no wait between them. */
  const retried = (sink: Sink): Sink =>
    wrapSink(sink, { ...DEFAULT_POLICY, retries: { ...DEFAULT_POLICY.retries, base: 0, cap: 0 } });

  it("are those sent, each once, when every object needs three attempts", async () => {
    const faulty = faultySink(scene.sink);
    for (let call = 0; call < 40; call++)
      faulty.script(
        "put",
        { kind: "fail-after", count: 3000, error: "transient" },
        { kind: "fail-after-effect", error: "transient" },
        { kind: "pass" },
      );
    const { sent } = await scene.commit(retried(faulty), { observer, concurrency: 1 });
    expect(events.some((event) => event.kind === "bytes" && event.bytes < 0)).to.equal(true);
    const { highest, end } = movedBytes(events);
    expect(end).to.equal(sent.bytes);
    expect(highest).to.equal(sent.bytes);
  });

  it("are taken back of an object that isn't stored in the end", async () => {
    const faulty = faultySink(scene.sink, {}, {});
    faulty.script("put", { kind: "fail-after", count: 3000, error: "full" });
    const error = await scene.fail(faulty, { observer, concurrency: 1 });
    expect(isSinkError(error, "full")).to.equal(true);
    expect(events.some((event) => event.kind === "bytes")).to.equal(true);
    expect(movedBytes(events).end).to.equal(0);
  });

  it("are no more than the work that was announced, when a verification reads a control DB twice", async () => {
    await scene.commit();
    const { bytes } = await verify({
      sink: scene.sink,
      name: "memory",
      readData: true,
      mark: false,
      observer,
    });
    const work = events.find((event) => event.kind === "work");
    expect(movedBytes(events).end).to.equal(work?.kind === "work" ? work.bytes : undefined);
    expect(bytes, "the report has all that were read").to.be.greaterThan(movedBytes(events).end);
  });
});
