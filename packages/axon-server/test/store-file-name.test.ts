import { expect } from "chai";
import fc from "fast-check";

import {
  compareStoreFiles,
  indexFileName,
  isControlDbName,
  isJumpSkipIndex,
  parseStoreFileName,
  segmentFileName,
  STORE_KINDS,
  type StoreKind,
  token,
  whyNoStoreFileName,
} from "@axon-backup/axon-server";

const segments = fc.maxSafeNat().map(token);
const versions = fc.oneof(fc.nat(3), fc.nat(200_000));
const stores = fc.constantFrom(...STORE_KINDS);
const eventIndexes = fc.constantFrom("index", "bloom", "nindex", "xref");
const snapshotIndexes = fc.constantFrom("sindex", "sbloom", "snindex", "sxref");

describe("file names of a store", () => {
  it("round-trip for segments", () => {
    fc.assert(
      fc.property(stores, segments, versions, (store, segment, version) => {
        const name = segmentFileName(store, segment, version);
        expect(parseStoreFileName(name, store)).to.deep.equal({
          kind: "segment",
          store,
          name,
          segment,
          version,
        });
      }),
    );
  });

  it("round-trip for index files, each of its own store only", () => {
    const check = (store: StoreKind, other: StoreKind) =>
      fc.property(
        store === "events" ? eventIndexes : snapshotIndexes,
        segments,
        versions,
        (extension, segment, version) => {
          const name = indexFileName(extension, segment, version);
          expect(parseStoreFileName(name, store)).to.deep.equal({
            kind: "index",
            store,
            name,
            segment,
            version,
            extension,
          });
          expect(parseStoreFileName(name, other)).to.equal(undefined);
          expect(whyNoStoreFileName(name, other)).to.contain(`of the ${store}`);
        },
      );
    fc.assert(check("events", "snapshots"));
    fc.assert(check("snapshots", "events"));
  });

  it("have 14 digits in very old versions", () => {
    expect(parseStoreFileName("00000000000042.events", "events")).to.include({ segment: 42, version: 0 });
    expect(parseStoreFileName("00000000000042_00001.events", "events")).to.include({
      segment: 42,
      version: 1,
    });
  });

  it("can be of a global index", () => {
    expect(parseStoreFileName("global-index-00007.xref", "events")).to.include({ kind: "global-index" });
    expect(parseStoreFileName("global-index-00007.sxref", "snapshots")).to.include({ kind: "global-index" });
    expect(parseStoreFileName("global-index-00007.sxref", "events")).to.equal(undefined);
    expect(parseStoreFileName("global-index-7.xref", "events")).to.equal(undefined);
  });

  it("tell the jump skip index from what may be restored", () => {
    const jumpSkip = ["nindex", "snindex", "xref", "sxref"] as const;
    for (const store of STORE_KINDS)
      for (const extension of ["index", "bloom", "sindex", "sbloom", ...jumpSkip, store] as const) {
        const name = parseStoreFileName(`00000000000000000000.${extension}`, store);
        if (name === undefined) continue;
        expect(isJumpSkipIndex(name), extension).to.equal(jumpSkip.some((one) => one === extension));
      }
    const global = parseStoreFileName("global-index-00007.xref", "events");
    expect(global !== undefined && isJumpSkipIndex(global)).to.equal(true);
  });

  const zeros = "00000000000000000000";
  for (const name of [
    "",
    ".",
    "..",
    ".events",
    "events",
    "0.events",
    zeros,
    `${zeros}.`,
    `${zeros}.Events`,
    `${zeros}.events `,
    ` ${zeros}.events`,
    `${zeros}.events\n`,
    `\n${zeros}.events`,
    `${zeros}\n.events`,
    `${zeros}.events\0`,
    `${zeros}\0.events`,
    `a/${zeros}.events`,
    `../${zeros}.events`,
    `${zeros}.events/`,
    `${zeros}.events.temp`,
    `${zeros}.index.temp`,
    `${zeros}_00001.events.transformed`,
    `${zeros}.temp`,
    `${zeros}.transformed`,
    `${zeros}_00000.events`,
    `${zeros}_1.events`,
    `${zeros}_000001.events`,
    `${zeros}_.events`,
    `${zeros}_-0001.events`,
    `-${zeros}.events`,
    "000000000000000.events",
    "0000000000000000000000.events",
    "00000009007199254740992.events",
    "00009007199254740992.events",
    "99999999999999999999.events",
    `${zeros}_9007199254740992.events`,
    `${zeros}.constructor`,
    `${zeros}.tostring`,
    "٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠٠.events",
    `${zeros}.event`,
    `${zeros}.log`,
    `${zeros}.events`.repeat(2),
  ])
    it(`refuse ${JSON.stringify(name)}`, () => {
      for (const store of STORE_KINDS) {
        expect(parseStoreFileName(name, store)).to.equal(undefined);
        expect(whyNoStoreFileName(name, store)).to.be.a("string");
      }
    });

  it("accept nothing but the grammar, whatever is changed in a good name", () => {
    // Written independently of the implementation: what is accepted must be what the formatter gives, or its 14-digit form.
    const strings = fc
      .tuple(stores, segments, versions, fc.nat(40), fc.string({ maxLength: 3, unit: "binary" }), fc.nat(2))
      .map(([store, segment, version, at, insert, remove]) => {
        const name = segmentFileName(store, segment, version);
        return name.slice(0, at) + insert + name.slice(at + remove);
      });
    fc.assert(
      fc.property(fc.oneof(strings, fc.string({ unit: "binary" })), stores, (text, store) => {
        const parsed = parseStoreFileName(text, store);
        expect(whyNoStoreFileName(text, store) === undefined).to.equal(parsed !== undefined);
        if (parsed === undefined || parsed.kind === "global-index") return;
        const extension = parsed.kind === "segment" ? store : parsed.extension;
        const suffix = parsed.version === 0 ? "" : `_${String(parsed.version).padStart(5, "0")}`;
        const forms = [20, 14].map(
          (width) => `${String(parsed.segment).padStart(width, "0")}${suffix}.${extension}`,
        );
        expect(forms).to.include(text);
        expect(text).to.match(/^[0-9a-z_.]+$/);
      }),
      { numRuns: 1000 },
    );
  });

  it("sort by segment, version, then the segment before its index files; global indexes last", () => {
    const sorted = [
      `${zeros}.events`,
      `${zeros}.bloom`,
      `${zeros}.index`,
      `${zeros}_00001.events`,
      `${zeros}_00001.index`,
      "00000000000000000009.events",
      "00000000000000000010.events",
      "global-index-00002.xref",
      "global-index-00010.xref",
      "global-index-100000.xref",
    ];
    const names = (from: readonly string[]) =>
      from
        .map((name) => parseStoreFileName(name, "events"))
        .filter((name) => name !== undefined)
        .sort(compareStoreFiles)
        .map(({ name }) => name);
    expect(names([...sorted].reverse())).to.deep.equal(sorted);
  });
});

describe("names of control DB backups", () => {
  it("are controldb<digits>.zip and nothing else", () => {
    expect(isControlDbName("controldb1795486544709.zip")).to.equal(true);
    for (const name of [
      "controldb.zip",
      "controldb1.zip\n",
      "controldb1.zip.tmp",
      "xcontroldb1.zip",
      "controldb-1.zip",
      "controldb1/2.zip",
      "Controldb1.zip",
      "controldb1.ZIP",
    ])
      expect(isControlDbName(name), JSON.stringify(name)).to.equal(false);
  });
});
