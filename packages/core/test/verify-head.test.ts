import { type ObjectKey, objectKey, type Sink } from "@axon-backup/sink";
import type { MemorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import {
  type HeadManifest,
  Repository,
  type RestorePointId,
  verify,
  type VerifyOptions,
  type VerifyReport,
} from "../dist/index.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { pieceOf } from "../dist/repository/pieces.js";
import { segmentKey } from "./backup-scene.js";
import { pruneOn } from "./prune-scene.js";
import { describeHeads, storeHead } from "./support-head.js";
import { TimelineScene } from "./timeline-scene.js";

describeHeads("verifying a head", (pieceBytes) => {
  let scene: TimelineScene;
  let sink: MemorySink;
  let base: RestorePointId;
  let head: HeadManifest;
  /** Six events at the restore point, nine at the head. */
  beforeEach(async () => {
    scene = new TimelineScene();
    sink = scene.sink;
    scene.append(6, "one");
    base = (await scene.commit()).restorePoint;
    scene.append(3, "two");
    head = await follow();
  });

  const follow = (): Promise<HeadManifest> =>
    storeHead(sink, (context) => scene.server.files(context), { pieceBytes });
  const run = (options: Partial<VerifyOptions> = {}): Promise<VerifyReport> =>
    verify({ sink, name: "memory", readData: true, ...options });
  const change = (key: ObjectKey, to: (bytes: Buffer) => Buffer): void => {
    const object = sink.storage.get(key);
    if (object) sink.storage.set(key, { ...object, bytes: to(Buffer.from(object.bytes)) });
  };
  /** @param at where; from the end when it is negative */
  const flip = (key: ObjectKey, at: number): void => {
    change(key, (bytes) => {
      const position = at < 0 ? bytes.length + at : at;
      return bytes.fill((bytes[position] ?? 0) ^ 1, position, position + 1);
    });
  };
  /** The object that has a copy's last bytes. */
  const endOf = (copy: ObjectKey): ObjectKey =>
    [...sink.storage.keys()].filter((key) => pieceOf(key)?.copy === copy).at(-1) ?? copy;
  const record = async (): Promise<string> =>
    JSON.stringify(await (await Repository.open(sink))?.verification());

  it("finds it right, to all depths, and leaves it out of the record", async () => {
    const report = await run();
    expect(report.findings).to.deep.equal([]);
    expect(report.restorePoints).to.deep.equal([base]);
    expect(report.head).to.deep.include({ restorePoint: head.id, damaged: false });
    expect(report.head?.objects).to.be.a("string");
    expect(report.head?.data).to.be.a("string");
    // All nine events were read, of which the restore point has six.
    expect(report.store.events).to.equal(9);
    expect(await record())
      .to.contain(base)
      .and.not.to.contain(head.id);
    expect((await run({ readData: false })).head).to.deep.include({ damaged: false });
    // Replaced, it isn't missed.
    scene.append(1, "three");
    await scene.commit();
    const later = await run();
    expect(later.findings).to.deep.equal([]);
    expect(later.notes).to.deep.equal([]);
    expect(later.head).to.equal(null);
  });

  it("finds damage in what it alone needs, and has the next backup mend it", async () => {
    flip(segmentKey(8), 20);
    const { findings, verified, head: found } = await run();
    expect(findings.map(({ key }) => key)).to.deep.equal([segmentKey(8)]);
    expect(findings[0]).to.deep.include({ restorePoints: [head.id], mendable: true, depth: "data" });
    expect(verified).to.have.length(1);
    expect(verified[0]).to.deep.include({ restorePoint: base, damaged: false });
    expect(found).to.deep.include({ restorePoint: head.id, damaged: true, data: null });
    expect(sink.storage.has(objectKey(`damaged/${segmentKey(8)}.json`))).to.equal(true);
    await scene.commit();
    expect((await run()).findings).to.deep.equal([]);
  });

  it("finds what is damaged behind the restore point's part of a segment", async () => {
    flip(endOf(segmentKey(4)), -1);
    const { findings } = await run();
    expect(findings).to.have.length(1);
    expect(findings[0]).to.deep.include({ key: segmentKey(4), restorePoints: [head.id] });
  });

  it("finds what is missing or too short by a listing", async () => {
    change(endOf(segmentKey(4)), (bytes) => bytes.subarray(0, bytes.length - 1));
    sink.storage.delete(segmentKey(8));
    const { findings } = await run({ readData: false });
    expect(findings.map(({ key, restorePoints }) => [key, ...restorePoints])).to.deep.equal([
      [segmentKey(4), head.id],
      [segmentKey(8), head.id],
    ]);
  });

  it("finds a damaged head.json, and verifies all the rest", async () => {
    flip(HEAD_KEY, 100);
    const report = await run();
    expect(report.findings).to.have.length(1);
    expect(report.findings[0]).to.deep.include({ key: HEAD_KEY, restorePoints: [], mendable: true });
    expect(report.head).to.equal(null);
    expect(report.verified[0]).to.deep.include({ restorePoint: base, damaged: false });
    expect((await run({ restorePoint: base })).findings).to.deep.equal([]);
    expect((await run({ restorePoint: "head" })).findings).to.have.length(1);
    await scene.commit();
    expect((await run()).findings).to.deep.equal([]);
  });

  it("is asked for alone, or with the restore point before it as the latest", async () => {
    for (const restorePoint of ["head", head.id] as const) {
      const report = await run({ restorePoint });
      expect(report.restorePoints).to.deep.equal([]);
      expect(report.head).to.deep.include({ restorePoint: head.id });
    }
    expect(await record()).not.to.contain(`"depth"`);
    const latest = await run({ restorePoint: "latest" });
    expect(latest.restorePoints).to.deep.equal([base]);
    expect(latest.head).to.deep.include({ restorePoint: head.id });
    expect((await run({ restorePoint: base })).head).to.equal(null);
    await (await Repository.open(sink))?.removeHead();
    let error: unknown;
    await run({ restorePoint: "head" }).catch((failure: unknown) => (error = failure));
    expect(error).to.deep.include({ kind: "usage" });
  });

  /** The sink, with something done each time before a method is called on it. */
  function interrupted(method: "list" | "get", work: (key: string) => Promise<void>): Sink {
    return {
      ...methodsOf(sink),
      async *[method](key: ObjectKey, options: object) {
        await work(key);
        yield* method === "list" ? sink.list(key, options) : sink.get(key, options);
      },
    };
  }
  const methodsOf = (inner: Sink): Sink => ({
    put: (...args) => inner.put(...args),
    get: (...args) => inner.get(...args),
    list: (...args) => inner.list(...args),
    stat: (...args) => inner.stat(...args),
    delete: (...args) => inner.delete(...args),
    close: () => inner.close(),
  });

  it("reports no damage while the head goes on, segments are closed, and restore points are made", async () => {
    for (const method of ["list", "get"] as const) {
      let steps = 0;
      // One after the other: verification reads several objects at a time.
      let going = Promise.resolve();
      const goOn = async (): Promise<void> => {
        if (++steps > 6) return;
        scene.append(2, `${method} ${steps}`);
        await (steps % 2 === 0 ? scene.commit() : follow());
      };
      const inner = interrupted(method, async (key) => {
        if (method === "list" || key.startsWith("contexts/")) await (going = going.then(goOn));
      });
      const report = await run({ sink: inner });
      expect(report.findings, method).to.deep.equal([]);
      expect(steps, method).to.be.greaterThan(3);
    }
    expect((await run()).findings).to.deep.equal([]);
  });

  it("finds a restore point right whose control DB is that of one that was pruned", async () => {
    scene.cut(8);
    scene.append(1, "other");
    const { restorePoint } = await scene.commit();
    expect((await run()).findings).to.deep.equal([]);
    // The rules keep the last restore point of a timeline that was left: the one that was made of the head.
    await pruneOn(sink, { rules: { last: 1 } });
    expect(await (await Repository.open(sink))?.restorePoints()).to.deep.equal([head.id, restorePoint]);
    const report = await run();
    expect(report.findings).to.deep.equal([]);
    expect(report.notes).to.deep.equal([]);
    sink.storage.delete(objectKey(`controldb/${base}.zip`));
    expect((await run()).findings.map(({ key, restorePoints }) => [key, ...restorePoints])).to.deep.equal([
      [`controldb/${base}.zip`, head.id],
    ]);
  });
});
