import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { bytesSource, isSinkError, readAll, type Sink } from "@axon-backup/sink";
import { gatedSource, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { caught, key, open } from "./support.js";

describe("a put of another one that has the repository no more", () => {
  let dir: string;
  let one: Sink;
  let other: Sink;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "axon-backup-local-"));
    [one, other] = [await open(dir), await open(dir)];
    await one.put(key, bytesSource("what restore points need"));
  });
  afterEach(() => {
    rmSync(dir, { recursive: true });
  });
  const content = async (): Promise<string> => new TextDecoder().decode(await readAll(other.get(key)));
  const others = (place: string): boolean => place.startsWith("contexts/");

  for (const how of ["put", "ifAbsent"] as const)
    it(`takes no effect after removeLeftovers with \`others\`, and can be tried again (${how})`, async () => {
      if (how === "ifAbsent") await one.delete(key);
      const bytes = pattern(100_000, 1);
      const source = gatedSource(bytes, [50_000]);
      const store = how === "put" ? one.put.bind(one) : (one.conditional?.ifAbsent ?? one.put.bind(one));
      const put = store(key, source);
      put.catch(() => undefined);
      await source.reached(0);
      expect(await other.removeLeftovers?.({ others: () => false })).to.equal(0);
      expect(await other.removeLeftovers?.({ others })).to.equal(1);
      source.passAll();
      expect(isSinkError(await caught(put), "transient")).to.equal(true);
      if (how === "put") expect(await content()).to.equal("what restore points need");
      else expect(isSinkError(await caught(readAll(other.get(key))), "not-found")).to.equal(true);
      expect(
        readdirSync(dir, { recursive: true }).filter((name) => String(name).includes(".tmp-")),
      ).to.deep.equal([]);
      await store(key, bytesSource("later"));
      expect(await content()).to.equal("later");
    });

  it("is no put of its own", async () => {
    const source = gatedSource(pattern(100_000, 1), [50_000]);
    const put = one.put(key, source);
    await source.reached(0);
    expect(await one.removeLeftovers?.({ others })).to.equal(0);
    source.passAll();
    expect((await put).size).to.equal(100_000);
  });
});
