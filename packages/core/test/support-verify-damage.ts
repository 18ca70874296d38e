import { STORE_KINDS } from "@axon-backup/axon-server";
import { Repository, type RestorePointId } from "@axon-backup/core";
import type { ObjectKey } from "@axon-backup/sink";
import { type MemorySink, memorySink } from "@axon-backup/sink-testkit";
import { fixture, GENERATIONS, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { storedKeys } from "./support-restore-sink.js";

/** The kinds of objects that a restore point is made of. */
export const OBJECT_KINDS = [
  "closed segment",
  "open segment",
  "index file",
  "control DB",
  "manifest",
  "page",
  "repository.json",
] as const;
export type ObjectKind = (typeof OBJECT_KINDS)[number];

export const DAMAGES = ["bit flip", "truncation", "swap", "loss"] as const;
export type Damage = (typeof DAMAGES)[number];

/** What a restore point needs of an object: its first `bytes`, or all of it. */
interface Need {
  readonly restorePoint: RestorePointId;
  readonly bytes: number;
}

/** A repository whose objects the test knows by itself: each kind's keys, and what each restore point needs of each. */
export interface KnownRepository {
  readonly sink: MemorySink;
  readonly keys: Readonly<Record<ObjectKind, readonly ObjectKey[]>>;
  readonly needs: ReadonlyMap<ObjectKey, readonly Need[]>;
  readonly original: ReadonlyMap<ObjectKey, Uint8Array>;
}

/** Five restore points of a growing store, each with a control DB of another kind of server where there are enough. */
export async function knownRepository(): Promise<KnownRepository> {
  const sink = memorySink();
  const whole = await fixture("4.6");
  const controlDbs = await Promise.all(GENERATIONS.map(async (name) => (await fixture(name)).controlDb));
  const ids = [0, 1, 2].map(pointId);
  const states = [stateAt(whole, 60, 12), stateAt(whole, 155, 36), whole];
  for (const [number, id] of ids.entries())
    await storeRestorePoint(sink, id, {
      contexts: states[number]?.contexts ?? [],
      controlDb: controlDbs[number] ?? whole.controlDb,
    });
  const needs = await needsOf(sink, ids);
  const all = storedKeys(sink);
  const open = new Set<string>();
  for (const [key, of] of needs) if (of.every(({ bytes }) => bytes < Infinity)) open.add(key);
  const where = (test: (key: string) => boolean): ObjectKey[] => all.filter(test);
  return {
    sink,
    needs,
    original: new Map(all.map((key) => [key, Buffer.from(sink.storage.get(key)?.bytes ?? [])])),
    keys: {
      "closed segment": where((key) => /^contexts.*\.(events|snapshots)$/.test(key) && !open.has(key)),
      "open segment": where((key) => open.has(key)),
      "index file": where((key) => key.endsWith("bloom")),
      "control DB": where((key) => key.startsWith("controldb/")),
      manifest: where((key) => key.startsWith("restore-points/")),
      page: where((key) => key.startsWith("pages/")),
      "repository.json": where((key) => key === "repository.json"),
    },
  };
}

/** Read from the manifests, one by one, as a person would. */
async function needsOf(sink: MemorySink, ids: readonly RestorePointId[]): Promise<Map<ObjectKey, Need[]>> {
  const needs = new Map<ObjectKey, Need[]>();
  const need = (key: string, restorePoint: RestorePointId, bytes = Infinity): void => {
    const of = needs.get(key as ObjectKey) ?? [];
    needs.set(key as ObjectKey, [...of, { restorePoint, bytes }]);
  };
  const repository = await Repository.open(sink);
  if (repository === undefined) throw new Error("no repository");
  for (const id of ids) {
    const { contexts } = await repository.manifest(id);
    need(`restore-points/${id}.json`, id);
    need(`controldb/${id}.zip`, id);
    for (const context of contexts)
      for (const store of STORE_KINDS) {
        const { pages, open } = context[store];
        for (const { sha256 } of pages) need(`pages/${sha256}.json`, id);
        const folder = `contexts/${context.name}/${store}`;
        for (const { name } of await repository.closedFiles(context[store])) need(`${folder}/${name}`, id);
        for (const { name, validBytes } of open) need(`${folder}/${name}`, id, validBytes);
      }
  }
  return needs;
}

/** What is on the sink instead of what was; undefined for nothing. */
export type Changes = ReadonlyMap<ObjectKey, Uint8Array | undefined>;

/** One damage to one object of a kind (to two, if they are swapped), elsewhere for each `random`; undefined where it would change nothing. */
export function damageTo(
  { keys, original }: KnownRepository,
  kind: ObjectKind,
  damage: Damage,
  random: () => number,
): Changes | undefined {
  const below = (limit: number): number => Math.floor(random() * limit);
  const key = keys[kind][below(keys[kind].length)];
  const bytes = key && original.get(key);
  if (key === undefined || bytes === undefined || bytes.byteLength === 0) return undefined;
  switch (damage) {
    case "bit flip": {
      const flipped = Buffer.from(bytes);
      const at = below(bytes.byteLength);
      flipped.writeUInt8(flipped.readUInt8(at) ^ (1 << below(8)), at);
      return new Map([[key, flipped]]);
    }
    case "truncation":
      return new Map([[key, bytes.subarray(0, below(bytes.byteLength))]]);
    case "loss":
      return new Map([[key, undefined]]);
    case "swap": {
      // There is one repository.json.
      const others = kind === "repository.json" ? keys.page : keys[kind];
      // Of one size, if there are such: a listing doesn't show it.
      const alike = others.filter(
        (other) => original.get(other)?.byteLength === bytes.byteLength && other !== key,
      );
      const from = alike.length > 0 ? alike : others;
      const other = from[below(from.length)];
      const instead = other && original.get(other);
      if (other === undefined || instead === undefined || Buffer.compare(bytes, instead) === 0)
        return undefined;
      return new Map([
        [key, instead],
        [other, bytes],
      ]);
    }
  }
}

/** The restore points that can't be restored because of a change to one object. */
export function hurtBy(
  { needs, original }: KnownRepository,
  key: ObjectKey,
  changed: Uint8Array | undefined,
): RestorePointId[] {
  const bytes = original.get(key) ?? Buffer.alloc(0);
  const isHurt = ({ bytes: needed }: Need): boolean =>
    changed === undefined || Buffer.compare(changed.subarray(0, needed), bytes.subarray(0, needed)) !== 0;
  return [...new Set((needs.get(key) ?? []).filter(isHurt).map(({ restorePoint }) => restorePoint))].sort();
}
