import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { copyStore, inspectStore, sampleStore, type Standin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, FIXTURES, listEvents, names, start, temporaryDirectory } from "./support.js";

const CAPTURED = join(FIXTURES, "2023.2", "store-transformed", "default");
const segment = (first: number, version: number): string =>
  `${String(first).padStart(20, "0")}_${String(version).padStart(5, "0")}.events`;

async function startSample(generation: "4.6" | "2023.2" = "2023.2"): Promise<Standin> {
  const storage = join(temporaryDirectory(), "data");
  copyStore(sampleStore, storage);
  return start({ storage, generation, rebuildIndexes: true, indexBytes: 64 });
}

async function listed(standin: Standin, cursor = ""): Promise<string[]> {
  const query = `type=EVENT&targetContext=default${cursor}`;
  const response = await fetch(`${standin.url}/v1/backup/eventstore?${query}`);
  return names(((await response.json()) as { filenames: string[] }).filenames);
}

describe("transformations of the stand-in", () => {
  afterEach(cleanUp);

  it("write what a real server wrote for the same deletions, byte by byte", async () => {
    const standin = await startSample();
    expect([standin.transform("default", [3, 67]), standin.transform("default", [5, 100])]).to.deep.equal([
      1, 2,
    ]);
    const versions = readdirSync(CAPTURED).filter((name) => /_\d{5}\.events$/.test(name));
    expect(versions).to.have.length(4);
    for (const name of versions)
      expect(
        readFileSync(join(standin.storage, "default", name)).equals(readFileSync(join(CAPTURED, name))),
        name,
      ).to.be.true;
  });

  it("leave what a real server left after compaction, and list what it listed", async () => {
    const standin = await startSample();
    standin.transform("default", [3, 67]);
    standin.transform("default", [5, 100]);
    const before = readdirSync(join(standin.storage, "default"));
    const deleted = standin.compact("default");
    const recorded = JSON.parse(
      readFileSync(join(FIXTURES, "2023.2", "api", "9-compacted.json"), "utf8"),
    ) as readonly { disk?: { name: string }[]; response?: { json: { filenames: string[] } } }[];
    const disk = recorded.flatMap((entry) => entry.disk?.map(({ name }) => name) ?? []);
    expect(readdirSync(join(standin.storage, "default")).sort()).to.deep.equal(disk.sort());
    expect(before).to.include.members([...deleted]);
    expect((await listed(standin)).sort()).to.deep.equal(
      names(recorded[0]?.response?.json.filenames ?? []).sort(),
    );
  });

  it("appear one by one, and only newer versions than the cursor's are listed", async () => {
    const standin = await startSample();
    const after = "&lastClosedSegmentBackedUp=152&lastClosedVersionBackedUp=";
    const segments = async (version: number): Promise<string[]> =>
      (await listed(standin, after + String(version))).filter((name) => name.endsWith(".events")).slice(1);
    const transformation = standin.beginTransformation("default", [67, 3]);
    expect(transformation).to.deep.include({ version: 1, pending: [0, 66] });
    expect(await segments(0)).to.deep.equal([]);
    expect(transformation.applyNext()).to.equal(0);
    expect(await segments(0)).to.deep.equal([segment(0, 1)]);
    transformation.apply();
    expect(await segments(0)).to.deep.equal([segment(0, 1), segment(66, 1)]);
    expect(await segments(1)).to.deep.equal([]);
    expect(existsSync(join(standin.storage, "default", `${segment(0, 1)}.transformed`))).to.be.false;
  });

  it("change neither tokens nor what else there is, also of a store that goes on", async () => {
    const standin = await startSample();
    standin.transform("default", [3]);
    standin.appendSample("default", 40);
    const content = inspectStore(join(standin.storage, "default"), "events");
    expect(content.nextToken).to.equal(213);
    expect(content.segments[0]).to.include({ segment: 0, version: 1 });
    expect((await listEvents(standin)).lastClosedSegment).to.equal(152);
  });

  it("are refused in segments that aren't closed, and by generations without versions", async () => {
    const standin = await startSample();
    expect(() => standin.transform("default", [3, 160])).to.throw(RangeError, "160");
    expect(readdirSync(join(standin.storage, "default")).some((name) => name.includes("_"))).to.be.false;
    const older = await startSample("4.6");
    expect(() => older.transform("default", [3])).to.throw(RangeError);
  });
});
