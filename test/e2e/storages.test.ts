import { readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import { inspectStore, startStandin } from "@axon-backup/axon-server-standin";
import type { BackupReport, VerifyReport } from "@axon-backup/core";
import { expect } from "chai";
import { compareStores, type Scene } from "../support/scene.js";
import { keysIn, objectsIn, restorePointsIn } from "../support/storages/content.js";
import { AWAY, describeStorages, withScene } from "../support/storages/index.js";

const SEGMENT = "contexts/default/events/00000000000000000034.events";

describeStorages("the whole way", (server) => {
  it("check finds nothing wrong, and leaves nothing behind", () =>
    withScene(server(), {}, async (scene, place) => {
      await scene.expect(0, "check");
      expect(await keysIn(place)).to.deep.equal([]);
      expect(place.leftovers()).to.deep.equal([]);
    }));

  it("nothing is sent twice but the open segments", () =>
    withScene(server(), { rebuildIndexes: true }, async (scene, place) => {
      await scene.expect(0, "backup");
      const first = await segmentsOf(place.versions());
      expect(first.size).to.be.greaterThan(20);
      const { sinks } = await scene.json<BackupReport>(["backup"]);
      const [sink] = sinks;
      if (sink?.outcome !== "committed") throw new Error("nothing was committed");
      const [context] = sink.contexts;
      expect(context?.added.objects).to.equal(0);
      expect(context?.repaired.objects).to.equal(0);
      expect(context?.inherited.objects).to.equal(first.size - 2);
      const second = await segmentsOf(place.versions());
      expect([...second.keys()].sort()).to.deep.equal([...first.keys()].sort());
      const again = [...second].filter(([key, version]) => first.get(key) !== version).map(([key]) => key);
      // An open segment that didn't grow may be left as it is, too.
      for (const key of again)
        expect(key).to.be.oneOf([
          "contexts/default/events/00000000000000000153.events",
          "contexts/default/snapshots/00000000000000000034.snapshots",
        ]);
    }));

  it("growth, a burst above the cursor, and restores: of before, of now, to a token", () =>
    withScene(server(), { rebuildIndexes: true, handoverInterval: "manual" }, async (scene, place) => {
      await scene.expect(0, "backup");
      const [before = ""] = await restorePointsIn(place);
      const head = scene.server.head("default");
      scene.server.appendSample("default", 600, { perTransaction: 1 });
      expect(scene.server.waiting("default"), "segments that wait").to.be.at.least(15);
      await scene.expect(0, "backup");
      scene.server.handover(7);
      scene.server.appendSample("default", 40);
      await scene.expect(0, "backup");
      scene.server.handover(1000);
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      expect(await restorePointsIn(place)).to.have.length(4);

      await scene.expect(0, "restore", "--to", scene.path("now"));
      compareStores(join(scene.storage, "default"), scene.path("now/default"));
      await scene.expect(0, "restore", "--restore-point", before, "--to", scene.path("before"));
      expectEventsUpTo(scene, scene.path("before/default"), head);
      const token = head + 321;
      await scene.expect(0, "restore", "--token", String(token), "--to", scene.path("cut"));
      expectEventsUpTo(scene, scene.path("cut/default"), token);
    }));

  it("a history that diverged has a timeline of its own, and that of before restores", () =>
    withScene(server(), {}, async (scene, place) => {
      await scene.expect(0, "backup");
      const [before = ""] = await restorePointsIn(place);
      const { port, storage } = scene.server;
      await scene.server.close();
      renameSync(join(storage, "default"), scene.path("old"));
      const other = await startStandin({ generation: "2023.2", storage, port, handoverInterval: 0 });
      try {
        other.appendSample("default", 100, { extraBytes: 1 });
        await scene.expect(7, "backup");
        await scene.expect(0, "backup");
        await scene.expect(0, "verify", "--read-data");
        await scene.expect(0, "restore", "--to", scene.path("now"));
        compareStores(join(storage, "default"), scene.path("now/default"));
        await scene.expect(0, "restore", "--restore-point", before, "--to", scene.path("before"));
        compareStores(scene.path("old"), scene.path("before/default"));
      } finally {
        await other.close();
      }
    }));

  it("a flipped bit is found, named, and mended by the next backup", () =>
    withScene(server(), { rebuildIndexes: true }, async (scene, place) => {
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      await place.flipBit(SEGMENT, 5000);
      const { stdout } = await scene.expect(5, "verify", "--read-data");
      expect(stdout).to.include(SEGMENT);
      await scene.expect(5, "restore", "--to", scene.path("never"));
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      // What was read is on record, open segments' copies too: as long as nothing replaces them, they count as read.
      const { sinks } = await scene.json<{ readonly sinks: readonly VerifyReport[] }>([
        "verify",
        "--budget",
        "1KiB",
      ]);
      expect(sinks[0]?.read).to.be.below(5);
      expect(sinks[0]?.lastRead.filter(({ read }) => read === null)).to.deep.equal([]);
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      compareStores(join(scene.storage, "default"), scene.path("restored/default"));
      expect(await keysIn(place, "damaged/"), "marks left").to.deep.equal([]);
    }));

  it("secrets are neither told nor stored", () =>
    withScene(server(), {}, async (scene, place) => {
      let output = "";
      for (const command of [
        ["check", "--verbose"],
        ["backup", "--verbose"],
        ["backup", "--json"],
        ["list", "--verbose"],
        ["verify", "--read-data", "--verbose"],
      ]) {
        const { stdout, stderr } = await scene.expect(0, ...command);
        output += stdout + stderr;
      }
      // An error tells more.
      scene.writeSink(AWAY, [...place.yaml(1), "retries: {for: 1ms, attempts: 1}"]);
      const failed = await scene.start(["backup", "--verbose"]).ended;
      expect(failed.code, failed.stderr).to.equal(1);
      output += failed.stdout + failed.stderr;
      const objects = await objectsIn(place);
      expect(objects.size).to.be.greaterThan(20);
      for (const secret of place.secrets) {
        expect(secret).to.have.length.greaterThan(8);
        expect(output.includes(secret), "a secret in the output").to.be.false;
        for (const [key, bytes] of objects) expect(bytes.includes(secret), `a secret in ${key}`).to.be.false;
      }
    }));
});

/** Of objects, those that are segments or index files. */
async function segmentsOf(
  versions: Promise<ReadonlyMap<string, string>>,
): Promise<ReadonlyMap<string, string>> {
  return new Map([...(await versions)].filter(([key]) => key.startsWith("contexts/")));
}

/** The restored store holds the server's events up to a token, byte for byte, and no others. */
function expectEventsUpTo(scene: Scene, restored: string, token: number): void {
  const { segments, nextToken } = inspectStore(restored, "events");
  expect(nextToken, "the token after the last one").to.equal(token + 1);
  for (const { segment, end } of segments) {
    const name = `${String(segment).padStart(20, "0")}.events`;
    const [actual, expected] = [join(restored, name), join(scene.storage, "default", name)].map((path) =>
      readFileSync(path).subarray(0, end),
    );
    expect(actual?.byteLength, name).to.equal(end);
    expect(Buffer.compare(actual ?? Buffer.of(), expected ?? Buffer.of()), name).to.equal(0);
  }
}
