import {
  indexFileName,
  parseStoreFileName,
  segmentFileName,
  type StoreKind,
  type Token,
  token,
} from "@axon-backup/axon-server";
import {
  type ContextContent,
  type Manifest,
  type PlannedFile,
  planRestore,
  type RestorePlan,
} from "@axon-backup/core";
import { expect } from "chai";
import fc from "fast-check";
import { pointId } from "./support-restore.js";

const INDEXES = { events: ["index", "bloom", "nindex"], snapshots: ["sindex", "sbloom", "snindex"] } as const;
const GLOBAL = { events: "global-index-00001.xref", snapshots: "global-index-00001.sxref" } as const;

interface Store {
  readonly kind: StoreKind;
  /** Where segments begin, ascending. */
  readonly firsts: readonly Token[];
  readonly content: ContextContent["stores"][StoreKind];
}

/** A store with versions, index files that it should not have, and some segments at the end open. */
function store(kind: StoreKind): fc.Arbitrary<Store> {
  const segment = fc.record({
    events: fc.integer({ min: 1, max: 50 }),
    versions: fc.uniqueArray(fc.integer({ min: 1, max: 4 }), { maxLength: 3 }),
    indexes: fc.subarray([...INDEXES[kind]]),
  });
  return fc
    .record({
      from: fc.nat(1000),
      segments: fc.array(segment, { minLength: 1, maxLength: 12 }),
      open: fc.integer({ min: 0, max: 3 }),
      seed: fc.nat(),
    })
    .map(({ from, segments, open, seed }) => {
      const closed: { name: string; size: number; sha256: string }[] = [
        { name: GLOBAL[kind], size: 7, sha256: "g" },
      ];
      const opened = [];
      const firsts: Token[] = [];
      let first = token(from);
      for (const [index, { events, versions, indexes }] of segments.entries()) {
        firsts.push(first);
        const next = token(first + events);
        const isOpen = index >= segments.length - open;
        if (isOpen)
          opened.push({
            name: segmentFileName(kind, first),
            validBytes: 10 + events,
            sha256: "o",
            length: 1000,
            nextToken: next,
            complete: index < segments.length - 1,
          });
        for (const version of isOpen ? [] : [0, ...versions])
          closed.push({ name: segmentFileName(kind, first, version), size: 1000 + version, sha256: "s" });
        // Also of open segments: a server may have left some there.
        for (const extension of indexes)
          closed.push({ name: indexFileName(extension, first), size: 14, sha256: "i" });
        first = next;
      }
      const shuffled = closed
        .map((file, index) => ({ file, key: (index * 7919 + seed) % 104729 }))
        .sort((a, b) => a.key - b.key);
      const manifest = {
        lastClosedSegment: null,
        lastVersion: 0,
        nextToken: first,
        pages: [],
        recent: [],
        open: opened,
      };
      return { kind, firsts, content: { manifest, closed: shuffled.map(({ file }) => file) } };
    });
}

const contents = fc.record({
  events: store("events"),
  snapshots: store("snapshots"),
  at: fc.nat(1000).map((thousandth) => thousandth / 1000),
});

function plan({ events, snapshots }: { events: Store; snapshots: Store }, cutBefore?: Token): RestorePlan {
  const context = {
    name: "default",
    timeline: 0,
    events: events.content.manifest,
    snapshots: snapshots.content.manifest,
  };
  const manifest: Manifest = {
    id: pointId(0),
    repository: "r",
    parent: null,
    started: "",
    finished: "",
    agent: "",
    server: { name: "", version: "", edition: "SE" },
    controlDb: { name: "controldb1.zip", size: 100, sha256: "c" },
    contexts: [context],
  };
  return planRestore(
    manifest,
    [{ context, stores: { events: events.content, snapshots: snapshots.content } }],
    cutBefore === undefined ? undefined : new Map([["default", cutBefore]]),
  );
}

function filesOf(restorePlan: RestorePlan, kind: StoreKind): readonly PlannedFile[] {
  return restorePlan.contexts[0]?.stores[kind].files ?? [];
}

