import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import {
  copyStore,
  inspectStore,
  sampleEvents,
  sampleStore,
  type Standin,
} from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, listEvents, names, start, temporaryDirectory } from "./support.js";

const files = (standin: Standin): string[] => readdirSync(join(standin.storage, "default"));

describe("rolling over and handing over", () => {
  afterEach(cleanUp);

  it("completes a segment at once and lists it as open until it is handed over, one at a time", async () => {
    const standin = await start();
    standin.appendSample("default", 100);
    expect(standin.waiting("default")).to.equal(3);
    const burst = await listEvents(standin);
    expect(burst.lastClosedSegment).to.equal(-1);
    expect(burst.filenames).to.have.length(4);
    const { segments } = inspectStore(join(standin.storage, "default"), "events");
    expect(segments.map((segment) => segment.state)).to.deep.equal(["closed", "closed", "closed", "open"]);
    expect(files(standin).filter((name) => name.endsWith(".index"))).to.deep.equal([]);

    expect(standin.handover()).to.equal(1);
    const first = await listEvents(standin);
    expect(first.lastClosedSegment).to.equal(0);
    expect(names(first.filenames).slice(-3)).to.deep.equal([
      "00000000000000000000.bloom",
      "00000000000000000000.events",
      "00000000000000000000.index",
    ]);
    expect(files(standin)).to.include("00000000000000000000.bloom");
    expect(statSync(join(standin.storage, "default", "00000000000000000000.index")).size).to.equal(2_097_152);

    expect(standin.handover(9)).to.equal(2);
    expect((await listEvents(standin)).lastClosedSegment).to.equal(segments[2]?.segment);
    expect(standin.handover()).to.equal(0);
  });

  it("hands over by its own clock", async () => {
    const standin = await start({ handoverInterval: 5 });
    standin.appendSample("default", 100);
    expect(standin.waiting("default")).to.equal(3);
    while (standin.waiting("default") > 0) await new Promise((resolve) => setImmediate(resolve));
    expect((await listEvents(standin)).filenames).to.have.length(10);
  });

  it("hands over at once with interval 0", async () => {
    const standin = await start({ handoverInterval: 0 });
    standin.appendSample("default", 100);
    expect(standin.waiting("default")).to.equal(0);
    expect((await listEvents(standin)).filenames).to.have.length(10);
  });

  it("has, with 4.6, the index of the next segment under a temporary name, which no listing names", async () => {
    const standin = await start({ generation: "4.6" });
    standin.appendSample("default", 70);
    const temporary = "00000000000000000000.index.temp";
    expect(files(standin)).to.include(temporary);
    expect(names((await listEvents(standin)).filenames)).to.not.include(temporary);
    standin.handover();
    expect(files(standin)).to.include("00000000000000000000.index").and.not.include(temporary);
  });

  it("gives a transaction larger than a segment one of its own size, with the end in its last four bytes", async () => {
    const standin = await start();
    standin.appendSample("default", 2);
    standin.appendSample("default", 1, { extraBytes: 20_000 });
    const path = join(standin.storage, "default", "00000000000000000002.events");
    expect(readFileSync(path).readInt32BE(statSync(path).size - 4), "still open").to.equal(0);
    standin.appendSample("default", 1);
    expect(readFileSync(path).readInt32BE(statSync(path).size - 4), "complete").to.equal(-1);
    const { segments } = inspectStore(join(standin.storage, "default"), "events");
    expect(segments.map(({ segment, end, length }) => [segment, length - end])).to.deep.equal([
      [0, 16_384 - (segments[0]?.end ?? 0)],
      [2, 4],
      [3, 16_384 - (segments[2]?.end ?? 0)],
    ]);
  });

  it("makes a fresh segment larger when its first transaction needs that", async () => {
    const standin = await start();
    standin.appendSample("default", 1, { extraBytes: 20_000 });
    expect(inspectStore(join(standin.storage, "default"), "events").nextToken).to.equal(1);
    expect(files(standin)).to.deep.equal(["00000000000000000000.events", "00000000000000000000.snapshots"]);
  });

  it("refuses such a transaction with 4.4, and goes on", async () => {
    const standin = await start({ generation: "4.4" });
    expect(() => standin.append("default", sampleEvents(1, { extraBytes: 20_000 }))).to.throw("AXONIQ-2001");
    expect(standin.appendSample("default", 1)).to.include({ firstToken: 0 });
  });

  it("rebuilds missing index files at its start, when told to", async () => {
    const storage = join(temporaryDirectory(), "data");
    copyStore(sampleStore, storage);
    const standin = await start({ storage, rebuildIndexes: true, indexBytes: 4096 });
    const listed = names((await listEvents(standin)).filenames);
    expect(files(standin)).to.include.members(listed);
    expect(files(standin)).to.not.include("00000000000000000153.index");
  });
});
