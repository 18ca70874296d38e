import { verify, type VerifyReport } from "@axon-backup/core";
import type { ObjectKey } from "@axon-backup/sink";
import { expect } from "chai";
import {
  type Changes,
  type Damage,
  DAMAGES,
  damageTo,
  hurtBy,
  type KnownRepository,
  knownRepository,
  type ObjectKind,
} from "./support-verify-damage.js";

/** How often each kind of object is damaged in each way. */
const PLACES = 250;
/** Kinds that can be damaged together and each be found: what a manifest or a page says is needed to check the others. */
const CONTENT = ["closed segment", "open segment", "index file", "control DB"] as const;
const DOCUMENTS = ["manifest", "page", "repository.json"] as const;

describe("verify, of each kind of object damaged in a thousand places", function () {
  this.timeout(120_000);
  let repository: KnownRepository;
  before(async () => {
    repository = await knownRepository();
    // Knows the restore points from here on: of one that is lost whole, nothing else would tell.
    expect(await verify({ sink: repository.sink, name: "memory", readData: true })).to.include({
      damaged: false,
    });
  });

  for (const damage of DAMAGES) {
    it(`finds every ${damage} of segments, index files and control DBs, and whom it hurts`, async () => {
      const counts = await damageAll(CONTENT, damage, (changes) => changes);
      expect(counts).to.deep.equal(Object.fromEntries(CONTENT.map((kind) => [kind, PLACES])));
    });

    it(`finds every ${damage} of manifests, pages and repository.json, and whom it hurts`, async () => {
      const counts = await damageAll(DOCUMENTS, damage, onlyFindable);
      expect(counts).to.deep.equal(Object.fromEntries(DOCUMENTS.map((kind) => [kind, PLACES])));
    });
  }

  /** Damages one object of each kind at a time, until each was damaged often enough; each must be found, and nothing else. Gives how often each kind was. */
  async function damageAll(
    kinds: readonly ObjectKind[],
    damage: Damage,
    choose: (changes: Map<ObjectKey, Uint8Array | undefined>) => Changes,
  ): Promise<Record<string, number>> {
    const random = mulberry32(DAMAGES.indexOf(damage) + 1);
    const counts: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 0]));
    for (let round = 0; round < PLACES * 20; round++) {
      const wanted = kinds.filter((kind) => (counts[kind] ?? 0) < PLACES);
      if (wanted.length === 0) break;
      const changes = new Map<ObjectKey, Uint8Array | undefined>();
      for (const kind of wanted) {
        const change = damageTo(repository, kind, damage, random);
        if (change === undefined || [...change.keys()].some((key) => changes.has(key))) continue;
        for (const [key, bytes] of change) changes.set(key, bytes);
      }
      const chosen = choose(changes);
      if (chosen.size === 0) continue;
      const report = await damaged(chosen, () =>
        verify({ sink: repository.sink, name: "memory", readData: true, mark: false }),
      );
      expectFound(chosen, report);
      for (const kind of wanted)
        if (repository.keys[kind].some((key) => chosen.has(key))) counts[kind] = (counts[kind] ?? 0) + 1;
    }
    return counts;
  }

  async function damaged<Result>(changes: Changes, work: () => Promise<Result>): Promise<Result> {
    const { storage } = repository.sink;
    const before = new Map([...changes.keys()].map((key) => [key, storage.get(key)]));
    for (const [key, bytes] of changes) {
      const object = before.get(key);
      if (bytes === undefined || object === undefined) storage.delete(key);
      else storage.set(key, { ...object, bytes });
    }
    try {
      return await work();
    } finally {
      for (const [key, object] of before) if (object) storage.set(key, object);
    }
  }

  /** A manifest that can't be read says nothing of its pages: of those that it alone needs, one at a time is damaged. */
  function onlyFindable(changes: Map<ObjectKey, Uint8Array | undefined>): Changes {
    const manifests = [...changes.keys()].filter((key) => key.startsWith("restore-points/"));
    const isUnknown = (key: ObjectKey): boolean =>
      hurtBy(repository, key, undefined).every((id) =>
        manifests.includes(`restore-points/${id}.json` as ObjectKey),
      );
    // Swapped with repository.json, a page counts as one that is damaged.
    const pages = [...changes.keys()].filter((key) => key.startsWith("pages/"));
    if (pages.some(isUnknown)) for (const key of manifests) changes.delete(key);
    return changes;
  }

  function expectFound(changes: Changes, { findings, damaged }: VerifyReport): void {
    expect(damaged).to.equal(true);
    const unreadable = [...changes.keys()].filter((key) => key.startsWith("restore-points/"));
    const expected = [...changes].map(([key, bytes]) => {
      const hurt = hurtBy(repository, key, bytes);
      const isUnreadable = (id: string): boolean =>
        unreadable.includes(`restore-points/${id}.json` as ObjectKey);
      return {
        key,
        restorePoints: key.startsWith("restore-points/") ? hurt : hurt.filter((id) => !isUnreadable(id)),
      };
    });
    const found = new Map<string, Set<string>>();
    for (const { key, restorePoints } of findings)
      found.set(key, new Set([...(found.get(key) ?? []), ...restorePoints]));
    expect(
      [...found].map(([key, restorePoints]) => ({ key, restorePoints: [...restorePoints].sort() })),
    ).to.have.deep.members(expected);
  }
});

/** Numbers from 0 to 1, the same ones for each seed. */
function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
