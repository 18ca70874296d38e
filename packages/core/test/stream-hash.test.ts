import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import { HashThread } from "../dist/hash/hash-thread.js";
import { streamHash } from "../dist/hash/stream-hash.js";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

describe("hashing on a thread", () => {
  it("keeps the process alive until the last answer, and not longer", () => {
    const module = new URL("../dist/hash/hash-thread.js", import.meta.url).href;
    const script = `const { HashThread } = await import(${JSON.stringify(module)});
      const hash = new HashThread().hash();
      await hash.update(new Uint8Array(1000));
      const digest = hash.digest();
      hash.close();
      console.log(await digest);`;
    const { status, stdout } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], {
      encoding: "utf8",
      timeout: 20_000,
    });
    expect({ status, digest: stdout.trim() }).to.deep.equal({
      status: 0,
      digest: sha256(new Uint8Array(1000)),
    });
  });

  it("doesn't keep the process alive when it is started and never used", () => {
    const module = new URL("../dist/hash/hash-thread.js", import.meta.url).href;
    const script = `const { HashThread } = await import(${JSON.stringify(module)});
      new HashThread();`;
    const { status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { timeout: 20_000 }); // prettier-ignore
    expect(status).to.equal(0);
  });

  it("gives the hash of the bytes so far, whatever their chunks, and though these are used again at once", async () => {
    const thread = new HashThread();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 }), async (chunks) => {
        const hash = thread.hash();
        const shared = new Uint8Array(3000);
        let all = Buffer.of();
        for (const chunk of chunks) {
          const view = shared.subarray(0, chunk.byteLength);
          view.set(chunk);
          await hash.update(view);
          shared.fill(255);
          all = Buffer.concat([all, chunk]);
          expect(await hash.digest()).to.equal(sha256(all));
        }
        hash.close();
      }),
      { numRuns: 30 },
    );
  });

  it("keeps many hashes apart, of chunks larger than its buffers", async () => {
    const contents = Array.from({ length: 12 }, (_, index) => Buffer.alloc(2_500_000 + index, index));
    const hashes = contents.map((content) => ({ content, hash: streamHash(content.byteLength) }));
    await Promise.all(
      hashes.map(async ({ content, hash }) => {
        await hash.update(content.subarray(0, 2_000_000));
        await hash.update(content.subarray(2_000_000));
        expect(await hash.digest()).to.equal(sha256(content));
        hash.close();
        hash.close();
      }),
    );
  });
});
