import { type FileHandle, rm } from "node:fs/promises";
import { type ObjectKey, objectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type Expected, fetchFile, type FetchOptions, ObjectFault } from "./fetch.js";
import { readChunks } from "./local-file.js";
import type { PlannedFile } from "./plan.js";
import type { Source, Sources } from "./sources.js";

export interface ObjectTools {
  readonly sources: Sources;
  readonly warn: (message: string) => void;
  /** Bytes that came; below 0 when those of an attempt that failed are taken back. */
  readonly onBytes: (bytes: number) => void;
  /** Called for an index file that no sink has whole, in the place of the error. */
  readonly leaveOut: (file: PlannedFile, error: EngineError) => void;
}

/**
 * Fetches an object from the first sink that gives it as it was stored: whichever that is, the bytes have the hash that is expected.
 * @param options `onChunk` sees chunks whose hash isn't known yet only if there is no other sink: otherwise it is called when they are proved right
 * @throws EngineError `damage` when no sink has it whole, `failed` when it can't be read or written
 */
export async function fetchObject(
  { sources, warn, onBytes }: Omit<ObjectTools, "leaveOut">,
  expected: Expected,
  path: string,
  { signal, onChunk, finish }: FetchOptions,
): Promise<void> {
  const order = sources.inOrder;
  const faults: Fault[] = [];
  for (const source of order)
    for await (const key of keysAt(source, expected.key, faults.length > 0)) {
      let came = 0;
      try {
        await fetchFile(await source.sink(), { ...expected, key }, path, {
          signal,
          onChunk(chunk) {
            came += chunk.byteLength;
            onBytes(chunk.byteLength);
            if (order.length === 1) onChunk?.(chunk);
          },
          async finish(file: FileHandle) {
            if (order.length > 1 && onChunk) await readChunks(file, expected.bytes, signal, onChunk);
            await finish?.(file);
          },
        });
        for (const fault of faults.filter((other) => isTold(other, source)))
          warn(`${fault.key} ${fault.what} on ${fault.source.name}; taken from ${source.name}`);
        return;
      } catch (error) {
        signal.throwIfAborted();
        const fault = faultOf(error, key, source);
        if (order.length === 1) throw error;
        onBytes(-came);
        await rm(path, { force: true });
        // Of the other keys that were tried there, nobody needs to know.
        if (!faults.some((earlier) => earlier.source === source)) faults.push(fault);
        if (fault.kind === "failed") {
          sources.demote(source, `can't be read (${fault.what})`);
          break;
        }
      }
    }
  throw noneHas(expected.key, faults);
}

interface Fault {
  readonly source: Source;
  readonly key: ObjectKey;
  readonly kind: "damage" | "failed";
  readonly what: string;
  readonly error: EngineError;
}

/** @throws the error itself, when the sink isn't to blame for it */
function faultOf(error: unknown, key: ObjectKey, source: Source): Fault {
  if (error instanceof ObjectFault)
    return { source, key, kind: error.kind === "damage" ? "damage" : "failed", what: error.what, error };
  throw error;
}

/** What is worth a warning: not that a sink couldn't be read at all, which is told once, nor other keys that were tried where it was found in the end. */
function isTold({ kind, source }: Fault, found: Source): boolean {
  return kind === "damage" && source !== found;
}

/**
 * Under which keys another sink may have the same bytes. A segment that took the place of one with a problem is an object of its own on the sink that had stored that one, and a plain one on the
 * others; and timelines are counted by each sink for itself.
 */
async function* keysAt(source: Source, key: ObjectKey, isOther: boolean): AsyncGenerator<ObjectKey> {
  yield key;
  const parts = /^contexts\/([^/@]+)(?:@\d+)?\/(.+?)(?:@\d+)?$/.exec(key);
  if (!isOther || !parts) return;
  const [, context = "", file = ""] = parts;
  for (let timeline = await source.timelines(context); timeline >= 0; timeline--)
    for (const object of [file, `${file}@2`]) {
      const other = objectKey(`contexts/${context}${timeline === 0 ? "" : `@${timeline}`}/${object}`);
      if (other !== key) yield other;
    }
}

function noneHas(key: ObjectKey, faults: readonly Fault[]): EngineError {
  const told = new Map<string, string>();
  for (const { source, what } of faults) if (!told.has(source.name)) told.set(source.name, what);
  return new EngineError(
    faults.some(({ kind }) => kind === "damage") ? "damage" : "failed",
    `${key} can't be had from any sink: ${[...told].map(([name, what]) => `on ${name} it ${what}`).join("; ")}`,
    "Nothing was restored. Restore another restore point. `axon-backup verify --read-data` shows what else is damaged; the next backup stores again what the server still has.",
    faults[0]?.error,
  );
}
