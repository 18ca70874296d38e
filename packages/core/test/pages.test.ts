import { expect } from "chai";
import fc from "fast-check";
import { paginate } from "../dist/backup/pages.js";
import type { ClosedFile, PageReference } from "../dist/repository/manifest.js";

const file = (index: number, generation = 0): ClosedFile => ({
  name: `${index}`,
  size: index,
  sha256: `${generation}`,
});
const reference = (files: readonly ClosedFile[]): PageReference => ({
  sha256: files.map(({ name }) => name).join(),
  files: files.length,
  bytes: 0,
});
const range = (start: number, end: number): ClosedFile[] =>
  Array.from({ length: end - start }, (_, index) => file(start + index));

describe("pages of closed files", () => {
  it("hold every file once and in order, and leave the manifest less than a page", () => {
    fc.assert(
      fc.property(fc.nat(200), fc.nat(60), fc.integer({ min: 1, max: 17 }), (before, added, size) => {
        const first = paginate([], range(0, before), size);
        expect([...first.written.flat(), ...first.recent]).to.deep.equal(range(0, before));
        expect(first.recent.length).to.be.lessThan(size);
        const pages = first.written.map((files) => ({ reference: reference(files), files }));
        const second = paginate(pages, range(0, before + added), size);
        expect(second.kept, "pages are never written again").to.deep.equal(
          pages.map((page) => page.reference),
        );
        expect([
          ...pages.flatMap(({ files }) => files),
          ...second.written.flat(),
          ...second.recent,
        ]).to.deep.equal(range(0, before + added));
        expect(second.recent.length).to.be.lessThan(size);
      }),
    );
  });

  it("are written anew from the first one on whose files changed", () => {
    const pages = [range(0, 4), range(4, 8), range(8, 12)].map((files) => ({
      reference: reference(files),
      files,
    }));
    const without5 = range(0, 12).filter(({ name }) => name !== "5");
    const result = paginate(pages, without5, 4);
    expect(result.kept).to.deep.equal([pages[0]?.reference]);
    expect([...result.written.flat(), ...result.recent]).to.deep.equal(without5.slice(4));
  });
});
