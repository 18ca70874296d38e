import { token } from "@axon-backup/axon-server";
import { faultySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { diffRestorePoints, type Manifest, Repository } from "../dist/index.js";
import { diffManifests } from "../dist/diff/diff.js";
import { BackupScene, segmentKey } from "./backup-scene.js";

const STORE = {
  lastClosedSegment: null,
  lastVersion: 0,
  nextToken: token(0),
  pages: [],
  recent: [],
  open: [],
};
const name = (segment: number, version = ""): string =>
  `${String(segment).padStart(20, "0")}${version}.events`;
const closed = (segment: number, sha256 = "a", version = "") => ({
  name: name(segment, version),
  size: 100,
  sha256,
});
const open = (segment: number, validBytes: number, nextToken: number, sha256 = String(validBytes)) => ({
  name: name(segment),
  validBytes,
  sha256,
  length: 1000,
  nextToken: token(nextToken),
  complete: false,
});

function manifest(id: string, context: Partial<Manifest["contexts"][number]> = {}): Manifest {
  return {
    id: id as Manifest["id"],
    repository: "r",
    parent: null,
    started: "",
    finished: "",
    agent: "",
    server: { name: "axonserver", version: "4.6.12", edition: "SE" },
    controlDb: { name: "", size: 1, sha256: "c" },
    contexts: [{ name: "default", timeline: 0, snapshots: STORE, events: STORE, ...context }],
  };
}

describe("the difference of two restore points", () => {
  const filesOf = ({ recent }: Pick<Manifest["contexts"][number]["events"], "recent">) => recent;
  const events = (before: Partial<typeof STORE>, after: Partial<typeof STORE>) => {
    const [one, other] = [before, after].map((store, index) =>
      manifest(String(index), { events: { ...STORE, ...store } }),
    );
    if (one === undefined || other === undefined) throw new Error("no manifests");
    const [context] = diffManifests(one, other, filesOf).contexts;
    if (context === undefined || !("stores" in context)) throw new Error("not compared");
    return { change: context.change, ...context.stores.events };
  };

  it("tells for each file what became of it", () => {
    const before = {
      nextToken: token(25),
      recent: [closed(0), closed(5), closed(7)] as never[],
      open: [open(10, 40, 15), open(20, 50, 25)] as never[],
    };
    const after = {
      nextToken: token(45),
      recent: [closed(0), closed(0, "b", "_00001"), closed(5, "other"), closed(10, "z")] as never[],
      open: [open(20, 80, 40), open(40, 30, 45)] as never[],
    };
    const found = events(before, after);
    expect(found.change).to.equal("changed");
    expect(found.events).to.equal(20);
    expect(
      found.files.map(({ change, name: file, version, before: had, bytes }) => [
        change,
        Number.parseInt(file, 10),
        version,
        had,
        bytes,
      ]),
    ).to.deep.equal([
      ["added", 0, 1, null, 100],
      ["replaced", 5, 0, 100, 100],
      ["removed", 7, 0, 100, null],
      ["closed", 10, 0, 40, 100],
      ["grown", 20, 0, 50, 80],
      ["opened", 40, 0, null, 30],
    ]);
    expect(found.newBytes).to.equal(100 + 100 + 60 + 30 + 30);
  });

  it("can't count where a segment's format isn't known", () => {
    const foreign = { ...open(0, 10, 0), unknownFormat: 9 } as never;
    expect(events({ open: [foreign] }, { open: [foreign] }).events).to.equal(null);
  });

  it("has nothing to compare where the timeline is another one, or a context is in one of them alone", () => {
    const branch = { timeline: 0, restorePoint: null, reason: "was reset", begun: "" } as never;
    const [context] = diffManifests(manifest("a"), manifest("b", { timeline: 1, branch }), filesOf).contexts;
    expect(context).to.deep.include({ change: "diverged", timelines: { before: 0, after: 1 }, branch });
    const others = diffManifests(manifest("a"), manifest("b", { name: "orders" }), filesOf).contexts;
    expect(others.map(({ name: of, change }) => [of, change])).to.deep.equal([
      ["default", "removed"],
      ["orders", "added"],
    ]);
  });

  it("of a real store reads the two manifests, and no page that both have", async () => {
    const scene = new BackupScene("young");
    try {
      const one = await scene.commit();
      scene.grow();
      const other = await scene.commit();
      const gets: string[] = [];
      const onCall = (method: string, key?: string): void => {
        if (method === "get" && key !== undefined) gets.push(key);
      };
      const repository = await Repository.open(faultySink(scene.sink, {}, { onCall }));
      if (repository === undefined) throw new Error("no repository");
      gets.length = 0;
      const diff = await diffRestorePoints(repository, one.restorePoint, other.restorePoint);
      expect(gets.every((key) => key.startsWith("restore-points/"))).to.equal(true);
      const [context] = diff.contexts;
      if (context === undefined || !("stores" in context)) throw new Error("not compared");
      const closedThen = context.stores.events.files.filter(({ change }) => change === "closed");
      expect(closedThen.map(({ name: file }) => file)).to.deep.equal([segmentKey(133).split("/").at(-1)]);
    } finally {
      scene.close();
    }
  });
});
