import { join } from "node:path";
import { type EngineEvent, restore, type RestoreOptions, type RestoreReport } from "@axon-backup/core";
import { objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { fixture, pointId, type ServerState, storeRestorePoint } from "./support-restore.js";
import { expectSame, reference } from "./support-restore-again.js";
import { rejection } from "./support-restore-errors.js";
import { scratch } from "./support-restore-files.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

describe("restore without index files that are damaged", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let state: ServerState;
  let nas: ReturnType<typeof testSink>;
  let whole: ReadonlyMap<string, Buffer>;
  let target: string;
  before(async () => (state = await fixture("2023.2", "store", true)));
  beforeEach(async () => {
    directory = scratch("memory");
    target = join(directory.path, "target");
    nas = testSink();
    await storeRestorePoint(nas, pointId(0), state);
    ({ files: whole } = await reference(join(directory.path, "reference"), { sink: nas }));
  });
  afterEach(() => {
    directory.remove();
  });

  const run = (options: Partial<RestoreOptions> = {}): Promise<RestoreReport> =>
    restore({ sink: nas, name: "nas", target, ...options });
  const firstKey = (pattern: RegExp): string => storedKeys(nas.memory).find((key) => pattern.test(key)) ?? "";

  /** What there is without the index files beside one of them. */
  function without(key: string): ReadonlyMap<string, Buffer> {
    const segment = key.slice(key.lastIndexOf("/") + 1).replace(/\.\w+$/, "");
    const extensions = key.includes("/events/") ? ["index", "bloom"] : ["sindex", "sbloom"];
    const gone = extensions.map((extension) => `default/${segment}.${extension}`);
    const left = new Map([...whole].filter(([path]) => !gone.includes(path)));
    expect(whole.size - left.size).to.equal(2);
    return left;
  }

  for (const pattern of [/events\/.*\.index$/, /events\/.*\.bloom$/, /snapshots\/.*\.sindex$/])
    for (const [what, change] of [
      ["missing", () => undefined],
      ["damaged", (bytes: Buffer) => bytes.subarray(1)],
      ["flipped", flipped],
    ] as const)
      it(`leaves out those of the segment when one like ${pattern.source} is ${what}`, async () => {
        const key = firstKey(pattern);
        tamper(nas.memory, key, change);
        const events: EngineEvent[] = [];
        const report = await run({ observer: (event) => events.push(event) });
        await expectSame(target, without(key));
        expect(report.warnings).to.have.length(1);
        expect(report.warnings[0]).to.include(key).and.to.include("left out");
        expect(report.files).to.equal(whole.size - 2);
        expect(events.find((event) => event.kind === "object" && event.key === key)).to.include({
          what: "left out",
        });
        const sum = (kind: "work" | "bytes"): number =>
          events.reduce((total, event) => total + (event.kind === kind ? event.bytes : 0), 0);
        expect(sum("bytes")).to.equal(sum("work"));
      });

  it("takes it from another sink, if that has it whole", async () => {
    const vault = testSink();
    await storeRestorePoint(vault, pointId(0), state);
    tamper(nas.memory, firstKey(/\.index$/), flipped);
    const { warnings } = await run({ others: [{ name: "vault", open: () => Promise.resolve(vault) }] });
    expect(warnings.join()).to.include("taken from vault");
    await expectSame(target, whole);
    directory.removeBelow(target);
    const key = firstKey(/\.index$/);
    tamper(vault.memory, key, () => undefined);
    const second = await run({ others: [{ name: "vault", open: () => Promise.resolve(vault) }] });
    expect(second.warnings.join()).to.include("on nas").and.to.include("on vault");
    await expectSame(target, without(key));
  });

  it("never does without a segment", async () => {
    tamper(nas.memory, firstKey(/\.snapshots$/), () => undefined);
    expect(await rejection(run())).to.include({ kind: "damage" });
  });

  it("takes what has something else in its place from another sink, and asks the first one for the rest", async () => {
    const vault = testSink();
    await storeRestorePoint(vault, pointId(0), state);
    const link = firstKey(/\.events$/);
    const asked: string[] = [];
    const watched = (inner: Sink, name: string): Sink =>
      new Proxy(inner, {
        get: (sink, member) =>
          member === "get"
            ? (...call: Parameters<Sink["get"]>) => {
                if (call[0].startsWith("contexts/")) asked.push(name);
                if (name === "nas" && call[0] === objectKey(link))
                  throw new SinkError("invalid", "is a symbolic link, which is never followed");
                return sink.get(...call);
              }
            : (Reflect.get(sink, member) as unknown),
      });
    const { warnings } = await run({
      sink: watched(nas, "nas"),
      others: [{ name: "vault", open: () => Promise.resolve(watched(vault, "vault")) }],
    });
    await expectSame(target, whole);
    expect(asked.filter((name) => name === "vault")).to.have.length(1);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include(link).and.to.include("symbolic link").and.to.include("taken from vault");
    // Alone, it is damage rather than a sink that can't be reached.
    directory.removeBelow(target);
    const error = await rejection(run({ sink: watched(nas, "nas") }));
    expect(error).to.include({ kind: "damage" });
  });
});

function flipped(bytes: Buffer): Buffer {
  const index = bytes.byteLength >> 1;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  return bytes;
}
