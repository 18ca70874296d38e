import { expect } from "chai";
import { bytesSource, type ObjectKey, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { Repository, verify } from "../dist/index.js";
import { MANY_PIECES, MOST_PIECES, SMALL_COPY, wayOf } from "../dist/continuous/way.js";
import { HEAD_KEY } from "../dist/repository/layout.js";
import { pieceKey, withPieces } from "../dist/repository/pieces.js";
import { segmentKey } from "./backup-scene.js";
import { type Following, FollowScene, until } from "./follow-scene.js";
import { FakeClock } from "./sink-support.js";

const COPY = segmentKey(0);

describe("following a sink that can't extend", () => {
  let scene: FollowScene;
  /** Keys of segments and pieces, each time that one was put. */
  let puts: string[];
  beforeEach(async () => {
    scene = await FollowScene.start({ segmentSize: 65_536 });
    scene.standin.appendSample("default", 4);
    await scene.backup();
    puts = [];
  });
  afterEach(() => scene.close());

  const append = (count = 1): number => {
    scene.standin.appendSample("default", count);
    return scene.standin.head("default");
  };
  /** @param extendFrom undefined: it can't extend */
  const sinkOf = (extendFrom?: number): Sink => {
    const onCall = (method: string, key = ""): void => {
      if (/^(contexts|pieces)\//.test(key) && /^(put|if)/.test(method)) puts.push(key);
    };
    const { sink } = scene;
    const told = faultySink(sink, {}, { onCall });
    return {
      put: (...given) => told.put(...given),
      get: (...given) => told.get(...given),
      stat: (...given) => told.stat(...given),
      list: (...given) => told.list(...given),
      delete: (...given) => told.delete(...given),
      close: () => told.close(),
      ...(told.conditional && { conditional: told.conditional }),
      ...(extendFrom !== undefined && { extend: (...given) => sink.extend(...given), extendFrom }),
    };
  };
  const pieces = (): ObjectKey[] => [...scene.sink.storage.keys()].filter((key) => key.startsWith("pieces/"));
  const size = (key: ObjectKey): number => scene.sink.storage.get(key)?.bytes.byteLength ?? 0;
  const cycles = async (following: Following, count: number): Promise<void> => {
    for (let cycle = 0; cycle < count; cycle++) await following.reaches(append());
  };

  it("sends what is new, and no byte twice: each cycle's as an object of its own, that restore, verify and prune have", async () => {
    const before = size(COPY);
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 5);
    const stored = following.stored?.contexts[0]?.events.validBytes ?? 0;
    expect(size(COPY), "the copy").to.equal(before);
    expect(puts.every((key) => key.startsWith("pieces/"))).to.equal(true);
    const sent = following.events.flatMap((event) => (event.kind === "cycle" ? [event.bytes] : []));
    expect(sent.reduce((sum, bytes) => sum + bytes, 0)).to.equal(stored - before);
    expect(pieces().length).to.be.greaterThan(2);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("leaves nothing of it to the next restore point", async () => {
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 3);
    await following.stop();
    expect(pieces()).not.to.deep.equal([]);
    await scene.backup();
    expect(pieces()).to.deep.equal([]);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("puts the copy whole as soon as it can be extended, then extends it, and removes the pieces", async () => {
    const following = scene.follow({ sink: sinkOf(3000) });
    while ((following.stored?.contexts[0]?.events.validBytes ?? 0) < 3000) await following.reaches(append());
    expect(puts.filter((key) => key === COPY)).to.have.length(1);
    expect(puts.length).to.be.at.least(3);
    await cycles(following, 4);
    expect(puts.filter((key) => key === COPY)).to.have.length(1);
    expect(scene.sink.calls.extend).to.be.greaterThan(0);
    expect(pieces()).to.deep.equal([]);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("begins anew with a whole copy after a start, whatever became of its pieces", async () => {
    const first = scene.follow({ sink: sinkOf() });
    await cycles(first, 3);
    await first.stop();
    const [gone] = pieces();
    if (gone) scene.sink.storage.delete(gone);
    const second = scene.follow({ sink: sinkOf() });
    puts = [];
    await cycles(second, 3);
    expect(puts.filter((key) => key === COPY)).to.have.length(1);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("looks at the copy before its first piece, and puts it whole when it isn't what is recorded", async () => {
    scene.sink.storage.delete(COPY);
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 3);
    expect(following.warnings.join()).to.contain("put whole").and.to.contain(COPY);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("looks which pieces there are when it takes the lease: mends the copy of one that is gone, and removes what was left", async () => {
    const left = pieceKey(COPY, 7);
    await scene.sink.put(left, bytesSource("left"));
    const clock = new FakeClock();
    const following = scene.follow({ sink: sinkOf(), clock });
    await cycles(following, 3);
    expect(pieces()).not.to.include(left);
    await clock.advance(31_000);
    await until(() => !following.isHeld);
    const [gone] = pieces();
    if (gone) scene.sink.storage.delete(gone);
    await cycles(following, 1);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("fails when its head is gone, and says so", async () => {
    const following = scene.follow({ sink: sinkOf(0) });
    await cycles(following, 2);
    scene.sink.storage.delete(HEAD_KEY);
    append();
    const error = await following.ended.then(String, String);
    expect(error).to.contain("head.json is gone");
    const again = scene.follow({ sink: sinkOf(0) });
    await cycles(again, 1);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("is verified by what is missing: the piece is named, and pieces that no head needs are told of", async () => {
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 3);
    await following.stop();
    const run = (): ReturnType<typeof verify> => verify({ sink: scene.sink, name: "memory", mark: false });
    expect(await run()).to.deep.include({ findings: [], notes: [] });
    const last = pieces().at(-1);
    if (last) scene.sink.storage.delete(last);
    expect((await run()).findings.map(({ finding }) => finding).join()).to.contain(
      `${last ?? ""}, which it goes on with`,
    );
    scene.sink.storage.delete(HEAD_KEY);
    expect((await run()).notes.join()).to.contain("no head.json");
  });

  it("replaces what was left in a piece's place", async () => {
    const left = pieceKey(COPY, size(COPY));
    await scene.sink.put(left, bytesSource("left by a run that was cut off, of another history"));
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 2);
    expect(Buffer.from(scene.sink.storage.get(left)?.bytes ?? []).toString("latin1")).not.to.contain(
      "left by",
    );
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("is read to its end while the copy is put whole and the pieces are removed", async () => {
    const following = scene.follow({ sink: sinkOf() });
    await cycles(following, 3);
    await following.stop();
    const head = await (await Repository.open(scene.sink))?.head();
    const length = head?.contexts[0]?.events.open[0]?.validBytes ?? 0;
    const range = { range: { offset: 0, length } };
    const expected = Buffer.from(await readAll(withPieces(scene.sink).get(COPY, range)));
    expect(expected.length).to.equal(length);
    const read: Uint8Array[] = [];
    for await (const chunk of withPieces(scene.sink).get(COPY, range)) {
      read.push(Uint8Array.from(chunk));
      if (read.length > 1) continue;
      await scene.sink.put(COPY, bytesSource(expected));
      for (const key of pieces()) await scene.sink.delete(key);
    }
    expect(Buffer.concat(read)).to.deep.equal(expected);
    const cut = { range: { offset: 0, length: length + 1 } };
    expect(await readAll(withPieces(scene.sink).get(COPY, cut)), "no more than there is").to.have.length(
      length,
    );
  });
});

describe("the way that a copy grows", () => {
  const target = (validBytes: number): { readonly validBytes: number } => ({ validBytes });
  const stored = (validBytes: number, pieces = 0): Parameters<typeof wayOf>[0]["stored"] => ({
    validBytes,
    ...(pieces > 0 && { pieces: Array.from({ length: pieces }, (_, index) => index + 1) }),
  });
  const sink = (extendFrom?: number): Parameters<typeof wayOf>[1] => ({
    ...(extendFrom !== undefined && { extend: () => Promise.reject(new Error("not asked")), extendFrom }),
  });
  const CALM = { mayPut: true, isCertain: true };
  const BUSY = { mayPut: false, isCertain: true };
  const MIB = 1024 * 1024;
  const cases: readonly [string, ReturnType<typeof wayOf>, Parameters<typeof wayOf>][] = [
    ["nothing is there", "whole", [{ stored: undefined, target: target(9) }, sink(), BUSY]],
    ["it can be extended", "extend", [{ stored: stored(5), target: target(9) }, sink(0), BUSY]],
    ["it is too small for that", "piece", [{ stored: stored(5), target: target(9) }, sink(10), CALM]],
    ["it has become large enough", "whole", [{ stored: stored(5), target: target(10) }, sink(10), BUSY]],
    [
      "it has pieces, and is large enough",
      "whole",
      [{ stored: stored(12, 2), target: target(13) }, sink(10), BUSY],
    ],
    [
      "it is large and can't be extended",
      "piece",
      [{ stored: stored(99 * MIB, 2), target: target(100 * MIB) }, sink(), CALM],
    ],
    [
      "it has many pieces",
      "whole",
      [{ stored: stored(99 * MIB, MANY_PIECES), target: target(100 * MIB) }, sink(), CALM],
    ],
    [
      "it has many, is large, and may not be put now",
      "piece",
      [{ stored: stored(99 * MIB, MANY_PIECES), target: target(100 * MIB) }, sink(), BUSY],
    ],
    [
      "it has many, and is small",
      "whole",
      [{ stored: stored(2, MANY_PIECES), target: target(SMALL_COPY) }, sink(), BUSY],
    ],
    [
      "it has as many as there may be",
      "wait",
      [{ stored: stored(99 * MIB, MOST_PIECES), target: target(100 * MIB) }, sink(), BUSY],
    ],
    [
      "its pieces are of another session",
      "whole",
      [{ stored: stored(99 * MIB, 1), target: target(100 * MIB) }, sink(), { ...CALM, isCertain: false }],
    ],
    [
      "they are, and it may not be put now",
      "wait",
      [{ stored: stored(99 * MIB, 1), target: target(100 * MIB) }, sink(), { ...BUSY, isCertain: false }],
    ],
  ];
  for (const [what, way, given] of cases) it(`${way}: ${what}`, () => expect(wayOf(...given)).to.equal(way));
});

describe("the keys of pieces", () => {
  it("lead to their copies and back", () => {
    const key = pieceKey(objectKey("contexts/a%20b@2/snapshots/00000000000000000000.snapshots"), 4096);
    expect(key).to.equal("pieces/a%20b@2/snapshots/00000000000000000000.snapshots/4096");
  });
});
