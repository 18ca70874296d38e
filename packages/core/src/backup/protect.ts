import {
  scanSegment,
  SegmentScanner,
  STORE_KINDS,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreKind,
} from "@axon-backup/axon-server";
import type { ObjectKey, Sink } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import type { Observer } from "../observer.js";
import { freeObject } from "../repository/closed-object.js";
import { storeFileKey } from "../repository/layout.js";
import { hashObject, hashPrefix } from "../sinks/hashing.js";
import { withHandle } from "../with-handle.js";
import type { ClosedFile } from "../repository/manifest.js";
import { EngineError } from "../errors.js";
import { Diverged } from "./diverged.js";
import type { ContextRun } from "./model.js";
import type { PlannedFile, StorePlan } from "./plan.js";
import { SendScan } from "./send-scan.js";

interface Tools {
  readonly source: ServerSource;
  readonly sink: Sink;
  readonly name: string;
  readonly observer: Observer;
  readonly signal: AbortSignal | undefined;
}

interface Copy {
  readonly key: ObjectKey;
  readonly file: SourceFile;
  readonly size: number;
  /** Whether the run can leave it alone: of a closed file, another object will do. */
  readonly canStay: boolean;
}

/**
 * Guards restore points that can't be read. What they need isn't known, so that nothing may be written over an object unless it only adds to it: each object in the
 * way must be the beginning of the server's file. Reads all of these; it is rarely needed.
 * @returns the context, its plan taking over what is the server's file to its end, and leaving segments alone that are damaged on the sink
 * @throws Diverged; EngineError `diverged` when the server's file is damaged
 */
export async function protectUnreadable(tools: Tools, context: ContextRun): Promise<ContextRun> {
  const copies = copiesInTheWay(context);
  const known = new Map<SourceFile, ClosedFile>();
  const refusals: EngineError[] = [];
  await mapConcurrent(copies, 4, tools.signal, async (copy, signal) => {
    const entry = await withHandle(tools.source, copy.file, (handle) =>
      compare(tools.sink, copy, handle, signal),
    );
    if (entry instanceof EngineError) refusals.push(entry);
    else if (entry) known.set(copy.file, entry);
  });
  const refusal = refusals.find((error) => error instanceof Diverged) ?? refusals[0];
  if (refusal) throw refusal;
  warnOfOrphans(tools, context);
  return takeOver(context, known);
}

/**
 * Compares an object with the server's file that would be written over it.
 * @returns what a manifest says of it, if the object is that file, whole; with a `problem` for a segment that is damaged, though the server's is not: it tells nothing of the history, and
 * stays as it is. An error when it isn't the file's beginning: Diverged, unless that is because the server's file is damaged
 */
async function compare(
  sink: Sink,
  { key, file, size, canStay }: Copy,
  handle: SourceHandle,
  signal: AbortSignal,
): Promise<ClosedFile | EngineError | undefined> {
  const { name } = file;
  const copy = await readCopy(sink, key, file, size, signal);
  const different = async (): Promise<ClosedFile | EngineError> => {
    if (name.kind !== "segment") return otherHistory(key, file);
    const { state } = await scanSegment(handle, { segment: name.segment, signal });
    if (state === "torn") return refused(key, file);
    if (!canStay || copy.problem === undefined || state !== "closed") return otherHistory(key, file);
    return { name: name.name, size, sha256: copy.sha256, problem: copy.problem };
  };
  if (size > handle.size) return different();
  const scan = name.kind === "segment" ? new SendScan(name.segment, handle.size) : undefined;
  scan?.start();
  const sha256 = await hashPrefix(handle, size, signal, (chunk) => {
    scan?.push(chunk);
  });
  if (copy.sha256 !== sha256) return different();
  const { nextToken, problem } = scan?.end() ?? {};
  if (size < handle.size || problem !== undefined) return undefined;
  return { name: name.name, size, sha256, ...(nextToken !== undefined && { nextToken }) };
}

