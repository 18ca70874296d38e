import { readFileSync } from "node:fs";
import { join } from "node:path";
import { inspectStore, shortenNames } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

const isShort = (name: string): boolean => /^\d{14}\./.test(name);

for (const generation of ["4.4", "4.6", "2023.2"] as const)
  describe(`a store of ${generation} whose files have the 14 digits of very old versions`, () => {
    let scene: Scene;
    beforeEach(async () => {
      scene = await Scene.open({
        generation,
        rebuildIndexes: true,
        prepare: (storage) => {
          shortenNames(join(storage, "default"));
        },
      });
    });
    afterEach(() => scene.close());

    const server = (): string => join(scene.storage, "default");
    const copies = (): string[] =>
      [...filesBelow(join(scene.sinkPath(), "contexts/default")).keys()].map((path) =>
        path.slice(path.indexOf("/") + 1),
      );

    it("is backed up, backed up again, and restored byte for byte, under the names that it has", async () => {
      await scene.expect(0, "check");
      await scene.expect(0, "backup");
      const first = new Map(filesBelow(server()));
      expect([...first.keys()].filter((name) => !isShort(name))).to.deep.equal([]);
      expect(copies().sort()).to.deep.equal([...first.keys()].sort());

      scene.server.appendSample("default", 100);
      const { sinks } = await scene.json<{
        sinks: { contexts: { added: { objects: number }; repaired: { objects: number } }[] }[];
      }>(["backup"]);
      const added = [...filesBelow(server()).keys()].filter((name) => !first.has(name));
      // With the segment that was open, and without the one that is now.
      expect(sinks[0]?.contexts[0]).to.deep.include({ repaired: { objects: 0, bytes: 0 } });
      expect(sinks[0]?.contexts[0]?.added.objects).to.equal(added.length);
      expect(added.some((name) => /^\d{20}\.events$/.test(name))).to.equal(true);

      await scene.expect(0, "verify", "--read-data");
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      compareStores(server(), scene.path("restored/default"));
      const [oldest = ""] = restorePointsAt(scene.sinkPath());
      await scene.expect(0, "restore", "--restore-point", oldest, "--to", scene.path("old"));
      compareFiles(first, filesBelow(scene.path("old/default")));
    });

    it("is restored to a token: a prefix of every byte, cut behind a transaction", async () => {
      await scene.expect(0, "backup");
      const target = scene.path("cut");
      await scene.expect(0, "restore", "--to", target, "--token", "140");
      const { segments, nextToken } = inspectStore(join(target, "default"), "events");
      expect(nextToken).to.be.within(141, 150);
      const cut = segments.at(-1);
      expect(cut).to.include({ segment: 133, state: "open" });
      for (const { segment } of segments) {
        const name = `${String(segment).padStart(14, "0")}.events`;
        const expected = readFileSync(join(server(), name));
        if (segment === 133) expected.fill(0, cut?.end);
        expect(readFileSync(join(target, "default", name)).equals(expected), name).to.equal(true);
      }
    });

    it("goes on being backed up when the server gives its files long names", async () => {
      await scene.expect(0, "backup");
      const first = new Map(filesBelow(server()));
      expect(scene.server.lengthenNames()).to.be.greaterThan(10);
      await scene.expect(0, "backup");
      const renamed = copies().filter((name) => !isShort(name));
      const open = ["events", "snapshots"].map((store) =>
        [...first.keys()]
          .filter((name) => name.endsWith(store))
          .sort()
          .at(-1),
      );
      expect(renamed.sort(), "the open ones alone are stored again").to.deep.equal(
        open.map((name) => `000000${name ?? ""}`).sort(),
      );
      scene.server.appendSample("default", 100);
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");

      await scene.expect(0, "restore", "--to", scene.path("new"));
      compareFiles(long(filesBelow(server())), long(filesBelow(scene.path("new/default"))));
      const [oldest = ""] = restorePointsAt(scene.sinkPath());
      await scene.expect(0, "restore", "--restore-point", oldest, "--to", scene.path("old"));
      compareFiles(first, filesBelow(scene.path("old/default")));
    });
  });

/** The same files, all with 20 digits; throws if two are one. */
function long(files: ReadonlyMap<string, Buffer>): Map<string, Buffer> {
  const renamed = new Map([...files].map(([name, bytes]) => [isShort(name) ? `000000${name}` : name, bytes]));
  if (renamed.size < files.size) throw new Error("a file is there under both its names");
  return renamed;
}

function compareFiles(expected: ReadonlyMap<string, Buffer>, actual: ReadonlyMap<string, Buffer>): void {
  expect([...actual.keys()].sort()).to.deep.equal([...expected.keys()].sort());
  for (const [name, bytes] of expected) expect(actual.get(name)?.equals(bytes), name).to.equal(true);
}
