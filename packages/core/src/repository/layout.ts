import type { StoreKind } from "@axon-backup/axon-server";
import { isObjectKey, joinKey, type ObjectKey } from "@axon-backup/sink";
import type { Manifest } from "./manifest.js";
import { isRestorePointId, type RestorePointId } from "./restore-point-id.js";

/**
 * Where things live on a sink. The one place that knows; `docs/repository-format.md` is its prose.
 *
 * ```
 * repository.json
 * contexts/<context>/<events|snapshots>/<file>      names as the server has them
 * contexts/<context>@<timeline>/…                   the same for timelines after the first
 * pieces/<context>/<events|snapshots>/<file>/<byte>  what the copy of an open segment goes on with, from that byte on; needed by the head alone (pieces.ts)
 * controldb/<run>.zip
 * pages/<sha256>.json                               write-once lists of closed files that manifests point to
 * restore-points/<run>.json                         the manifest: written last, never changed
 * head.json                                         what came after the newest restore point: written last, replaced (head-manifest.ts)
 * checkpoints/<run>.json                            what a run that isn't committed yet has stored; removed by the commit
 * damaged/<key>.json                                what `verify` found damaged; removed when stored again
 * verified/restore-points.json                      which restore points were verified, and when
 * verified/objects.json                             when each object was read last
 * writer.json                                       who writes, while somebody does: one run at a time
 * last-failure.json                                 why the last run failed that did
 * last-prune.json                                   when retention was applied last, and what went
 * check-<time>-<machine>-<pid>-<random>/…           what `check` tries the storage with; belongs to no repository (scratch.ts)
 * ```
 */
export const REPOSITORY_KEY: ObjectKey = joinKey("repository.json");
export const HEAD_KEY: ObjectKey = joinKey("head.json");
export const WRITER_KEY: ObjectKey = joinKey("writer.json");
export const LAST_FAILURE_KEY: ObjectKey = joinKey("last-failure.json");
export const LAST_PRUNE_KEY: ObjectKey = joinKey("last-prune.json");
export const VERIFIED_RESTORE_POINTS_KEY: ObjectKey = joinKey("verified/restore-points.json");
export const VERIFIED_OBJECTS_KEY: ObjectKey = joinKey("verified/objects.json");
export const CONTEXTS = "contexts/";
export const PIECES = "pieces/";
export const RESTORE_POINTS = "restore-points/";
export const CONTROL_DBS = "controldb/";
export const CHECKPOINTS = "checkpoints/";
export const DAMAGED = "damaged/";

/** The version of this layout, in `repository.json`. */
export const LAYOUT_VERSION = 1;

/**
 * A context's name as a part of a key: letters, digits, `-` and `_` as they are, the other bytes of its UTF-8 as `%XX`.
 * Distinct names give distinct parts, and `decodeContext` brings them back.
 */
export function encodeContext(context: string): string {
  return Array.from(new TextEncoder().encode(context), (byte) => {
    const char = String.fromCharCode(byte);
    return /[A-Za-z0-9_-]/.test(char) ? char : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }).join("");
}

/** Begins the keys of everything that a context has in a timeline. */
export function contextPrefix(context: string, timeline: number): string {
  return `contexts/${encodeContext(context)}${timeline === 0 ? "" : `@${timeline}`}/`;
}

/** The timelines of a context that have an object among these keys; unsorted. */
export function timelinesIn(keys: Iterable<string>, context: string): Set<number> {
  const prefix = `contexts/${encodeContext(context)}`;
  const found = new Set<number>();
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue;
    const number = /^(?:@([1-9]\d{0,8}))?\//.exec(key.slice(prefix.length, prefix.length + 11));
    if (number) found.add(Number(number[1] ?? 0));
  }
  return found;
}

/** Begins the keys of a store's files. */
export function storePrefix(context: string, timeline: number, store: StoreKind): string {
  return `${contextPrefix(context, timeline)}${store}/`;
}

/** The key of a segment or an index file. */
export function storeFileKey(context: string, timeline: number, store: StoreKind, name: string): ObjectKey {
  return joinKey(storePrefix(context, timeline, store).slice(0, -1), name);
}

export function controlDbKey(run: string): ObjectKey {
  return joinKey("controldb", `${run}.zip`);
}

/** The key of a restore point's control DB: its own run's, or the one that it has borrowed. */
export function controlDbKeyOf({ id, controlDb }: Pick<Manifest, "id" | "controlDb">): ObjectKey {
  return controlDbKey(controlDb.run ?? id);
}

export function pageKey(sha256: string): ObjectKey {
  return joinKey("pages", `${sha256}.json`);
}

export function restorePointKey(run: string): ObjectKey {
  return joinKey(`${RESTORE_POINTS}${run}.json`);
}

export function checkpointKey(run: string): ObjectKey {
  return joinKey(`${CHECKPOINTS}${run}.json`);
}

/** Where the mark that `key` is damaged stands. */
export function damageMarkKey(key: ObjectKey): ObjectKey {
  return joinKey(`${DAMAGED}${key}.json`);
}

/** The key that a damage mark is about; undefined for what isn't one: somebody else's file in its folder. */
export function damagedKey(mark: ObjectKey): ObjectKey | undefined {
  if (!mark.endsWith(".json")) return undefined;
  const key = mark.slice(DAMAGED.length, -".json".length);
  return isObjectKey(key) ? key : undefined;
}

/** The run that an object of one of the folders `<prefix><run><extension>` is of; undefined for what isn't one of ours. */
export function runOf(key: ObjectKey, prefix: string, extension: string): RestorePointId | undefined {
  if (!key.startsWith(prefix) || !key.endsWith(extension)) return undefined;
  const run = key.slice(prefix.length, -extension.length);
  return isRestorePointId(run) ? run : undefined;
}
