import { mkdir, open, readdir, readFile, rm, stat, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { checkRestored, type CheckRestoredReport, restore, type RestoreOptions } from "@axon-backup/core";
import { parseStoreFileName, SegmentScanner, type Token } from "@axon-backup/axon-server";
import { expect } from "chai";
import fc from "fast-check";
import { fixture, GENERATIONS, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { restoreUntil } from "./support-restore-again.js";
import { rejection } from "./support-restore-errors.js";
import { scratch, tree } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

const name = "memory";
const CONTROL_DB = "axonserver-controldb.mv.db";
type How = Partial<Pick<RestoreOptions, "token" | "exclusive" | "time" | "restorePoint" | "indexFiles">>;

describe("restore --check-only", function () {
  this.timeout(60_000);
  let directory: ReturnType<typeof scratch>;
  let target: string;
  beforeEach(() => {
    directory = scratch("memory");
    target = join(directory.path, "target");
  });
  afterEach(() => {
    directory.remove();
  });

  async function expectSound(how: How, sink: ReturnType<typeof testSink>): Promise<void> {
    await restore({ ...how, sink, name, target });
    const alone = await checkRestored({ target });
    expect(alone.findings, JSON.stringify(how)).to.deep.equal([]);
    expect(alone).to.include({ restorePoint: null, sink: null, files: (await tree(target)).size });
    const compared = await checkRestored({ target, against: { ...how, sink, name } });
    expect(compared.findings, JSON.stringify(how)).to.deep.equal([]);
    expect(compared).to.include({ sink: name });
    directory.removeBelow(target);
  }

  for (const generation of GENERATIONS)
    it(`finds nothing in what was restored, whole or cut, by itself or by the restore point (${generation})`, async () => {
      const sink = testSink();
      await storeRestorePoint(sink, pointId(0), await fixture(generation, "store", true));
      await expectSound({}, sink);
      await expectSound({ indexFiles: false }, sink);
      for (const token of [0, 33, 34, 66, 100, 140])
        for (const exclusive of [false, true])
          if (token > 0 || !exclusive) await expectSound({ token: token as Token, exclusive }, sink);
      await expectSound({ time: new Date("2026-11-24T05:58:30Z") }, sink).catch((error: unknown) => {
        // The fixture has no event that old.
        expect(error).to.include({ kind: "usage" });
      });
    });

  describe("finds", () => {
    let sink: ReturnType<typeof testSink>;
    let files: ReadonlyMap<string, Buffer>;
    beforeEach(async () => {
      sink = testSink();
      await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 140, 36));
      await restore({ sink, name, target });
      files = await tree(target);
    });

    const compared = (how: How = {}): Promise<CheckRestoredReport> =>
      checkRestored({ target, against: { ...how, sink, name } });

    async function flip(path: string, at: number, bit: number): Promise<void> {
      await using file = await open(join(target, path), "r+");
      const byte = (files.get(path)?.[at] ?? 0) ^ (1 << bit);
      await file.write(Buffer.from([byte]), 0, 1, at);
    }

    it("any changed bit of any file, with the restore point", async () => {
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...files.keys()), fc.nat(), fc.nat(7), async (path, nat, bit) => {
          const bytes = files.get(path) ?? Buffer.alloc(1);
          await flip(path, nat % bytes.byteLength, bit);
          const { findings } = await compared();
          expect(findings.map((finding) => finding.path)).to.deep.equal([path]);
          await writeFile(join(target, path), bytes);
        }),
        { numRuns: 60 },
      );
      expect((await compared()).findings).to.deep.equal([]);
    });

    it("any changed bit of a segment that a CRC covers, or that should be zero, by itself", async () => {
      const segments = [...files.keys()].filter((path) => /\.(events|snapshots)$/.test(path));
      await fc.assert(
        fc.asyncProperty(fc.constantFrom(...segments), fc.nat(), fc.nat(7), async (path, nat, bit) => {
          const bytes = files.get(path) ?? Buffer.alloc(6);
          const at = 5 + (nat % (bytes.byteLength - 5));
          fc.pre(!versionsIn(path, bytes).has(at));
          await flip(path, at, bit);
          const { findings } = await checkRestored({ target });
          expect(findings.map((finding) => finding.path)).to.include(path);
          await writeFile(join(target, path), bytes);
        }),
        { numRuns: 100 },
      );
    });

    it("a segment that is missing, and one that is too many", async () => {
      const [first = "", second = ""] = [...files.keys()].filter((path) => path.endsWith(".events")).sort();
      await rm(join(target, second));
      expect((await checkRestored({ target })).findings.map(({ path }) => path)).to.deep.equal([first]);
      expect((await compared()).findings.map(({ path }) => path)).to.include(second);
      await writeFile(join(target, second), files.get(second) ?? "");
      await writeFile(join(target, "default/00000000000000009999.events"), files.get(second) ?? "");
      expect((await checkRestored({ target })).damaged).to.equal(true);
      expect((await compared()).findings.map(({ path }) => path)).to.include(
        "default/00000000000000009999.events",
      );
    });

    it("the open segment without its zeros, which a server doesn't start with", async () => {
      const open =
        [...files.keys()]
          .filter((path) => path.endsWith(".events"))
          .sort()
          .at(-1) ?? "";
      const bytes = files.get(open) ?? Buffer.alloc(0);
      const scanner = new SegmentScanner({ segment: segmentOf(open) });
      scanner.push(bytes);
      await truncate(join(target, open), scanner.end().validBytes);
      for (const { findings } of [await checkRestored({ target }), await compared()])
        expect(findings.map(({ path }) => path)).to.deep.equal([open]);
    });

    it("an index file of the open segment, with which a server refuses every append", async () => {
      const open =
        [...files.keys()]
          .filter((path) => path.endsWith(".events"))
          .sort()
          .at(-1) ?? "";
      const index = open.replace(".events", ".index");
      await writeFile(join(target, index), "index");
      for (const { findings } of [await checkRestored({ target }), await compared()])
        expect(findings.map(({ path }) => path)).to.deep.equal([index]);
    });

    it("and notes what a directory doesn't tell by itself, and what isn't of a store", async () => {
      const of = async (): Promise<string> => (await checkRestored({ target })).notes.join("\n");
      const before = await of();
      expect(before)
        .to.match(/index files? w.* not looked at/)
        .and.not.match(/begin with|something else/);
      expect((await compared()).notes.join()).not.to.include("not looked at");
      await writeFile(join(target, "default/mine.txt"), "");
      await symlink("mine.txt", join(target, "default/00000000000000000777.bloom"));
      expect(await of()).to.include("00000000000000000777.bloom (a link), mine.txt");
      for (const path of files.keys())
        if (/default\/0{20}\.(events|index|bloom)$/.test(path)) await rm(join(target, path));
      const after = await checkRestored({ target });
      expect(after.notes.join()).to.match(/the events begin with token [1-9]/);
      expect(after.damaged).to.equal(false);
    });

    it("a control DB that is missing, or none", async () => {
      await writeFile(join(target, CONTROL_DB), "something else");
      expect((await checkRestored({ target })).findings).to.deep.equal([
        { path: CONTROL_DB, finding: "is not a database" },
      ]);
      await rm(join(target, CONTROL_DB));
      expect((await checkRestored({ target })).findings).to.deep.equal([
        { path: CONTROL_DB, finding: "is missing" },
      ]);
    });

    it("snapshots of a later state than the events", async () => {
      const later = testSink();
      await storeRestorePoint(later, pointId(0), stateAt(await fixture("4.6"), 20, 1));
      const other = join(directory.path, "other");
      await restore({ sink: later, name, target: other });
      for (const path of (await tree(other)).keys())
        if (path.endsWith(".snapshots")) await rm(join(other, path));
      for (const [path, bytes] of files)
        if (path.endsWith(".snapshots")) await writeFile(join(other, path), bytes);
      const { findings } = await checkRestored({ target: other });
      expect(findings.map(({ finding }) => finding).join()).to.include("later state than the events");
    });

    it("a cut that isn't where it should be", async () => {
      const other = join(directory.path, "cut");
      await restore({ sink, name, target: other, token: 70 as Token });
      for (const token of [71, 20, 139] as Token[]) {
        const { findings } = await checkRestored({ target: other, against: { sink, name, token } });
        const same = await sameCut(token, other);
        expect(findings.length > 0, String(token)).to.equal(!same);
      }
    });

    it("that a restore was cut off", async () => {
      const other = join(directory.path, "cut-off");
      await restoreUntil(90, { sink, target: other });
      const { findings } = await checkRestored({ target: other });
      expect(findings.map(({ path }) => path).join()).to.include(".axon-backup-restore");
    });

    it("a context that isn't there, or too many", async () => {
      await mkdir(join(target, "billing"));
      await writeFile(
        join(target, "billing/00000000000000000000.events"),
        files.get("default/00000000000000000000.events") ?? "",
      );
      expect((await compared()).findings.map(({ path }) => path)).to.deep.equal(["billing"]);
      directory.removeBelow(join(target, "default"));
      directory.removeBelow(join(target, "billing"));
      expect((await checkRestored({ target })).findings.map(({ path }) => path)).to.deep.equal(["."]);
      expect((await compared()).damaged).to.equal(true);
    });

    /** Whether a restore to this token gives the same segments. */
    async function sameCut(token: Token, other: string): Promise<boolean> {
      const to = join(directory.path, `to-${token}`);
      await restore({ sink, name, target: to, token });
      const [one, two] = [await tree(to), await tree(other)];
      return (
        one.size === two.size && [...one].every(([path, bytes]) => two.get(path)?.equals(bytes) === true)
      );
    }
  });

  it("is told a directory", async () => {
    expect(await rejection(checkRestored({ target: join(directory.path, "none") }))).to.include({
      kind: "usage",
    });
    await mkdir(target);
    expect((await checkRestored({ target })).damaged).to.equal(true);
    expect(await readdir(target)).to.deep.equal([]);
  });

  it("changes nothing", async () => {
    const sink = testSink();
    await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 60, 15));
    await restore({ sink, name, target });
    const before = await Promise.all(
      [...(await tree(target)).keys()].map((path) => stat(join(target, path))),
    );
    await checkRestored({ target, against: { sink, name } });
    const after = await Promise.all([...(await tree(target)).keys()].map((path) => stat(join(target, path))));
    expect(after.map(({ mtimeMs, ino }) => [mtimeMs, ino])).to.deep.equal(
      before.map(({ mtimeMs, ino }) => [mtimeMs, ino]),
    );
    expect(await readFile(join(target, CONTROL_DB), "latin1")).to.match(/^H:2,/);
  });
});

/** Where the version byte of each transaction is, which no CRC covers. */
function versionsIn(path: string, bytes: Buffer): ReadonlySet<number> {
  const versions = new Set<number>();
  const segment = segmentOf(path);
  const scanner = new SegmentScanner({ segment, onTransaction: ({ offset }) => versions.add(offset + 4) });
  scanner.push(bytes);
  return versions;
}

function segmentOf(path: string): Token {
  const file = path.slice(path.indexOf("/") + 1);
  const parsed = parseStoreFileName(file, file.endsWith(".events") ? "events" : "snapshots");
  if (parsed?.kind !== "segment") throw new Error(`${path} is no segment`);
  return parsed.segment;
}
