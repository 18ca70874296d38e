import { parseStoreFileName, STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import { isSuperseded, newestVersions } from "../backup/store-files.js";
import { objectOf } from "../repository/closed-object.js";
import { type Head, headOf } from "../repository/head.js";
import type { Branch, ClosedFile, ContextManifest, Manifest, StoreManifest } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/**
 * What became of one file between two restore points. `added`: closed, and new. `opened`: an open segment that is new. `grown`: open in both, with more events. `closed`: open in the first, closed in
 * the second. `replaced`: another content under the same name. `superseded`: not in the second, which has a newer version of the segment. `removed`: not in the second.
 */
export type FileChangeKind = "added" | "opened" | "grown" | "closed" | "replaced" | "superseded" | "removed";

export interface FileChange {
  readonly change: FileChangeKind;
  readonly name: string;
  readonly kind: "segment" | "index";
  /** Of a segment that a transformation has written anew: from 1; else 0. */
  readonly version: number;
  /** What the first restore point needs of it, and the second; null where it isn't in it. */
  readonly before: number | null;
  readonly bytes: number | null;
}

export interface StoreDiff {
  readonly files: readonly FileChange[];
  readonly before: Head;
  readonly after: Head;
  /** Events (or snapshots) that came; negative when the second has fewer. Null where it can't be told: a segment's format isn't known. */
  readonly events: number | null;
  /** Bytes of the second that the first doesn't have. */
  readonly newBytes: number;
}

export type ContextDiff = {
  readonly name: string;
  readonly timelines: { readonly before: number | null; readonly after: number | null };
} & (
  | { readonly change: "added" | "removed" }
  /** Another history: all of it is stored anew. `branch` says where it left the first one, if it did. */
  | {
      readonly change: "diverged";
      readonly branch: Branch | null;
      readonly heads: Readonly<Record<StoreKind, Heads>>;
    }
  | { readonly change: "same" | "changed"; readonly stores: Readonly<Record<StoreKind, StoreDiff>> }
);

export interface Heads {
  readonly before: Head;
  readonly after: Head;
}

export interface RestorePointDiff {
  readonly before: RestorePointId;
  readonly after: RestorePointId;
  readonly controlDb: { readonly changed: boolean; readonly before: number; readonly after: number };
  readonly server: {
    readonly changed: boolean;
    readonly before: Manifest["server"];
    readonly after: Manifest["server"];
  };
  readonly contexts: readonly ContextDiff[];
}

/** The closed files of a store in a restore point, without those in pages that both have. */
export type FilesOf = (store: StoreManifest) => readonly ClosedFile[];

/** What came between two restore points of one sink. Pure: the pages that they don't share were read before. */
export function diffManifests(before: Manifest, after: Manifest, filesOf: FilesOf): RestorePointDiff {
  const names = new Set([...before.contexts, ...after.contexts].map(({ name }) => name));
  return {
    before: before.id,
    after: after.id,
    controlDb: {
      changed: before.controlDb.sha256 !== after.controlDb.sha256,
      before: before.controlDb.size,
      after: after.controlDb.size,
    },
    server: {
      changed: JSON.stringify(before.server) !== JSON.stringify(after.server),
      before: before.server,
      after: after.server,
    },
    contexts: [...names].sort().map((name) => {
      const find = ({ contexts }: Manifest): ContextManifest | undefined =>
        contexts.find((context) => context.name === name);
      return diffContext(name, find(before), find(after), filesOf);
    }),
  };
}

function diffContext(
  name: string,
  before: ContextManifest | undefined,
  after: ContextManifest | undefined,
  filesOf: FilesOf,
): ContextDiff {
  const timelines = { before: before?.timeline ?? null, after: after?.timeline ?? null };
  if (before === undefined || after === undefined)
    return { name, timelines, change: before === undefined ? "added" : "removed" };
  if (before.timeline !== after.timeline) {
    const heads = {} as Record<StoreKind, Heads>;
    for (const store of STORE_KINDS)
      heads[store] = { before: headOf(before[store]), after: headOf(after[store]) };
    return { name, timelines, change: "diverged", branch: after.branch ?? null, heads };
  }
  const stores = {} as Record<StoreKind, StoreDiff>;
  for (const store of STORE_KINDS) stores[store] = diffStore(store, before[store], after[store], filesOf);
  const same = STORE_KINDS.every((store) => stores[store].files.length === 0 && stores[store].events === 0);
  return { name, timelines, change: same ? "same" : "changed", stores };
}

interface Item {
  readonly bytes: number;
  readonly isOpen: boolean;
  /** Equal contents have equal ones. */
  readonly identity: string;
}

function itemsOf(store: StoreManifest, filesOf: FilesOf): Map<string, Item> {
  const items = new Map<string, Item>();
  for (const file of filesOf(store))
    items.set(file.name, { bytes: file.size, isOpen: false, identity: `${file.sha256} ${objectOf(file)}` });
  for (const { name, validBytes, sha256 } of store.open)
    items.set(name, { bytes: validBytes, isOpen: true, identity: sha256 });
  return items;
}

function diffStore(
  store: StoreKind,
  before: StoreManifest,
  after: StoreManifest,
  filesOf: FilesOf,
): StoreDiff {
  const [old, now] = [itemsOf(before, filesOf), itemsOf(after, filesOf)];
  const newest = newestVersions(now.keys());
  const files: FileChange[] = [];
  let newBytes = 0;
  for (const name of [...new Set([...old.keys(), ...now.keys()])].sort()) {
    const [one, other] = [old.get(name), now.get(name)];
    const found = changeOf(one, other);
    if (found === undefined) continue;
    const change = found === "removed" && isSuperseded(name, newest) ? "superseded" : found;
    const parsed = parseStoreFileName(name, store);
    files.push({
      change,
      name,
      kind: parsed?.kind === "segment" ? "segment" : "index",
      version: parsed && "version" in parsed ? parsed.version : 0,
      before: one?.bytes ?? null,
      bytes: other?.bytes ?? null,
    });
    const kept = change === "replaced" ? 0 : (one?.bytes ?? 0);
    newBytes += Math.max(0, (other?.bytes ?? 0) - kept);
  }
  const heads = { before: headOf(before), after: headOf(after) };
  const exact = heads.before.exact && heads.after.exact;
  return {
    files,
    ...heads,
    events: exact ? countBetween(before.nextToken, after.nextToken) : null,
    newBytes,
  };
}

function countBetween(from: Token, to: Token): number {
  return to - from;
}

function changeOf(before: Item | undefined, after: Item | undefined): FileChangeKind | undefined {
  if (after === undefined) return "removed";
  if (before === undefined) return after.isOpen ? "opened" : "added";
  if (before.isOpen && after.isOpen) {
    if (before.identity === after.identity) return undefined;
    return after.bytes > before.bytes ? "grown" : "replaced";
  }
  if (before.isOpen !== after.isOpen) return before.isOpen ? "closed" : "replaced";
  return before.identity === after.identity ? undefined : "replaced";
}
