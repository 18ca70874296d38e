import { type Token, token } from "@axon-backup/axon-server";
import { type Manifest, Repository, verify } from "@axon-backup/core";
import { bytesSource, objectKey } from "@axon-backup/sink";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import {
  cutBytes,
  fixture,
  pointId,
  readSegment,
  type ServerState,
  storeRestorePoint,
} from "./support-restore.js";
import { growing } from "./support-restore-growing.js";
import { storedKeys, tamper, testSink } from "./support-restore-sink.js";
import { zipOf } from "./support-zip.js";

describe("verify, of what a store's bytes say by themselves", function () {
  this.timeout(60_000);

  it("counts what it has looked into, and names the depth of each finding", async () => {
    const sink = await growing();
    const report = await verify({ sink, name: "memory", readData: true });
    expect(report.depth).to.equal("data");
    expect(report.store).to.deep.equal({ ...contentOf(sink), controlDbs: 3 });
    expect((await verify({ sink, name: "memory" })).store.segments).to.equal(0);
    tamper(sink.memory, "contexts/default/events/00000000000000000000.events", (bytes) =>
      bytes.fill(9, 500, 501),
    );
    tamper(sink.memory, "contexts/default/events/00000000000000000034.events", () => undefined);
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(findings.map(({ depth }) => depth)).to.deep.equal(["data", "objects"]);
  });

  it("finds an old version of a segment that ends elsewhere than the next segment begins, though a newer one doesn't", async () => {
    const sink = testSink();
    const whole = await fixture("2023.2", "store-transformed");
    const name = "00000000000000000000.events";
    expect(whole.contexts[0]?.events.has("00000000000000000000_00001.events")).to.equal(true);
    await storeRestorePoint(sink, pointId(0), changed(whole, name, lessOneTransaction));
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(findings).to.have.length(1);
    expect(findings[0]).to.deep.include({
      key: `contexts/default/events/${name}`,
      depth: "store",
      mendable: false,
    });
    expect(findings[0]?.finding).to.contain("the next segment of default (events) begins with");
  });

  it("finds a gap without reading where the manifests say enough", async () => {
    const sink = await growing();
    await change(sink, (file) => (file.name.startsWith("0000000000000000006") ? 98 : undefined));
    const { findings } = await verify({ sink, name: "memory" });
    expect(findings.map(({ key, depth }) => [key, depth])).to.deep.equal([
      ["contexts/default/events/00000000000000000066.events", "store"],
    ]);
  });

  it("finds a closed segment that ends elsewhere than the manifest says", async () => {
    const sink = testSink();
    const whole = await fixture("4.6");
    const name = "00000000000000000000.events";
    await storeRestorePoint(sink, pointId(0), changed(whole, name, lessOneTransaction), 1000);
    await change(sink, (file) => (file.name === name ? 34 : undefined));
    const { findings } = await verify({ sink, name: "memory", readData: true });
    expect(findings.map(({ key, depth }) => [key, depth])).to.deep.equal([
      [`contexts/default/events/${name}`, "store"],
    ]);
    expect(findings[0]?.finding).to.contain("and the restore point says 34");
  });

  for (const [what, entries, says] of [
    ["holds another file", { "other.db": "H:2,block:0" }, "and should hold axonserver-controldb.mv.db alone"],
    ["holds more than one", { "axonserver-controldb.mv.db": "H:2,block:0", "more.db": "" }, "alone"],
    [
      "holds a file that is no database",
      { "axonserver-controldb.mv.db": "<html>404</html>" },
      "doesn't begin as a database",
    ],
    ["holds an empty file", { "axonserver-controldb.mv.db": "" }, "doesn't begin as a database"],
    ["is empty", {}, "it is empty"],
    ["is no zip", undefined, "is not a backup of a control DB"],
  ] as const)
    it(`finds a control DB that was stored as it is and ${what}`, async () => {
      const sink = testSink();
      const controlDb = entries === undefined ? Buffer.from("not found") : zipOf(entries);
      await storeRestorePoint(sink, pointId(0), { ...(await fixture("4.6")), controlDb });
      expect(await verify({ sink, name: "memory" })).to.include({ damaged: false });
      const { findings } = await verify({ sink, name: "memory", readData: true });
      expect(findings).to.have.length(1);
      expect(findings[0]).to.include({ key: `controldb/${pointId(0)}.zip`, depth: "store", mendable: false });
      expect(findings[0]?.finding).to.contain(says);
    });
});

