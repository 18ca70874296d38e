import { expect } from "chai";
import { Buffers, PART_BYTES } from "../dist/buffers.js";
import { caught } from "./support.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("buffers of uploads", () => {
  it("are given within the budget, in the order of asking", async () => {
    const buffers = new Buffers();
    const held = await Promise.all(Array.from({ length: 6 }, () => buffers.acquire(PART_BYTES)));
    const got: string[] = [];
    for (const [name, size] of [
      ["large", PART_BYTES],
      ["small", 1],
    ] as const)
      void buffers.acquire(size).then(() => got.push(name));
    await turn();
    expect(got).to.deep.equal([]);
    buffers.release(held[0] ?? Buffer.alloc(0));
    await turn();
    // The small one would have fitted before: but then a large one might never get its turn.
    expect(got).to.deep.equal(["large"]);
    buffers.release(held[1] ?? Buffer.alloc(0));
    await turn();
    expect(got).to.deep.equal(["large", "small"]);
  });

  it("are given up by who is aborted while waiting, and others go on", async () => {
    const buffers = new Buffers();
    const all = await buffers.acquire(6 * PART_BYTES - 10);
    const controller = new AbortController();
    const waiting = caught(buffers.acquire(PART_BYTES, controller.signal));
    const behind = buffers.acquire(10);
    const reason = new Error("aborted, on purpose");
    controller.abort(reason);
    expect(await waiting).to.equal(reason);
    expect((await behind).byteLength).to.equal(10);
    buffers.release(all);
    expect((await buffers.acquire(PART_BYTES)).byteLength).to.equal(PART_BYTES);
  });

  it("larger than the budget come when no other is out", async () => {
    const buffers = new Buffers();
    const one = await buffers.acquire(1);
    let got = false;
    const huge = buffers.acquire(7 * PART_BYTES).then(() => (got = true));
    await turn();
    expect(got).to.be.false;
    buffers.release(one);
    await huge;
  });
});