describe("planRestore", () => {
  it("takes every segment in its newest version and no jump skip index, and index files of closed segments alone", () => {
    fc.assert(
      fc.property(contents, (given) => {
        const restorePlan = plan(given);
        for (const { kind, content } of [given.events, given.snapshots]) {
          const files = filesOf(restorePlan, kind);
          const names = files.map(({ name }) => name);
          const open = new Set(content.manifest.open.map(({ name }) => Number.parseInt(name, 10)));
          const newest = new Map<number, number>();
          for (const { name } of content.closed) {
            const parsed = parseStoreFileName(name, kind);
            if (parsed?.kind === "segment")
              newest.set(parsed.segment, Math.max(parsed.version, newest.get(parsed.segment) ?? 0));
          }
          const wanted = [...content.closed, ...content.manifest.open]
            .map(({ name }) => name)
            .filter((name) => {
              const parsed = parseStoreFileName(name, kind);
              if (parsed === undefined || !("segment" in parsed)) return false;
              if (parsed.version !== (newest.get(parsed.segment) ?? parsed.version)) return false;
              return (
                parsed.kind === "segment" ||
                (!parsed.extension.endsWith("nindex") && !open.has(parsed.segment))
              );
            });
          expect([...names].sort()).to.deep.equal([...wanted].sort());
          expect(new Set(files.map(({ key }) => key)).size).to.equal(files.length);
        }
        const all = [...filesOf(restorePlan, "events"), ...filesOf(restorePlan, "snapshots")];
        expect(restorePlan.objects).to.equal(all.length + 1);
        expect(restorePlan.bytes).to.equal(all.reduce((sum, { bytes }) => sum + bytes, 100));
        expect(all.filter(({ cutBefore }) => cutBefore !== undefined)).to.deep.equal([]);
      }),
    );
  });

  it("reads of an open segment what was valid, and gives it its length", () => {
    fc.assert(
      fc.property(contents, (given) => {
        const files = filesOf(plan(given), "events");
        for (const open of given.events.content.manifest.open) {
          const file = files.find(({ name }) => name === open.name);
          expect(file).to.include({
            prefix: true,
            bytes: open.validBytes,
            sha256: open.sha256,
            length: open.length,
          });
        }
        for (const file of files.filter(({ prefix }) => !prefix)) expect(file.bytes).to.equal(file.length);
      }),
    );
  });

  it("with a cut, takes what comes before it whole, of its segment the newest version, and nothing behind it", () => {
    fc.assert(
      fc.property(contents, (given) => {
        const { firsts, content } = given.events;
        const [begin = 0, end] = [firsts[0], content.manifest.nextToken];
        // From nothing to everything: at the first token, an empty store is left.
        const cutBefore = token(Math.min(end, begin + Math.floor((end - begin + 1) * given.at)));
        const [uncut, cut] = [plan(given), plan(given, cutBefore)];
        const holder = firsts.filter((first) => first < cutBefore || first === begin).at(-1);
        const before = (files: readonly PlannedFile[]): string[] =>
          files.filter(({ first }) => first < (holder ?? 0)).map(({ name }) => name);
        const files = filesOf(cut, "events");
        expect(before(files)).to.deep.equal(before(filesOf(uncut, "events")));
        const rest = files.filter(({ first }) => first >= (holder ?? 0));
        expect(rest).to.have.length(1);
        const versions = filesOf(uncut, "events")
          .filter(({ first, kind }) => first === holder && kind === "segment")
          .map(({ version }) => version);
        expect(rest[0]).to.include({
          kind: "segment",
          first: holder,
          version: Math.max(...versions),
          cutBefore,
        });
        // Every event that stays is looked at, and every snapshot, once.
        const scanned = files.filter(({ scan }) => scan).map(({ first }) => first);
        expect(scanned).to.deep.equal(firsts.filter((first) => first <= (holder ?? 0)));
        expect(
          filesOf(cut, "snapshots")
            .filter(({ scan }) => scan)
            .map(({ first }) => first),
        ).to.deep.equal(given.snapshots.firsts);
      }),
    );
  });

  it("does not depend on the order that the manifest has", () => {
    fc.assert(
      fc.property(contents, ({ events, snapshots }) => {
        const turned = {
          ...events,
          content: { ...events.content, closed: events.content.closed.toReversed() },
        };
        expect(plan({ events, snapshots })).to.deep.equal(plan({ events: turned, snapshots }));
      }),
    );
  });
});
