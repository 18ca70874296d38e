import { parseStoreFileName, type StoreFileName, type StoreKind } from "@axon-backup/axon-server";
import { CONTROL_DB_FILE } from "../control-db/zip.js";
import { EngineError } from "../errors.js";

/** Longest name that file systems take, in bytes. */
const MAX_NAME_BYTES = 255;

/**
 * Checks that a context's name can be the name of a directory inside of the target, and nothing else. A manifest is only as trustworthy as the storage
 * that it comes from.
 * @throws EngineError `damage`
 */
export function checkContextName(context: unknown): asserts context is string {
  if (
    typeof context === "string" &&
    context !== "" &&
    Buffer.byteLength(context) <= MAX_NAME_BYTES &&
    !context.startsWith(".") &&
    context.toLowerCase() !== CONTROL_DB_FILE &&
    !/[/\\\p{Cc}\p{Cs}]/u.test(context)
  )
    return;
  throw hostile(`a context called ${shown(context)}`);
}

/**
 * A file name of a manifest, parsed.
 * @throws EngineError `damage` when it isn't of the grammar
 */
export function checkFileName(name: unknown, store: StoreKind): StoreFileName {
  const parsed = typeof name === "string" ? parseStoreFileName(name, store) : undefined;
  if (parsed === undefined) throw hostile(`a file of the ${store} called ${shown(name)}`);
  return parsed;
}

function shown(name: unknown): string {
  return ((JSON.stringify(name) as string | undefined) ?? "undefined").slice(0, 120);
}

function hostile(what: string): EngineError {
  return new EngineError(
    "damage",
    `the restore point lists ${what}, which this software never writes`,
    "Somebody else has written to this repository. Use another sink, and find out who can write to this one.",
  );
}
