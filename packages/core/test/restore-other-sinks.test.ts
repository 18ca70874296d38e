import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { Repository, restore, type RestoreOptions, type RestoreReport } from "@axon-backup/core";
import type { Token } from "@axon-backup/axon-server";
import { objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { fixture, pointId, type ServerState, stateAt, storeRestorePoint } from "./support-restore.js";
import { expectSame, reference } from "./support-restore-again.js";
import { rejection } from "./support-restore-errors.js";
import { scratch } from "./support-restore-files.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

type TestSink = ReturnType<typeof testSink>;

const SEGMENT = "contexts/default/events/00000000000000000000.events";

describe("restore from several sinks", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let state: ServerState;
  let nas: TestSink;
  let vault: TestSink;
  let whole: ReadonlyMap<string, Buffer>;
  let target: string;
  before(async () => (state = stateAt(await fixture("4.6"), 140, 36)));
  beforeEach(async () => {
    directory = scratch("memory");
    target = join(directory.path, "target");
    [nas, vault] = [testSink(), testSink()];
    for (const sink of [nas, vault]) await storeRestorePoint(sink, pointId(0), state);
    ({ files: whole } = await reference(join(directory.path, "reference"), { sink: nas }));
  });
  afterEach(() => {
    directory.remove();
  });

  async function run(options: Partial<RestoreOptions> = {}, other: Sink = vault): Promise<RestoreReport> {
    const others = [{ name: "vault", open: () => Promise.resolve(other) }];
    return restore({ sink: nas, name: "nas", others, target, ...options });
  }

  it("doesn't open the others as long as the first has everything", async () => {
    const report = await run({
      others: [{ name: "vault", open: () => Promise.reject(new Error("not needed")) }],
    });
    expect(report).to.include({ sink: "nas" });
    expect(report.warnings).to.deep.equal([]);
    await expectSame(target, whole);
  });

  it("takes whatever is damaged or missing on the first from the second, and names it and both", async () => {
    for (const key of storedKeys(nas.memory).filter((name) => name !== "repository.json"))
      for (const change of [() => undefined, flipped, shortened]) {
        const object = nas.memory.storage.get(key);
        tamper(nas.memory, key, change);
        const { warnings } = await run();
        await expectSame(target, whole, key);
        const isManifestGone = key.startsWith("restore-points/") && change(Buffer.from("{}")) === undefined;
        expect(warnings, key).to.have.length(1);
        expect(warnings[0], key).to.include("nas").and.to.include("vault");
        if (!isManifestGone) expect(warnings[0]).to.include(key);
        if (object) nas.memory.storage.set(key, object);
        directory.removeBelow(target);
      }
  });

  it("does so for segments that are cut, too: what was read of a damaged one counts for nothing", async () => {
    const options = { restorePoint: pointId(0), token: 50 as Token };
    const { files } = await reference(join(directory.path, "cut"), { sink: vault, ...options });
    for (const key of storedKeys(nas.memory).filter((name) => name.startsWith("contexts/"))) {
      const object = nas.memory.storage.get(key);
      tamper(nas.memory, key, flipped);
      await run(options);
      await expectSame(target, files, key);
      if (object) nas.memory.storage.set(key, object);
      directory.removeBelow(target);
    }
    // Another segment's content under this one's name: its transactions are sound.
    const later =
      storedKeys(nas.memory)
        .filter((name) => name.endsWith(".events"))
        .at(-1) ?? "";
    const swapped = nas.memory.storage.get(objectKey(later))?.bytes ?? Buffer.alloc(0);
    tamper(nas.memory, SEGMENT, () => swapped);
    await run(options);
    await expectSame(target, files, "swapped");
  });

  it("takes a segment that has another object's name there", async () => {
    tamper(vault.memory, SEGMENT, (bytes) => {
      const object = vault.memory.storage.get(objectKey(SEGMENT));
      if (object) vault.memory.storage.set(objectKey(`${SEGMENT}@2`), { ...object, bytes });
      return flipped(Buffer.from(bytes));
    });
    tamper(nas.memory, SEGMENT, flipped);
    await run();
    await expectSame(target, whole);
  });

  it("takes a segment that is in another timeline there", async () => {
    const other = testSink();
    const manifest = await storeRestorePoint(other, pointId(5), state);
    for (const key of storedKeys(other.memory).filter((name) => name.startsWith("contexts/default/"))) {
      const object = other.memory.storage.get(key);
      if (object) other.memory.storage.set(objectKey(key.replace("default/", "default@2/")), object);
      tamper(other.memory, key, () => undefined);
    }
    const contexts = manifest.contexts.map((context) => ({ ...context, timeline: 2 }));
    await (await Repository.open(other))?.commit({ ...manifest, contexts });
    tamper(nas.memory, SEGMENT, () => undefined);
    const { warnings } = await run({}, other);
    expect(warnings).to.have.length(1);
    await expectSame(target, whole);
  });

  it("takes the beginning of a copy that has grown since", async () => {
    await storeRestorePoint(vault, pointId(1), stateAt(await fixture("4.6"), 152, 38));
    const key =
      storedKeys(nas.memory)
        .filter((name) => name.endsWith(".events"))
        .at(-1) ?? "";
    tamper(nas.memory, key, flipped);
    await run();
    await expectSame(target, whole);
  });

  it("serves from the second what the first doesn't have", async () => {
    await storeRestorePoint(vault, pointId(1), await fixture("4.6"));
    const report = await run({ restorePoint: pointId(1) });
    expect(report).to.include({ sink: "vault", restorePoint: pointId(1) });
    expect(report.warnings.join()).to.include("nas can't serve").and.to.include("restoring from vault");
  });

  it("serves from the second when the first is empty", async () => {
    const report = await run({ sink: testSink() });
    expect(report).to.include({ sink: "vault" });
    await expectSame(target, whole);
  });

  it("asks a sink that can't be read any more last, and says so once", async () => {
    let calls = 0;
    const failing = new Proxy(nas, {
      get: (inner, key) =>
        key === "get"
          ? (...call: Parameters<Sink["get"]>) => {
              if (call[0].startsWith("contexts/") && ++calls > 2)
                throw new SinkError("transient", "the line is down");
              return inner.get(...call);
            }
          : (Reflect.get(inner, key) as unknown),
    });
    const { warnings } = await run({ sink: failing, connections: 1 });
    await expectSame(target, whole);
    expect(calls).to.equal(3);
    expect(warnings).to.have.length(1);
    expect(warnings[0]).to.include("nas").and.to.include("the line is down");
  });

  it("ends as damage that names the object and every sink when none has it, and leaves nothing", async () => {
    tamper(nas.memory, SEGMENT, flipped);
    tamper(vault.memory, SEGMENT, () => undefined);
    const error = await rejection(run());
    expect(error).to.include({ kind: "damage" });
    expect(error.message)
      .to.include(SEGMENT)
      .and.to.include("nas")
      .and.to.include("vault")
      .and.to.include("missing");
    expect(await readdir(directory.path)).to.deep.equal(["reference"]);
    const unreachable = [{ name: "vault", open: () => Promise.reject(new Error("no route")) }];
    const other = await rejection(run({ others: unreachable }));
    expect(other).to.include({ kind: "damage" });
    expect(other.message).to.include("no route");
  });

  it("says what each sink said when none can serve", async () => {
    const error = await rejection(run({ restorePoint: pointId(7) }));
    expect(error).to.include({ kind: "usage" });
    expect(error.message).to.include("nas").and.to.include("vault");
  });

  it("leaves index files out, if told so", async () => {
    const large = await fixture("2023.2", "store", true);
    await storeRestorePoint(nas, pointId(2), large);
    const withIndexes = await reference(join(directory.path, "with"), { sink: nas });
    await run({ indexFiles: false });
    const segments = [...withIndexes.files].filter(([path]) => !/\.(index|bloom|sindex|sbloom)$/.test(path));
    expect(segments.length).to.be.lessThan(withIndexes.files.size);
    await expectSame(target, new Map(segments));
  });
});

function flipped(bytes: Buffer): Buffer {
  const index = bytes.byteLength >> 1;
  bytes.writeUInt8(bytes.readUInt8(index) ^ 1, index);
  return bytes;
}

function shortened(bytes: Buffer): Buffer {
  return bytes.subarray(0, -1);
}
