import { token } from "@axon-backup/axon-server";
import { objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { compareHistory, Repository, restorePointId } from "../dist/index.js";
import { isPut } from "./sink-support.js";
import { TimelineScene } from "./timeline-scene.js";
import { filesOf } from "./timeline-server.js";

const segment = (first: number): string => `${String(first).padStart(20, "0")}.events`;

const timelinesOf = ({ timelines }: Awaited<ReturnType<TimelineScene["commit"]>>): unknown[] =>
  timelines.map(({ context, timeline, resumed }) => [context, timeline, resumed]);

describe("a server whose history is another one", () => {
  let scene: TimelineScene;
  beforeEach(() => {
    scene = new TimelineScene();
  });

  /** Eleven events in three segments, backed up; then six others in their place. */
  async function diverge(): Promise<void> {
    scene.append(11, "old");
    await scene.commit();
    scene.cut(0);
    scene.append(6, "new");
  }

  it("has its own timeline: nothing of the old one is written, and both restore", async () => {
    await diverge();
    const before = scene.objects("contexts/default/");
    const { timelines, restorePoint } = await scene.commit();
    expect(scene.objects("contexts/default/")).to.deep.equal(before);
    expect([...scene.objects("contexts/default@1/").keys()]).to.have.length(3);
    const [first] = await scene.manifests();
    expect(timelines).to.deep.equal([
      {
        context: "default",
        timeline: 1,
        from: { timeline: 0, restorePoint: first?.id },
        reason: "default (events): its last closed segment is 0, behind 4, which was backed up as closed",
        resumed: false,
      },
    ]);
    expect(restorePoint).to.not.equal(first?.id);
    await scene.checkAll();
  });

  it("is told of once, with what an operator must know", async () => {
    await diverge();
    const { warnings, restorePoint } = await scene.commit();
    const first = [...(scene.expected[0]?.keys() ?? [])][0] ?? "";
    expect(warnings.join("\n"))
      .to.include("the server's history of context default is not the one that was backed up")
      .and.include("behind 4")
      .and.include("in timeline 1")
      .and.include(first)
      .and.include("can be restored");
    scene.append(3, "more");
    const next = await scene.commit();
    expect(next.timelines).to.deep.equal([]);
    expect(next.warnings).to.deep.equal([]);
    expect(next.contexts[0]?.inherited.objects).to.equal(1);
    const branches = (await scene.manifests()).map(({ contexts }) => contexts[0]?.branch);
    expect(branches[0]).to.equal(undefined);
    expect(branches[1]).to.include({ timeline: 0, restorePoint: first });
    expect(new Date(branches[1]?.begun ?? "").getTime()).to.be.greaterThan(Date.now() - 60_000);
    expect(branches[2], "kept, whatever retention removes").to.deep.equal(branches[1]);
    expect(restorePoint > first).to.equal(true);
    await scene.checkAll();
  });

  it("is restored up to a token within the timeline of the restore point that is chosen", async () => {
    await diverge();
    await scene.commit();
    scene.append(6, "more");
    await scene.commit();
    const [first, second] = await scene.manifests();
    const events = scene.server.logs.get("default") ?? [];
    const earliest = await scene.restoreTo(token(4));
    expect(earliest.restorePoint, "the earliest that has it").to.equal(second?.id);
    expect(earliest.segment(4)).to.deep.equal(filesOf(events.slice(0, 5), "events").get(segment(4)));
    const named = await scene.restoreTo(token(2), first?.id);
    expect(named.segment(0)).to.deep.equal(filesOf(["old-0", "old-1", "old-2"], "events").get(segment(0)));
  });

  it("is known by the closed segment when the open one holds no event: all histories begin a segment alike", async () => {
    scene.append(8, "old");
    await scene.commit();
    scene.cut(5);
    scene.append(3, "new");
    const { timelines } = await scene.commit();
    expect(timelines[0]?.reason).to.include("00000000000000000004.events, which was closed, is not the file");
    scene.append(2, "more");
    expect((await scene.commit()).timelines).to.deep.equal([]);
    await scene.checkAll();
  });

  it("that goes on from an older timeline's newest restore point goes on in it, and nothing closed is sent again", async () => {
    scene.append(11, "old");
    await scene.commit();
    const old = scene.server.logs.get("default") ?? [];
    scene.cut(0);
    scene.append(6, "new");
    await scene.commit();
    scene.server.logs.set("default", old);
    scene.append(3, "old");
    const report = await scene.commit();
    expect(timelinesOf(report)).to.deep.equal([["default", 0, true]]);
    expect(report.timelines[0]?.from?.timeline).to.equal(1);
    expect(report.contexts[0]?.inherited.objects).to.equal(2);
    const newest = (await scene.manifests()).at(-1)?.contexts[0];
    expect([newest?.timeline, newest?.branch]).to.deep.equal([0, undefined]);
    scene.cut(0);
    scene.append(1, "third");
    expect(timelinesOf(await scene.commit()), "no number twice").to.deep.equal([["default", 2, false]]);
    await scene.checkAll();
  });

  it("isn't taken for the one of an empty timeline, which every history begins with", async () => {
    scene.append(11, "old");
    await scene.commit();
    const old = scene.server.logs.get("default") ?? [];
    scene.cut(0);
    expect(timelinesOf(await scene.commit())).to.deep.equal([["default", 1, false]]);
    scene.server.logs.set("default", old);
    expect(timelinesOf(await scene.commit())).to.deep.equal([["default", 0, true]]);
    scene.cut(0);
    scene.append(2, "third");
    expect(timelinesOf(await scene.commit())).to.deep.equal([["default", 2, false]]);
    await scene.checkAll();
  });

  it("diverges on each sink by what that one has", async () => {
    scene = new TimelineScene(3);
    scene.append(5, "old");
    await scene.commit(0);
    scene.append(4, "old");
    await scene.commit(1);
    scene.cut(7);
    const { sinks } = await scene.runAll([0, 1, 2]);
    const changes = sinks.map((sink) => sink.outcome === "committed" && timelinesOf(sink));
    expect(changes).to.deep.equal([[], [["default", 1, false]], []]);
    await scene.checkAll();
  });

  it("diverges in one context alone", async () => {
    scene.append(5, "a");
    scene.append(6, "b", "orders");
    await scene.commit();
    scene.append(2, "a");
    scene.cut(5, "orders");
    const report = await scene.commit();
    expect(timelinesOf(report)).to.deep.equal([["orders", 1, false]]);
    expect(report.contexts[0]?.inherited.objects).to.equal(1);
    await scene.checkAll();
  });

  it("killed at any write of the first backup: the next run takes the same number, and sends nothing closed again", async () => {
    let begun = 0;
    for (let after = 1; after < 16; after++) {
      scene = new TimelineScene();
      await diverge();
      const report = await scene.killed(0, after);
      if (report.sinks.some(({ outcome }) => outcome === "committed")) continue;
      await scene.checkByHand();
      const there = [...scene.objects("contexts/default@1/events/").keys()];
      begun += there.length;
      const sent: string[] = [];
      const onCall = (method: string, key?: string): void => {
        if (isPut(method) && key?.startsWith("contexts/") === true) sent.push(key);
      };
      const sink = scene.sinks[0];
      if (sink === undefined) throw new Error("no sink");
      const sinks = [{ name: "0", open: () => Promise.resolve(faultySink(sink, {}, { onCall })) }];
      const next = await scene.commit(0, { sinks });
      expect(timelinesOf(next)).to.deep.equal([["default", 1, false]]);
      const checkpointed = next.contexts[0]?.inherited.objects ?? 0;
      expect(sent.filter((key) => key.endsWith("0000.events"))).to.have.length(1 - checkpointed);
      await scene.checkAll();
    }
    expect(begun, "objects of the timeline that were there").to.be.greaterThan(2);
  });

  it("takes a number beyond all that have objects when a restore point can't be read", async () => {
    await diverge();
    const { restorePoint } = await scene.commit();
    const manifest = scene.sinks[0]?.storage.get(objectKey(`restore-points/${restorePoint}.json`));
    const good = Buffer.from(manifest?.bytes ?? []);
    manifest?.bytes.set([0], 150);
    const before = scene.objects("contexts/");
    expect(timelinesOf(await scene.commit())).to.deep.equal([["default", 2, false]]);
    manifest?.bytes.set(good);
    for (const [key, bytes] of before) expect(scene.objects(key).get(key)).to.equal(bytes);
    await scene.checkAll();
  });

  it("goes on in no timeline whose newest restore point can't be read, unless all that it may need stays", async () => {
    scene.append(11, "old");
    await scene.commit();
    const old = scene.server.logs.get("default") ?? [];
    scene.append(1, "later");
    const { restorePoint } = await scene.commit();
    scene.cut(0);
    scene.append(2, "new");
    await scene.commit();
    const manifest = scene.sinks[0]?.storage.get(objectKey(`restore-points/${restorePoint}.json`));
    const good = Buffer.from(manifest?.bytes ?? []);
    manifest?.bytes.set([0], 150);
    scene.server.logs.set("default", old);
    expect(timelinesOf(await scene.commit())).to.deep.equal([["default", 2, false]]);
    manifest?.bytes.set(good);
    await scene.checkAll();
  });

  it("leaves alone what restore points need that can't be read, none of them", async () => {
    await diverge();
    const [key] = scene.objects("restore-points/").keys();
    const manifest = scene.sinks[0]?.storage.get(objectKey(key ?? ""));
    const good = Buffer.from(manifest?.bytes ?? []);
    manifest?.bytes.set([0], 150);
    const report = await scene.commit();
    expect(timelinesOf(report)).to.deep.equal([["default", 1, false]]);
    expect(report.timelines[0]?.from).to.equal(null);
    expect((await scene.manifests().catch(() => [])).length, "one can't be read").to.equal(0);
    manifest?.bytes.set(good);
    expect((await scene.manifests())[1]?.contexts[0]?.branch?.restorePoint).to.equal(null);
    await scene.checkAll();
  });

  it("is what a check tells of, and what the next backup will do", async () => {
    await diverge();
    const sink = scene.sinks[0];
    const repository = sink && (await Repository.open(sink));
    if (repository === undefined) throw new Error("no repository");
    const before = scene.objects("");
    const changes = await compareHistory(repository, scene.server, ["default"], { secondLook: 0 });
    expect(scene.objects("")).to.deep.equal(before);
    expect((await scene.commit()).timelines).to.deep.equal(changes);
    expect(await compareHistory(repository, scene.server, ["default"])).to.deep.equal([]);
  });
});

describe("a timeline's number", () => {
  it("isn't given again while a restore point tells of it, be it as the one that another left", async () => {
    const scene = new TimelineScene();
    scene.append(3, "a");
    await scene.commit();
    for (const label of ["b", "c"]) {
      scene.cut(0);
      scene.append(3, label);
      await scene.commit();
    }
    const [first, second, third] = await scene.manifests();
    expect([first, second, third].map((manifest) => manifest?.contexts[0]?.timeline)).to.deep.equal([
      0, 1, 2,
    ]);
    // Retention has removed all of timeline 1.
    const id = restorePointId(second?.id ?? "");
    scene.expected[0]?.delete(id);
    for (const [key] of scene.objects(""))
      if (key.includes(id) || key.startsWith("contexts/default@1/"))
        scene.sinks[0]?.storage.delete(objectKey(key));
    scene.cut(0);
    scene.append(3, "d");
    expect((await scene.commit()).timelines[0]?.timeline).to.equal(3);
    await scene.checkAll();
  });
});
