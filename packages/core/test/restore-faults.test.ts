import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type EngineEvent, type Manifest, Repository, restore } from "@axon-backup/core";
import { type Sink, thisProcess } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { fixture, pointId, type ServerState, stateAt, storeRestorePoint } from "./support-restore.js";
import { storeHead } from "./support-head.js";
import { onSmallDisk, skipped } from "./support-restore-disk.js";
import { rejection } from "./support-restore-errors.js";
import { scratch } from "./support-restore-files.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";

describe("restore, when things go wrong", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let state: ServerState;
  before(async () => (state = stateAt(await fixture("4.6"), 140, 36)));
  beforeEach(() => (directory = scratch("memory")));
  afterEach(() => {
    directory.remove();
  });

  async function stored(): Promise<ReturnType<typeof testSink>> {
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), state);
    return sink;
  }

  it("finds any changed bit of any object, and restores nothing", async () => {
    const sink = await stored();
    const keys = storedKeys(sink.memory).filter((key) => !key.startsWith("repository") && !isIndex(key));
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...keys), fc.nat(), fc.nat(7), async (key, at, bit) => {
        const object = sink.memory.storage.get(key);
        tamper(sink.memory, key, (bytes) => {
          const index = at % bytes.byteLength;
          bytes.writeUInt8(bytes.readUInt8(index) ^ (1 << bit), index);
          return bytes;
        });
        const error = await rejection(
          restore({ sink, name: "memory", target: join(directory.path, "target") }),
        );
        expect(error.kind, key).to.equal("damage");
        expect(error.message).to.contain(key);
        expect(await readdir(directory.path)).to.deep.equal([]);
        if (object) sink.memory.storage.set(key, object);
      }),
      { numRuns: 60 },
    );
    await restore({ sink, name: "memory", target: join(directory.path, "target") });
  });

  it("finds objects that are missing, too short or too long", async () => {
    const sink = await stored();
    for (const key of storedKeys(sink.memory).filter(
      (name) => (name.startsWith("co") || name.startsWith("pages")) && !isIndex(name),
    ))
      for (const change of [
        () => undefined,
        (bytes: Buffer) => bytes.subarray(1),
        (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(1)]),
      ]) {
        const object = sink.memory.storage.get(key);
        tamper(sink.memory, key, change);
        const result = await restore({ sink, name: "memory", target: join(directory.path, "target") }).catch(
          (error: unknown) => error,
        );
        // The copy of an open segment may be longer than a restore point needs.
        const isOpenLonger = key.endsWith("133.events") || key.endsWith("34.snapshots");
        if (result instanceof Error || !isOpenLonger) {
          expect(result, key).to.include({ kind: "damage" });
          expect(await readdir(directory.path)).to.deep.equal([]);
        } else directory.removeBelow(join(directory.path, "target"));
        if (object) sink.memory.storage.set(key, object);
      }
  });

  it("leaves nothing behind when the sink fails, at any read, of the head, too", async () => {
    const inner = await stored();
    await storeHead(inner, (_, store) => state.contexts[0]?.[store] ?? new Map());
    for (let call = 0; ; call++) {
      const faulty = faultySink(inner);
      const pass = Array.from({ length: call }, () => ({ kind: "pass" as const }));
      faulty.script("get", ...pass, { kind: "fail-after", count: 10, error: "transient" });
      const target = join(directory.path, "target");
      const result = await restore({ sink: faulty, name: "memory", target, connections: 2 }).catch(
        (error: unknown) => error,
      );
      if (faulty.remaining() > 0) break;
      expect(result).to.be.instanceOf(Error);
      expect(await readdir(directory.path)).to.deep.equal([]);
    }
  });

  it("ends at once when aborted, at any moment, and leaves nothing behind", async () => {
    const sink = await stored();
    for (let stop = 1; ; stop++) {
      const controller = new AbortController();
      const reason = new Error("stop");
      let events = 0;
      let last: EngineEvent | undefined;
      const observer = (event: EngineEvent): void => {
        last = event;
        if (++events === stop) controller.abort(reason);
      };
      const target = join(directory.path, "target");
      const result = await restore({
        sink,
        name: "memory",
        target,
        signal: controller.signal,
        observer,
      }).catch((error: unknown) => error);
      // In the last step everything is whole, and gets its name: that isn't cut off any more.
      if (last?.kind === "step" && last.step === "completion") break;
      expect(result).to.equal(reason);
      expect(await readdir(directory.path)).to.deep.equal([]);
    }
  });

  it("ends at once when aborted while the sink hangs", async () => {
    const faulty = faultySink(await stored());
    const controller = new AbortController();
    // repository.json, head.json, the manifest and its page.
    const documents = Array.from({ length: 4 }, () => ({ kind: "pass" as const }));
    faulty.script("get", ...documents, { kind: "hang" });
    const observer = (event: EngineEvent): void => {
      if (event.kind === "work")
        setImmediate(() => {
          controller.abort(new Error("stop"));
        });
    };
    const options = {
      sink: faulty,
      name: "memory",
      target: join(directory.path, "target"),
      signal: controller.signal,
      observer,
    };
    const error: unknown = await restore(options).catch((caught: unknown) => caught);
    expect(error).to.include({ message: "stop" });
    expect(await readdir(directory.path)).to.deep.equal([]);
  });

  it("refuses names in a manifest that are no names", async () => {
    const names = [
      "../x",
      "..",
      ".",
      "",
      "a/b",
      "a\\b",
      "a\0b",
      ".hidden",
      "axonserver-controldb.mv.db",
      "AxonServer-ControlDB.mv.db",
      "x".repeat(256),
    ];
    for (const name of names) {
      const sink = testSink();
      const forged = {
        ...state,
        contexts: state.contexts.map(({ events, snapshots }) => ({ name: "default", events, snapshots })),
      };
      const manifest = await storeRestorePoint(sink, pointId(0), forged);
      await forge(sink, {
        ...manifest,
        contexts: manifest.contexts.map((context) => ({ ...context, name })),
      });
      const error = await rejection(
        restore({ sink, name: "memory", target: join(directory.path, "target") }),
      );
      expect(error.kind, JSON.stringify(name)).to.equal("damage");
      expect(await readdir(directory.path)).to.deep.equal([]);
    }
    for (const name of [
      "../../../etc/passwd",
      "..",
      "00000000000000000000.events/../x",
      "x.events",
      "00000000000000000000.temp",
    ]) {
      const sink = testSink();
      const manifest = await storeRestorePoint(sink, pointId(0), state);
      const file = { name, size: 1, sha256: "" };
      await forge(sink, {
        ...manifest,
        contexts: manifest.contexts.map((context) => ({
          ...context,
          events: { ...context.events, recent: [file] },
        })),
      });
      expect(
        await rejection(restore({ sink, name: "memory", target: join(directory.path, "target") })),
      ).to.include({ kind: "damage" });
    }
  });

  it("refuses a zip that isn't the control DB's", async () => {
    const evil = Buffer.from(
      state.controlDb
        .toString("latin1")
        .replaceAll("axonserver-controldb.mv.db", "../../axonserver-evil.file"),
      "latin1",
    );
    for (const controlDb of [evil, state.controlDb.subarray(0, 1000), Buffer.from("no zip")]) {
      const sink = testSink();
      await storeRestorePoint(sink, pointId(0), { ...state, controlDb });
      const error = await rejection(
        restore({ sink, name: "memory", target: join(directory.path, "target") }),
      );
      expect(error.kind).to.equal("damage");
      expect(error.message).to.contain("not a backup of a control DB");
      expect(await readdir(directory.path)).to.deep.equal([]);
    }
  });

  it("finds a database whose CRC is wrong in its zip", async () => {
    const zip = Buffer.from(state.controlDb);
    const directoryEntry = zip.indexOf(Buffer.from("504b0102", "hex"));
    zip.writeUInt32LE(1, directoryEntry + 16);
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), { ...state, controlDb: zip });
    const error = await rejection(restore({ sink, name: "memory", target: join(directory.path, "target") }));
    expect(error.message).to.contain("CRC");
  });

  it("says so when the disk is full, before and while it writes, and leaves nothing behind", async function () {
    const result = await onSmallDisk(directory.path, "200k", "support-restore-full-disk.js");
    if (result === undefined) {
      skipped(this, "no disk can be mounted here: run as root, or allow user namespaces");
      return;
    }
    expect(JSON.parse(result)).to.deep.equal({
      before: { kind: "failed", remedy: "Make room there, or restore to another disk.", left: [] },
      meanwhile: {
        kind: "failed",
        remedy: "Make room there, or restore to another disk, and run it again.",
        left: [],
      },
    });
  });

  it("is refused while another restore works there, or when that can't be told", async () => {
    const sink = await stored();
    const target = join(directory.path, "target");
    let second: Promise<unknown> | undefined;
    const observer = (event: EngineEvent): void => {
      if (event.kind === "work")
        second ??= restore({ sink, name: "memory", target }).catch((error: unknown) => error);
    };
    await restore({ sink, name: "memory", target, observer });
    expect(await second).to.include({ kind: "locked" });

    const other = join(directory.path, "other");
    const interrupted = async (process: object): Promise<void> => {
      await mkdir(join(other, ".axon-backup-restore"), { recursive: true });
      const journal = { format: 2, nonce: "n", process, restorePoint: pointId(0), began: "", entries: [] };
      await writeFile(join(other, ".axon-backup-restore/journal.json"), JSON.stringify(journal));
    };
    const container = { ...thisProcess(), namespaces: "pid:[1]", pid: 2 ** 22 + 1 };
    for (const elsewhere of [{ host: "another", boot: null, pid: 1, started: null }, container]) {
      await interrupted(elsewhere);
      expect(await rejection(restore({ sink, name: "memory", target: other }))).to.include({
        kind: "locked",
      });
    }
    await interrupted({ ...thisProcess(), boot: "earlier", started: "1" });
    expect(await restore({ sink, name: "memory", target: other })).to.include({ restorePoint: pointId(0) });
  });
});

/** Writes a manifest over the one that stands. */
async function forge(sink: Sink, manifest: Manifest): Promise<void> {
  await (await Repository.open(sink))?.commit(manifest);
}

/** A restore does without these. */
function isIndex(key: string): boolean {
  return /(index|bloom)$/.test(key);
}
