import { join } from "node:path";

import { expect } from "chai";

import {
  AxonServerClient,
  AxonServerSource,
  compareStoreFiles,
  parseStoreFileName,
  STORE_KINDS,
  type StoreCursor,
  type StoreKind,
  type StoreListing,
  token,
} from "@axon-backup/axon-server";

import { failure } from "./support/failure.js";
import { type Generation, GENERATIONS, Recording } from "./support/fixtures.js";
import { makeFiles, withTemporary } from "./support/temporary.js";
import { type Reply, type SeenRequest, TestServer } from "./support/test-server.js";

const cursor = (lastClosedSegment: number, lastVersion = 0): StoreCursor => ({
  lastClosedSegment: token(lastClosedSegment),
  lastVersion,
});

/** A source on a recorded moment, with (empty) files as the server had them then. */
async function withRecording(
  recording: Recording,
  use: (source: AxonServerSource, data: string) => Promise<void>,
  reply: (request: SeenRequest) => Reply = recording.reply,
): Promise<void> {
  await withTemporary(async (directory) => {
    const data = join(directory, "data");
    await makeFiles(join(data, "default"), recording.disk);
    await using server = await TestServer.start(reply);
    const source = new AxonServerSource({
      client: new AxonServerClient({ url: server.url, retryDelay: 1 }),
      storageRoots: [data],
      paths: [{ server: "/var/lib/axonserver/data", local: data }],
    });
    try {
      await use(source, data);
    } finally {
      await source.close();
    }
  });
}

/** The disk's segments of a store, sorted. */
function onDisk(recording: Recording, store: StoreKind): readonly string[] {
  return recording.disk
    .map((name) => parseStoreFileName(name, store))
    .filter((name) => name?.kind === "segment")
    .sort(compareStoreFiles)
    .map(({ name }) => name);
}

const names = (files: StoreListing["closed"] | StoreListing["indexes"]): readonly string[] =>
  files.map(({ name }) => name.name);
const short = (files: StoreListing["closed"] | StoreListing["indexes"]): readonly string[] =>
  names(files).map((name) => name.replace(/^0{0,19}(\d+)/, "$1"));

/** What the server called closed at each moment, by `eventstore`; by `filenames` the same. */
const MOMENTS: readonly (readonly [
  Generation,
  string,
  { readonly events?: number; readonly snapshots?: number },
])[] = [
  ["4.4", "1-fresh", {}],
  ["4.4", "2-burst", {}],
  ["4.4", "3-settled", { events: 99, snapshots: 0 }],
  ["4.4", "6-after-oversize", { events: 133, snapshots: 0 }],
  ["4.6", "1-fresh", {}],
  ["4.6", "2-burst", {}],
  ["4.6", "3-settled", { events: 99, snapshots: 0 }],
  ["4.6", "6-after-oversize", { events: 152, snapshots: 0 }],
  ["2023.2", "1-fresh", {}],
  ["2023.2", "2-burst", { events: 0 }],
  ["2023.2", "3-settled", { events: 99, snapshots: 0 }],
  ["2023.2", "6-after-oversize", { events: 152, snapshots: 0 }],
  ["2023.2", "7-transformed", { events: 152, snapshots: 0 }],
  ["2023.2", "8-transformed-twice", { events: 152, snapshots: 0 }],
  ["2023.2", "9-compacted", { events: 152, snapshots: 0 }],
];

