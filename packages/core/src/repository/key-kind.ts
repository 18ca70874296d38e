import { isJumpSkipIndex, parseStoreFileName, STORE_KINDS, type StoreKind } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import {
  CHECKPOINTS,
  CONTROL_DBS,
  DAMAGED,
  damagedKey,
  HEAD_KEY,
  LAST_FAILURE_KEY,
  LAST_PRUNE_KEY,
  REPOSITORY_KEY,
  RESTORE_POINTS,
  runOf,
  VERIFIED_OBJECTS_KEY,
  VERIFIED_RESTORE_POINTS_KEY,
  WRITER_KEY,
} from "./layout.js";
import type { RestorePointId } from "./restore-point-id.js";
import { pieceOf } from "./pieces.js";
import { parseScratch } from "./scratch.js";

/** What a key is the name of, by the layout. `unknown`: somebody else's, or of a version that is to come. */
export type KeyKind =
  | { readonly kind: "restore-point" | "control-db"; readonly run: RestorePointId }
  | { readonly kind: "page" | "store-file" }
  | { readonly kind: "damage-mark"; readonly of: ObjectKey }
  /** There is one of it, or it goes away by itself. */
  | { readonly kind: "administration" }
  | { readonly kind: "unknown" };

const ADMINISTRATION: ReadonlySet<string> = new Set([
  REPOSITORY_KEY,
  HEAD_KEY,
  WRITER_KEY,
  LAST_FAILURE_KEY,
  LAST_PRUNE_KEY,
  VERIFIED_RESTORE_POINTS_KEY,
  VERIFIED_OBJECTS_KEY,
]);

const PAGE = /^pages\/[0-9a-f]{64}\.json$/;
/** Context, timeline, store, file, and the number of a file's later object. */
const STORE_FILE =
  /^contexts\/((?:[A-Za-z0-9_-]|%[0-9A-F]{2})+)(?:@[1-9]\d{0,8})?\/(events|snapshots)\/([^/@]+)(?:@([1-9]\d{0,8}))?$/;

const UNKNOWN: KeyKind = { kind: "unknown" };

/** What the key names, told from it alone. What isn't exactly as this software would write it is `unknown`. */
export function kindOfKey(key: ObjectKey): KeyKind {
  if (ADMINISTRATION.has(key) || parseScratch(key)) return { kind: "administration" };
  if (runOf(key, CHECKPOINTS, ".json") !== undefined) return { kind: "administration" };
  const restorePoint = runOf(key, RESTORE_POINTS, ".json");
  if (restorePoint !== undefined) return { kind: "restore-point", run: restorePoint };
  const controlDb = runOf(key, CONTROL_DBS, ".zip");
  if (controlDb !== undefined) return { kind: "control-db", run: controlDb };
  if (PAGE.test(key)) return { kind: "page" };
  if (key.startsWith(DAMAGED)) return damageMark(key);
  return isStoreFile(pieceOf(key)?.copy ?? key) ? { kind: "store-file" } : UNKNOWN;
}

function damageMark(key: ObjectKey): KeyKind {
  const of = damagedKey(key);
  if (of === undefined) return UNKNOWN;
  const { kind } = kindOfKey(of);
  const isOurs =
    kind === "restore-point" || kind === "control-db" || kind === "page" || kind === "store-file";
  return isOurs ? { kind: "damage-mark", of } : UNKNOWN;
}

function isStoreFile(key: string): boolean {
  const [, context = "", store = "", name = "", number] = STORE_FILE.exec(key) ?? [];
  if (!isStoreKind(store) || encodesPlain(context)) return false;
  const file = parseStoreFileName(name, store);
  // No backup ever stores files of the jump skip index.
  if (file === undefined || file.kind === "global-index" || isJumpSkipIndex(file)) return false;
  return number === undefined || (file.kind === "segment" && Number(number) >= 2);
}

function isStoreKind(text: string): text is StoreKind {
  return (STORE_KINDS as readonly string[]).includes(text);
}

/** Whether a context's part of a key has a `%XX` that stands for what would stand there as it is. */
function encodesPlain(part: string): boolean {
  for (const [, hex = ""] of part.matchAll(/%([0-9A-F]{2})/g))
    if (/[A-Za-z0-9_-]/.test(String.fromCharCode(Number.parseInt(hex, 16)))) return true;
  return false;
}