describe("verify, of a restore point whose manifest is gone", function () {
  this.timeout(60_000);
  const key = `restore-points/${pointId(1)}.json`;
  const lose = async (name = key): Promise<ReturnType<typeof testSink>> => {
    const sink = await growing();
    await verify({ sink, name: "memory" });
    tamper(sink.memory, name, () => undefined);
    return sink;
  };

  it("finds it, with and without its control DB, until it is taken out of the record", async () => {
    const sink = await lose();
    const { findings } = await verify({ sink, name: "memory", mark: false });
    expect(findings.map((finding) => [finding.key, finding.restorePoints])).to.deep.equal([
      [key, [pointId(1)]],
    ]);
    tamper(sink.memory, `controldb/${pointId(1)}.zip`, () => undefined);
    expect((await verify({ sink, name: "memory" })).findings.map((finding) => finding.key)).to.deep.equal([
      key,
    ]);
    const repository = await Repository.open(sink);
    await repository?.writeVerifiedRestorePoints([], [pointId(0), pointId(2)]);
    expect(await verify({ sink, name: "memory" })).to.deep.include({ damaged: false, notes: [] });
  });

  it("goes on finding it at each verification", async () => {
    const sink = await lose(`restore-points/${pointId(2)}.json`);
    for (let time = 0; time < 3; time++) {
      expect(await verify({ sink, name: "memory" })).to.include({ damaged: true });
      const latest = await verify({ sink, name: "memory", restorePoint: "latest" });
      expect(latest, "whoever asks for another one").to.deep.include({ damaged: false, notes: [] });
    }
  });

  it("finds that none is left of those that there were", async () => {
    const sink = await growing();
    await verify({ sink, name: "memory" });
    for (const name of storedKeys(sink.memory))
      if (/^(restore-points|controldb|contexts)/.test(name)) tamper(sink.memory, name, () => undefined);
    const { findings } = await verify({ sink, name: "memory" });
    expect(findings.flatMap(({ restorePoints }) => restorePoints)).to.deep.equal([0, 1, 2].map(pointId));
  });

  it("knows it from the restore point that inherits from it", async () => {
    const sink = await lose();
    tamper(sink.memory, "verified/restore-points.json", () => undefined);
    expect(await verify({ sink, name: "memory" })).to.include({ damaged: false });
    const repository = await Repository.open(sink);
    const manifest = await repository?.manifest(pointId(2));
    if (manifest) await repository?.commit({ ...manifest, parent: pointId(1) });
    expect(await verify({ sink, name: "memory" })).to.include({ damaged: true });
  });

  it("takes it for a run's or a prune's while there is a writer, and for a run's that was cut off when nobody knows it", async () => {
    const sink = await lose();
    await sink.put(objectKey("writer.json"), bytesSource(Buffer.from("{}")));
    const { damaged, notes } = await verify({ sink, name: "memory" });
    expect(damaged).to.equal(false);
    expect(notes).to.have.length(1);
    expect(notes[0]).to.contain("belongs to no restore point");
    tamper(sink.memory, "writer.json", () => undefined);
    tamper(sink.memory, "verified/restore-points.json", () => undefined);
    expect((await verify({ sink, name: "memory" })).notes).to.have.length(1);
  });

  it("says nothing of one that is committed while it looks", async () => {
    const sink = await lose();
    const manifest = (await growing()).memory.storage.get(objectKey(key));
    const committing = faultySink(
      sink,
      {},
      {
        onCall: (method, of) => {
          if (method === "list" && String(of) === "" && manifest)
            sink.memory.storage.set(objectKey(key), manifest);
        },
      },
    );
    expect(await verify({ sink: committing, name: "memory" })).to.deep.include({ damaged: false, notes: [] });
  });
});

/** What the segments on a sink hold. */
function contentOf({
  memory,
}: ReturnType<typeof testSink>): Record<"segments" | "transactions" | "events", number> {
  const content = { segments: 0, transactions: 0, events: 0 };
  for (const key of storedKeys(memory)) {
    const [, first] = /(\d{20})\.(?:events|snapshots)$/.exec(key) ?? [];
    if (first === undefined) continue;
    const { transactions } = readSegment(
      token(Number(first)),
      memory.storage.get(key)?.bytes ?? Buffer.alloc(0),
    );
    content.segments++;
    content.transactions += transactions.length;
    content.events += transactions.reduce((sum, { count }) => sum + count, 0);
  }
  return content;
}

/** The state with one file of the events changed. */
function changed(state: ServerState, name: string, change: (bytes: Buffer) => Buffer): ServerState {
  return {
    ...state,
    contexts: state.contexts.map((context) => ({
      ...context,
      events: new Map(
        [...context.events].map(([file, bytes]) => [file, file === name ? change(bytes) : bytes]),
      ),
    })),
  };
}

/** A closed segment without its last transaction: its end marker stands in that one's place. */
function lessOneTransaction(bytes: Buffer): Buffer {
  const { transactions } = readSegment(token(0), bytes);
  const end = transactions.at(-1)?.offset ?? 0;
  const shorter = cutBytes(bytes, end);
  shorter.writeInt32BE(-1, end);
  return shorter;
}

/** Records the ends of closed segments in the newest manifest, as `backup` does: true ones, but for what `told` says. Its pages become part of it. */
async function change(
  sink: ReturnType<typeof testSink>,
  told: (file: { readonly name: string }) => number | undefined,
): Promise<void> {
  const repository = await Repository.open(sink);
  const newest = (await repository?.restorePoints())?.at(-1);
  if (repository === undefined || newest === undefined) throw new Error("no restore point");
  const manifest = await repository.manifest(newest);
  const contexts: Manifest["contexts"][number][] = [];
  for (const context of manifest.contexts) {
    const files = await repository.closedFiles(context.events);
    const recent = files.map((file) => {
      const end = told(file);
      return end === undefined || !file.name.endsWith(".events")
        ? file
        : { ...file, nextToken: end as Token };
    });
    contexts.push({ ...context, events: { ...context.events, pages: [], recent } });
  }
  await repository.commit({ ...manifest, contexts });
}
