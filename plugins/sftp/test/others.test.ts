import { bytesSource, isSinkError, readAll, type Sink } from "@axon-backup/sink";
import { gatedSource, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { caught, key, open } from "./support.js";
import { serverForTests } from "./support-open.js";

describe("an SFTP put of another one that has the repository no more", function () {
  this.timeout(60_000);
  const started = serverForTests();
  let one: Sink;
  let other: Sink;
  beforeEach(async () => {
    [one, other] = [await open(started.server), await open(started.server)];
    await one.put(key, bytesSource("what restore points need"));
  });
  afterEach(async () => {
    await one.close();
    await other.close();
  });

  for (const how of ["put", "ifAbsent"] as const)
    it(`takes no effect after removeLeftovers with \`others\`, and can be tried again (${how})`, async () => {
      if (how === "ifAbsent") await one.delete(key);
      const source = gatedSource(pattern(100_000, 1), [50_000]);
      const store = how === "put" ? one.put.bind(one) : (one.conditional?.ifAbsent ?? one.put.bind(one));
      const put = store(key, source);
      put.catch(() => undefined);
      await source.reached(0);
      expect(await one.removeLeftovers?.({ others: () => true }), "its own").to.equal(0);
      expect(await other.removeLeftovers?.({ others: () => false })).to.equal(0);
      expect(await other.removeLeftovers?.({ others: () => true })).to.equal(1);
      source.passAll();
      expect(isSinkError(await caught(put), "transient")).to.equal(true);
      if (how === "put")
        expect(new TextDecoder().decode(await readAll(other.get(key)))).to.equal("what restore points need");
      else expect(isSinkError(await caught(other.stat(key)), "not-found")).to.equal(true);
      await store(key, bytesSource("later"));
      expect((await other.stat(key)).size).to.equal(5);
    });
});
