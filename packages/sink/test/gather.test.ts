import { expect } from "chai";
import fc from "fast-check";
import { gather } from "@axon-backup/sink";

const MiB = 1024 * 1024;

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  for (const chunk of chunks) yield await Promise.resolve(chunk);
}

describe("gathered chunks", () => {
  it("have the same bytes, whatever was announced", () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 50 })),
        fc.option(fc.nat(200), { nil: undefined }),
        async (chunks, announced) => {
          const all: Uint8Array[] = [];
          for await (const chunk of gather(chunksOf(chunks), announced)) {
            expect(chunk.byteLength).to.be.greaterThan(0);
            // A copy: the buffer is used again.
            all.push(Uint8Array.from(chunk));
          }
          expect(Buffer.concat(all).equals(Buffer.concat(chunks))).to.be.true;
        },
      ),
    ));

  it("are of a mebibyte, and each that is gathered is progress", async () => {
    let progress = 0;
    const sizes: number[] = [];
    const chunks = Array.from({ length: 40 }, () => new Uint8Array(MiB / 16));
    for await (const { byteLength } of gather(chunksOf(chunks), 2.5 * MiB, () => progress++))
      sizes.push(byteLength);
    expect(sizes).to.deep.equal([MiB, MiB, MiB / 2]);
    expect(progress).to.equal(40);
  });
});