describe("the source, on recorded listings", () => {
  for (const [generation, moment, closed] of MOMENTS)
    for (const call of generation === "4.4" ? ["filenames"] : ["eventstore", "filenames"])
      it(`lists what ${generation} had on disk at ${moment}, by ${call}`, async () => {
        const recording = new Recording(generation, moment);
        const without = (request: SeenRequest): Reply =>
          request.url.startsWith("/v1/backup/eventstore")
            ? { status: 404, json: {} }
            : recording.reply(request);
        await withRecording(
          recording,
          async (source, data) => {
            for (const store of STORE_KINDS) {
              const listing = await source.list("default", store, undefined);
              expect(listing).to.include({ context: "default", store, lastClosedSegment: closed[store] });
              expect([...names(listing.closed), ...names(listing.open)]).to.deep.equal(
                onDisk(recording, store),
              );
              for (const { name } of listing.closed) expect(name.segment).to.be.at.most(closed[store] ?? -1);
              for (const { name } of listing.open) expect(name.segment).to.be.above(closed[store] ?? -1);
              expect(listing.open).to.not.be.empty;
              for (const { path, name, context } of [
                ...listing.closed,
                ...listing.open,
                ...listing.indexes,
              ]) {
                expect(path).to.equal(`${data}/default/${name.name}`);
                expect(context).to.equal("default");
              }
              // Every index file on disk is listed; after compaction, more are listed than are there.
              const indexes = recording.disk.filter(
                (name) => parseStoreFileName(name, store)?.kind === "index",
              );
              expect(names(listing.indexes)).to.include.members(indexes);
              if (moment !== "9-compacted") expect(listing.indexes).to.have.lengthOf(indexes.length);
              expect(listing.indexes).to.deep.equal(
                [...listing.indexes].sort((a, b) => compareStoreFiles(a.name, b.name)),
              );
            }
          },
          call === "filenames" ? without : recording.reply,
        );
      });

  for (const generation of GENERATIONS) {
    it(`lists only what came after a cursor, with ${generation}`, async () => {
      await withRecording(new Recording(generation, "3-settled"), async (source) => {
        const at = async (last: number): Promise<StoreListing> =>
          source.list("default", "events", cursor(last));
        expect(short((await at(0)).closed)).to.deep.equal(["34.events", "66.events", "99.events"]);
        const at66 = await at(66);
        expect(short(at66.closed)).to.deep.equal(["99.events"]);
        expect(short(at66.indexes)).to.deep.equal(["99.bloom", "99.index"]);
        const at99 = await at(99);
        expect(at99.closed).to.deep.equal([]);
        expect(at99.indexes).to.deep.equal([]);
        for (const listing of [at66, at99]) {
          expect(listing.lastClosedSegment).to.equal(99);
          expect(short(listing.open)).to.deep.equal(["133.events"]);
        }
      });
    });

    it(`shows that ${generation} stands behind the cursor`, async () => {
      await withRecording(new Recording(generation, "3-settled"), async (source) => {
        const listing = await source.list("default", "events", cursor(999_999));
        expect(listing.lastClosedSegment).to.equal(99);
        expect(listing.closed).to.deep.equal([]);
        expect(short(listing.open)).to.deep.equal(["133.events"]);
      });
    });
  }

  const transformed: readonly (readonly [string, StoreCursor, readonly string[]])[] = [
    ["7-transformed", cursor(152), ["0_00001", "66_00001"]],
    ["7-transformed", cursor(152, 1), []],
    ["8-transformed-twice", cursor(152), ["0_00001", "0_00002", "66_00001", "99_00002"]],
    ["8-transformed-twice", cursor(152, 1), ["0_00002", "99_00002"]],
    ["8-transformed-twice", cursor(152, 2), []],
    ["9-compacted", cursor(152), ["0_00002", "66_00001", "99_00002"]],
    ["9-compacted", cursor(152, 1), ["0_00002", "99_00002"]],
    ["9-compacted", cursor(152, 2), []],
  ];
  for (const [moment, after, versions] of transformed)
    it(`lists versions above ${after.lastVersion} only, and their index files only, at ${moment}`, async () => {
      await withRecording(new Recording("2023.2", moment), async (source) => {
        const listing = await source.list("default", "events", after);
        expect(short(listing.closed)).to.deep.equal(versions.map((version) => `${version}.events`));
        expect(short(listing.indexes)).to.deep.equal(
          versions.flatMap((version) => [`${version}.bloom`, `${version}.index`]),
        );
        expect(short(listing.open)).to.deep.equal(["153.events"]);
      });
    });

  for (const generation of GENERATIONS)
    it(`takes no empty list of ${generation} for an unknown context`, async () => {
      await withRecording(new Recording(generation, "1-fresh"), async (source) => {
        const error = await failure(source.list("nope", "events", undefined), "unknown-context");
        expect(error.remedy).to.contain('"default"');
      });
    });

  it("maps and opens the control DB's backup", async () => {
    const recording = new Recording("4.6", "5-controldb");
    await withTemporary(async (directory) => {
      await makeFiles(directory, ["controldb-backups/controldb1795486546138.zip"]);
      await using server = await TestServer.start((request) =>
        request.url.startsWith("/v1/backup/eventstore")
          ? { json: { lastClosedSegment: -1, filenames: [] } }
          : recording.reply(request),
      );
      const source = new AxonServerSource({
        client: new AxonServerClient({ url: server.url }),
        paths: [{ server: "/var/lib/axonserver", local: directory }],
        controlDbRoots: [join(directory, "controldb-backups")],
      });
      const file = await source.createControlDbBackup();
      expect(file).to.deep.equal({
        name: "controldb1795486546138.zip",
        path: join(directory, "controldb-backups/controldb1795486546138.zip"),
      });
      const handle = await source.open(file);
      expect(handle.size).to.equal("controldb-backups/controldb1795486546138.zip".length);
      await handle.close();
      await source.close();
    });
  });
});