/** An object's hash, and what is wrong with it if it is a segment with transactions that can't be read: one that merely has no end may be the copy of an open one. */
async function readCopy(
  sink: Sink,
  key: ObjectKey,
  { name }: SourceFile,
  size: number,
  signal: AbortSignal,
): Promise<{ readonly sha256: string; readonly problem?: string }> {
  const scanner =
    name.kind === "segment" ? new SegmentScanner({ segment: name.segment, fileLength: size }) : undefined;
  const sha256 = await hashObject(sink, key, signal, (chunk) => {
    scanner?.push(chunk);
  });
  const scan = scanner?.end();
  return { sha256, ...(scan?.state === "torn" && { problem: `is damaged: ${scan.reason}` }) };
}

function takeOver(context: ContextRun, known: ReadonlyMap<SourceFile, ClosedFile>): ContextRun {
  const plan: Record<StoreKind, StorePlan> = { ...context.plan };
  for (const store of STORE_KINDS) {
    const files = plan[store].files.map((planned): PlannedFile => {
      const entry = planned.kind === "new" ? known.get(planned.file) : undefined;
      if (planned.kind !== "new" || entry === undefined) return planned;
      if (entry.problem === undefined) return { kind: "inherited", entry };
      const object = freeObject(entry, context.state.stores[store].files.sizeOf);
      return { kind: "retry", file: planned.file, entry, intact: true, object };
    });
    plan[store] = { ...plan[store], files };
  }
  return { ...context, plan };
}

/** Objects that this run would replace, and that no readable manifest speaks of. */
function copiesInTheWay({ name: context, state, captured, plan }: ContextRun): Copy[] {
  return STORE_KINDS.flatMap((store) => {
    const { files } = state.stores[store];
    const written: Pick<Copy, "file" | "canStay">[] = [
      ...plan[store].files.flatMap((planned) => {
        const isWritten = planned.kind === "new" || planned.kind === "resume";
        return isWritten ? [{ file: planned.file, canStay: planned.kind === "new" }] : [];
      }),
      ...captured[store].open.map(({ file }) => ({ file, canStay: false })),
    ];
    return written.flatMap(({ file, canStay }) => {
      const { name } = file.name;
      const size = files.sizeOf(name);
      return size === undefined
        ? []
        : [{ key: storeFileKey(context, state.timeline, store, name), file, size, canStay }];
    });
  });
}

/** Segments that only the unreadable part of a manifest lists, and that the server has no more. */
function warnOfOrphans(
  { name: sink, observer }: Tools,
  { name: context, state, captured, plan }: ContextRun,
): void {
  for (const store of STORE_KINDS) {
    const known = new Set<string>(captured[store].open.map(({ file }) => file.name.name));
    for (const planned of plan[store].files)
      known.add(planned.kind === "inherited" ? planned.entry.name : planned.file.name.name);
    const orphans = state.stores[store].files
      .names()
      .filter((name) => name.endsWith(`.${store}`) && !known.has(name));
    if (orphans.length === 0) continue;
    observer({
      kind: "warning",
      sink,
      message: `${context} (${store}): ${orphans.length} segments on the sink (${orphans.slice(0, 3).join(", ")}) are not in this restore point: the manifest that lists them can't be read, and the server doesn't have them any more. They stay on the sink`,
    });
  }
}

function otherHistory(key: ObjectKey, { path }: SourceFile): Diverged {
  return new Diverged(
    `${key} is not the beginning of ${path}, and a restore point that can't be read may need it`,
  );
}

/** What doesn't read says nothing of the history; and in a new timeline, there would be the damaged segment alone. */
function refused(key: ObjectKey, { path }: SourceFile): EngineError {
  return new EngineError(
    "diverged",
    `${key} would be replaced by other bytes (${path}, which is damaged), and a restore point that can't be read may need it`,
    "Nothing was changed. Let Axon Server check its store. To go on without waiting for that, back up to a new, empty sink, and keep this one.",
  );
}
