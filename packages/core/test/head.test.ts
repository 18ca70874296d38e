import { type ObjectKey, objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { type HeadManifest, idOfChoice, Repository, type RestorePointId } from "../dist/index.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { storeHead } from "./support-head.js";
import { TimelineScene } from "./timeline-scene.js";

describe("the head", () => {
  let scene: TimelineScene;
  let base: RestorePointId;
  beforeEach(async () => {
    scene = new TimelineScene();
    scene.append(6, "one");
    base = (await scene.commit()).restorePoint;
    scene.append(1, "two");
  });

  const repository = async (): Promise<Repository> => {
    const opened = await Repository.open(scene.sink);
    if (opened === undefined) throw new Error("empty");
    return opened;
  };
  const store = (change?: (head: HeadManifest) => HeadManifest): Promise<HeadManifest> =>
    storeHead(scene.sink, (context) => scene.server.files(context), { ...(change && { change }) });
  const state = async (): Promise<string> => (await (await repository()).commits()).head.state;
  const spoil = (key: ObjectKey): void => {
    const { bytes } = scene.sink.storage.get(key) ?? {};
    if (bytes) bytes[100] = (bytes[100] ?? 0) ^ 1;
  };

  it("is a manifest with the restore point's closed files and control DB, and no restore point", async () => {
    const head = await store();
    const opened = await repository();
    const manifest = await opened.head();
    expect(manifest).to.deep.include({ id: head.id, parent: base });
    expect(manifest?.controlDb.run).to.equal(base);
    const before = await opened.manifest(base);
    expect(manifest?.contexts[0]?.events).to.deep.equal({
      ...before.contexts[0]?.events,
      ...head.contexts[0]?.events,
    });
    expect(manifest?.contexts[0]?.events.nextToken).to.equal(7);
    expect(await opened.restorePoints()).to.deep.equal([base]);
    expect(head.id > base).to.equal(true);
  });

  it("is found by its id, also after another one has replaced it for whoever has seen it", async () => {
    const head = await store();
    expect(await (await repository()).manifest(head.id)).to.deep.include({ id: head.id });
    const reading = await repository();
    const seen = await reading.head();
    scene.append(1, "three");
    const replaced = await store();
    expect(replaced.id > head.id).to.equal(true);
    expect(await reading.manifest(head.id)).to.equal(seen);
    expect((await reading.head())?.id).to.equal(replaced.id);
    let failure: unknown;
    await (await repository()).manifest(head.id).catch((error: unknown) => (failure = error));
    expect(failure).to.deep.include({ kind: "usage" });
  });

  it("is the latest one, and asked for as head", async () => {
    const opened = await repository();
    expect(idOfChoice(await opened.commits(), "latest")).to.equal(base);
    expect(idOfChoice(await opened.commits(), "head")).to.equal(undefined);
    const { id } = await store();
    const commits = await opened.commits();
    expect(idOfChoice(commits, "latest")).to.equal(id);
    expect(idOfChoice(commits, "head")).to.equal(id);
    expect(idOfChoice(commits, id)).to.equal(id);
    expect(idOfChoice(commits, base)).to.equal(base);
  });

  it("doesn't count when there is a restore point after its own", async () => {
    await store();
    expect(await state()).to.equal("current");
    const opened = await repository();
    const manifest = await opened.manifest(base);
    await opened.commit({ ...manifest, id: "20991124T055901.123Z" as RestorePointId, parent: base });
    expect(await state()).to.equal("stale");
    expect(await opened.head()).to.equal(undefined);
  });

  it("doesn't count when it is damaged, of another repository, of other timelines, or older than its restore point", async () => {
    const wrong: ((head: HeadManifest) => HeadManifest)[] = [
      (head) => ({ ...head, repository: "another" }),
      (head) => ({ ...head, id: "20001124T055901.123Z" as RestorePointId }),
      (head) => ({ ...head, contexts: head.contexts.map((context) => ({ ...context, timeline: 3 })) }),
    ];
    for (const change of wrong) {
      await store(change);
      expect(await state()).to.equal("unreadable");
    }
    await store();
    spoil(HEAD_KEY);
    expect(await state()).to.equal("unreadable");
    expect(await (await repository()).head()).to.equal(undefined);
  });

  it("doesn't count when its restore point is damaged", async () => {
    await store();
    spoil(objectKey(`restore-points/${base}.json`));
    const { head } = await (await repository()).commits();
    expect(head).to.deep.include({ state: "unreadable", isBase: true });
  });

  it("is gone when it was removed", async () => {
    await store();
    await (await repository()).removeHead();
    await (await repository()).removeHead();
    expect(await state()).to.equal("none");
  });
});
