import { lstat, readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseStoreFileName, STORE_KINDS, type StoreFileName } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { ignoreEvents, type Observer } from "../observer.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { type CheckedStore, checkContext } from "./check-context.js";
import { checkControlDb } from "./check-control-db.js";
import { choose } from "./choose.js";
import { errorCode, onDisk } from "./disk.js";
import type { CheckFinding } from "./judge-store.js";
import { othersIn, WORKING } from "./leftovers.js";
import type { RestorePlan } from "./plan.js";
import type { Sources } from "./sources.js";
import type { RestoreOptions } from "./types.js";
import { withSources } from "./with-sources.js";

export interface CheckRestoredOptions {
  /** The directory that was restored to. */
  readonly target: string;
  /** What was restored, as for `restore`: it is compared with that. Without it, the store's own truth alone is looked at. */
  readonly against?: Omit<RestoreOptions, "target" | "resume" | "delta" | "observer" | "signal">;
  readonly observer?: Observer;
  readonly signal?: AbortSignal;
}

export interface CheckedContext {
  readonly name: string;
  readonly events: CheckedStore;
  readonly snapshots: CheckedStore;
}

/** What is in a directory, and what of it isn't as it should be. */
export interface CheckRestoredReport {
  /** Absolute. */
  readonly target: string;
  /** What it was compared with; null when it wasn't. */
  readonly restorePoint: RestorePointId | null;
  /** The name of the sink that has it. */
  readonly sink: string | null;
  readonly contexts: readonly CheckedContext[];
  /** Read, the control DB included. */
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly CheckFinding[];
  /** Whether there are any. */
  readonly damaged: boolean;
  /** Worth knowing, no damage. */
  readonly notes: readonly string[];
  readonly warnings: readonly string[];
}

/**
 * Looks whether a directory holds a store that is whole: every transaction's CRC, tokens without a gap, zeros behind the content, no snapshot of a state that the events don't have, a control DB, and nothing of a restore that was cut
 * off. And if it is told what was restored, whether it is exactly that. Changes nothing.
 * @throws EngineError `usage` when it isn't a directory; what finding the restore point throws
 */
export async function checkRestored(options: CheckRestoredOptions): Promise<CheckRestoredReport> {
  const { against, signal, observer = ignoreEvents } = options;
  const directory = await openDirectory(options.target);
  if (!against) return check(directory, options, undefined, []);
  const from = { ...against, ...(signal && { signal }) };
  return withSources({ ...from, observer }, async (sources, { warn, warnings }) => {
    const { plan } = await choose(sources, { ...from, target: directory }, warn);
    return check(directory, options, { sources, plan }, warnings);
  });
}

async function check(
  directory: string,
  { signal = new AbortController().signal, observer = ignoreEvents }: CheckRestoredOptions,
  against: { readonly sources: Sources; readonly plan: RestorePlan } | undefined,
  warnings: readonly string[],
): Promise<CheckRestoredReport> {
  const findings: CheckFinding[] = [];
  const notes: string[] = [];
  for (const path of await readdir(directory))
    if (path.startsWith(WORKING))
      findings.push({
        path,
        finding: "says that a restore to this directory was cut off: run it again with --resume",
      });
  const controlDb = await checkControlDb(directory, against, signal);
  findings.push(...controlDb.findings);
  const contexts: CheckedContext[] = [];
  for (const name of await contextsIn(directory, against?.plan)) {
    const planned = against?.plan.contexts.find((context) => context.name === name);
    if (against && !planned) {
      findings.push({ path: name, finding: "is a context that isn't part of what was restored" });
      continue;
    }
    observer({ kind: "step", step: `context ${name}` });
    const checked = await checkContext(directory, name, planned, signal);
    findings.push(...checked.findings);
    notes.push(...checked.notes);
    contexts.push({ name, events: checked.events, snapshots: checked.snapshots });
  }
  if (!against) notes.push(...(await noteOnIndexes(directory, contexts)));
  if (contexts.length === 0) findings.push({ path: ".", finding: "holds no context" });
  const stores = contexts.flatMap(({ events, snapshots }) => [events, snapshots]);
  return {
    target: directory,
    restorePoint: against?.plan.restorePoint ?? null,
    sink: against?.sources.inOrder[0]?.name ?? null,
    contexts,
    files: stores.reduce((sum, { files }) => sum + files, Number(controlDb.bytes > 0)),
    bytes: stores.reduce((sum, { bytes }) => sum + bytes, controlDb.bytes),
    findings,
    damaged: findings.length > 0,
    notes,
    warnings,
  };
}

/** Their content isn't documented: they are right, or not, by comparison alone. */
async function noteOnIndexes(directory: string, contexts: readonly CheckedContext[]): Promise<string[]> {
  let count = 0;
  for (const { name } of contexts)
    for (const file of await readdir(join(directory, name)))
      if (STORE_KINDS.some((store) => isIndexName(parseStoreFileName(file, store)?.kind))) count++;
  if (count === 0) return [];
  const files = count === 1 ? "1 index file was" : `${count} index files were`;
  return [
    `${files} not looked at: what is in them tells nothing by itself. Checked against the restore point (with --sink), they are compared`,
  ];
}

function isIndexName(kind: StoreFileName["kind"] | undefined): boolean {
  return kind === "index" || kind === "global-index";
}

/** Directories with files of a store in them, and those that should be there. */
async function contextsIn(directory: string, plan: RestorePlan | undefined): Promise<readonly string[]> {
  const names = new Set(plan?.contexts.map(({ name }) => name));
  for (const name of await othersIn(directory)) {
    if (!(await lstat(join(directory, name))).isDirectory()) continue;
    const files = await readdir(join(directory, name));
    if (files.some((file) => STORE_KINDS.some((store) => parseStoreFileName(file, store)))) names.add(name);
  }
  return [...names].sort();
}

async function openDirectory(target: string): Promise<string> {
  const path = resolve(target);
  return onDisk(`looking at ${path}`, async () => {
    try {
      const directory = await realpath(path);
      if ((await lstat(directory)).isDirectory()) return directory;
    } catch (error) {
      if (errorCode(error) !== "ENOENT" && errorCode(error) !== "ENOTDIR") throw error;
    }
    throw new EngineError("usage", `${path} is not a directory`, "Name the directory that was restored to.");
  });
}
