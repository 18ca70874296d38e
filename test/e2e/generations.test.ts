import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Generation } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

const generations: readonly Generation[] = ["4.4", "4.6", "2023.2"];

for (const generation of generations) {
  describe(`a store of Axon Server ${generation}`, () => {
    let scene: Scene;
    before(async () => {
      scene = await Scene.open({ generation, rebuildIndexes: true });
    });
    after(() => scene.close());

    it("is backed up, verified and restored byte for byte", async () => {
      await scene.expect(0, "check");
      await scene.expect(0, "backup");
      await scene.expect(0, "verify", "--read-data");
      const target = scene.path("restored");
      await scene.expect(0, "restore", "--to", target);
      compareStores(join(scene.storage, "default"), join(target, "default"));
      const controlDb = readFileSync(join(target, "axonserver-controldb.mv.db"));
      expect(controlDb.byteLength).to.be.greaterThan(0);
      expect([...filesBelow(target).keys()].filter((name) => !name.startsWith("default/"))).to.deep.equal([
        "axonserver-controldb.mv.db",
      ]);
    });
  });
}
