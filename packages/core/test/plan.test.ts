import { type IndexName, type SegmentName, type SourceFile, token } from "@axon-backup/axon-server";
import { expect } from "chai";
import fc from "fast-check";
import { type ClosedSource, listAfter, planStore, type StoredFiles } from "../dist/backup/plan.js";
import type { ClosedFile } from "../dist/repository/manifest.js";

const pad = (segment: number): string => String(segment).padStart(20, "0");

function segmentFile(segment: number): SourceFile<SegmentName> {
  const name = `${pad(segment)}.events`;
  return {
    name: { kind: "segment", store: "events", name, segment: token(segment), version: 0 },
    path: `/s/${name}`,
    context: "c",
  };
}

function indexFile(segment: number, extension: IndexName["extension"] = "index"): SourceFile<IndexName> {
  const name = `${pad(segment)}.${extension}`;
  return {
    name: { kind: "index", store: "events", name, segment: token(segment), version: 0, extension },
    path: `/s/${name}`,
    context: "c",
  };
}

const entry = (name: string, size = 100): ClosedFile => ({
  name,
  size,
  sha256: name.slice(0, 20).padEnd(64, "0"),
});

/** A store in which each of `count` closed segments is in one of these states. */
type Fate =
  | "stored"
  | "missing"
  | "damaged"
  | "short"
  | "unlisted-missing"
  | "unfinished"
  | "unfinished-missing"
  | "new";
const fates: readonly Fate[] = [
  "stored",
  "missing",
  "damaged",
  "short",
  "unlisted-missing",
  "unfinished",
  "unfinished-missing",
  "new",
];

function world(states: readonly Fate[]): {
  listing: { closed: SourceFile<SegmentName>[]; indexes: [] };
  stored: StoredFiles;
} {
  const closed: ClosedFile[] = [];
  const unfinished = new Map<string, ClosedFile>();
  const sizes = new Map<string, number>();
  const damaged = new Set<string>();
  const listed: SourceFile<SegmentName>[] = [];
  for (const [index, fate] of states.entries()) {
    const file = segmentFile(index * 10);
    const known = entry(file.name.name);
    if (["stored", "missing", "damaged", "short", "unlisted-missing"].includes(fate)) closed.push(known);
    if (fate.startsWith("unfinished")) unfinished.set(known.name, known);
    if (["stored", "damaged", "unfinished"].includes(fate)) sizes.set(known.name, known.size);
    if (fate === "short") sizes.set(known.name, known.size - 1);
    if (fate === "damaged") damaged.add(known.name);
    if (fate !== "unlisted-missing") listed.push(file);
  }
  return {
    listing: { closed: listed, indexes: [] },
    stored: {
      closed,
      unfinished,
      sizeOf: (name) => sizes.get(name),
      isDamaged: (name) => damaged.has(name),
      names: () => [...sizes.keys()],
    },
  };
}

describe("planning a store's closed files", () => {
  it("sends exactly what the sink lacks, whatever the state of each file", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...fates), { maxLength: 40 }), (states) => {
        const { listing, stored } = world(states);
        const plan = planStore(listing, stored);
        const planned = new Map(
          plan.files.map((file) => [
            file.kind === "inherited" ? file.entry.name : file.file.name.name,
            file.kind,
          ]),
        );
        expect(planned.size, "no file twice").to.equal(plan.files.length);
        const expected: Record<Fate, string | undefined> = {
          stored: "inherited",
          missing: "repair",
          damaged: "repair",
          short: "repair",
          "unlisted-missing": undefined,
          unfinished: "resume",
          "unfinished-missing": "new",
          new: "new",
        };
        for (const [index, fate] of states.entries()) {
          const name = segmentFile(index * 10).name.name;
          expect(planned.get(name), `${fate} ${name}`).to.equal(expected[fate]);
          expect(plan.lost.some((lost) => lost.name === name)).to.equal(fate === "unlisted-missing");
        }
      }),
    );
  });

  it("keeps the newest restore point's order, so that its pages stay as they are", () => {
    const { listing, stored } = world(["stored", "stored", "new", "stored", "new"]);
    const names = planStore(listing, stored).files.map((file) =>
      file.kind === "inherited" ? file.entry.name : file.file.name.name,
    );
    expect(names).to.deep.equal([0, 10, 30, 20, 40].map((segment) => `${pad(segment)}.events`));
  });

  it("asks the server again for everything that has to be repaired, and for nothing before it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...fates.slice(0, 5)), { minLength: 1, maxLength: 40 }),
        (states) => {
          const { stored } = world(states);
          const cursor = token((states.length - 1) * 10);
          const after = listAfter(cursor, stored);
          const broken = states.flatMap((fate, index) => (fate === "stored" ? [] : [index * 10]));
          const lowest = Math.min(...broken);
          if (broken.length === 0) expect(after).to.equal(cursor);
          else expect(after, `before ${lowest}`).to.equal(lowest === 0 ? null : lowest - 10);
        },
      ),
    );
  });

  it("drops an index file that is gone on both sides, and stores no jump skip index", () => {
    const closed = [entry(`${pad(0)}.events`), entry(`${pad(0)}.index`)];
    const stored: StoredFiles = {
      closed,
      unfinished: new Map(),
      sizeOf: (name) => (name.endsWith(".events") ? 100 : undefined),
      isDamaged: () => false,
      names: () => [],
    };
    const plan = planStore(
      { closed: [], indexes: [indexFile(10, "nindex"), indexFile(10, "bloom")] },
      stored,
    );
    expect(plan.dropped).to.deep.equal([closed[1]]);
    expect(plan.lost).to.deep.equal([]);
    const sent = plan.files.flatMap((file): ClosedSource[] => (file.kind === "new" ? [file.file] : []));
    expect(sent.map(({ name }) => name.name)).to.deep.equal([`${pad(10)}.bloom`]);
  });
});

describe("files that the server has renamed, from 14 digits to 20", () => {
  const short = (segment: number): string => `${pad(segment).slice(6)}.events`;
  const stored = (names: readonly string[], lost: readonly string[] = []): StoredFiles => ({
    closed: names.map((name) => entry(name)),
    unfinished: new Map(),
    sizeOf: (name) => (names.includes(name) && !lost.includes(name) ? 100 : undefined),
    names: () => names,
    isDamaged: () => false,
  });

  it("are inherited under the name that they were stored with, and not stored a second time", () => {
    const listing = { closed: [segmentFile(0), segmentFile(5), segmentFile(9)], indexes: [] };
    const plan = planStore(listing, stored([short(0), short(5)]));
    expect(
      plan.files.map((file) => [
        file.kind,
        file.kind === "inherited" ? file.entry.name : file.file.name.name,
      ]),
    ).to.deep.equal([
      ["inherited", short(0)],
      ["inherited", short(5)],
      ["new", `${pad(9)}.events`],
    ]);
  });

  it("are repaired from the file with the new name", () => {
    const plan = planStore({ closed: [segmentFile(5)], indexes: [] }, stored([short(5)], [short(5)]));
    expect(plan.lost).to.deep.equal([]);
    expect(plan.files).to.have.length(1);
    expect(plan.files[0]).to.deep.include({
      kind: "repair",
      expected: entry(short(5)),
      file: segmentFile(5),
    });
  });
});
