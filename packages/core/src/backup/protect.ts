import {
  STORE_KINDS,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreKind,
} from "@axon-backup/axon-server";
import type { ObjectKey, Sink } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import { nextObject } from "../repository/closed-object.js";
import { storeFileKey } from "../repository/layout.js";
import { hashObject, hashPrefix } from "../sinks/hashing.js";
import { withHandle } from "../with-handle.js";
import type { ClosedFile } from "../repository/manifest.js";
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
}

/**
 * Guards restore points that can't be read. What they need isn't known, so that nothing may be written over an object unless it only adds to it: each object in the
 * way must be the beginning of the server's file. Reads all of these; it is rarely needed.
 * @returns the contexts, their plans taking over what is the server's file to its end
 * @throws EngineError `diverged`
 */
export async function protectUnreadable(
  tools: Tools,
  contexts: readonly ContextRun[],
): Promise<ContextRun[]> {
  const copies = contexts.flatMap(copiesInTheWay);
  const whole = new Map<SourceFile, ClosedFile>();
  await mapConcurrent(copies, 4, tools.signal, async (copy, signal) => {
    const entry = await withHandle(tools.source, copy.file, (handle) =>
      compare(tools.sink, copy, handle, signal),
    );
    if (entry) whole.set(copy.file, entry);
  });
  for (const context of contexts) warnOfOrphans(tools, context);
  return contexts.map((context) => takeOver(context, whole));
}

/**
 * Compares an object with the server's file that would be written over it.
 * @returns what a manifest says of it, if the object is that file, whole
 * @throws EngineError `diverged` when it isn't its beginning
 */
async function compare(
  sink: Sink,
  { key, file, size }: Copy,
  handle: SourceHandle,
  signal: AbortSignal,
): Promise<ClosedFile | undefined> {
  if (size > handle.size) throw refused(key, file);
  const { name } = file;
  const scan = name.kind === "segment" ? new SendScan(name.segment, handle.size) : undefined;
  scan?.start();
  const sha256 = await hashPrefix(handle, size, signal, (chunk) => {
    scan?.push(chunk);
  });
  if ((await hashObject(sink, key, signal)) !== sha256) throw refused(key, file);
  const { nextToken, problem } = scan?.end() ?? {};
  if (size < handle.size || problem !== undefined) return undefined;
  return { name: name.name, size, sha256, ...(nextToken !== undefined && { nextToken }) };
}

function takeOver(context: ContextRun, whole: ReadonlyMap<SourceFile, ClosedFile>): ContextRun {
  const plan: Record<StoreKind, StorePlan> = { ...context.plan };
  for (const store of STORE_KINDS) {
    const files = plan[store].files.map((planned): PlannedFile => {
      const entry = planned.kind === "new" ? whole.get(planned.file) : undefined;
      return entry ? { kind: "inherited", entry } : planned;
    });
    plan[store] = { ...plan[store], files };
  }
  return { ...context, plan };
}

/** Objects that this run would replace, and that no readable manifest speaks of. */
function copiesInTheWay({ name: context, state, captured, plan }: ContextRun): Copy[] {
  return STORE_KINDS.flatMap((store) => {
    const { files } = state.stores[store];
    const written: { readonly object: string; readonly file: SourceFile }[] = [
      ...plan[store].files.flatMap((planned) => {
        if (planned.kind === "retry") return [{ object: nextObject(planned.entry), file: planned.file }];
        const isWritten = planned.kind === "new" || planned.kind === "resume";
        return isWritten ? [{ object: planned.file.name.name, file: planned.file }] : [];
      }),
      ...captured[store].open.map(({ file }) => ({ object: file.name.name, file })),
    ];
    return written.flatMap(({ object, file }) => {
      const size = files.sizeOf(object);
      return size === undefined
        ? []
        : [{ key: storeFileKey(context, state.timeline, store, object), file, size }];
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

function refused(key: ObjectKey, file: SourceFile): EngineError {
  return new EngineError(
    "diverged",
    `${key} would be replaced by other bytes (${file.path}), and a restore point that can't be read may need it`,
    "Nothing was changed. The server's history may be another one, or the object is damaged. Back up to a new, empty sink, and keep this one.",
  );
}
