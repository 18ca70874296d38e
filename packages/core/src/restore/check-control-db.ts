import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { isSinkError } from "@axon-backup/sink";
import { CONTROL_DB_FILE, openControlDbZip } from "../control-db/zip.js";
import { EngineError } from "../errors.js";
import { errorCode, onDisk } from "./disk.js";
import type { CheckFinding } from "./judge-store.js";
import { readChunks } from "./local-file.js";
import type { RestorePlan } from "./plan.js";
import type { Sources } from "./sources.js";

/** What an H2 database begins with: a format that Axon Server has used in every version so far. */
const BEGINNING = "H:2,";

/**
 * Looks at a restored control DB: whether it is a database, and the restore point's. One that a server was started with isn't that any more.
 * @returns how many bytes it has; 0 when it isn't there
 */
export async function checkControlDb(
  directory: string,
  against: { readonly sources: Sources; readonly plan: RestorePlan } | undefined,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly findings: readonly CheckFinding[] }> {
  const found = await read(join(directory, CONTROL_DB_FILE), signal);
  const finding = (text: string): CheckFinding => ({ path: CONTROL_DB_FILE, finding: text });
  if (!found) return { bytes: 0, findings: [finding("is missing")] };
  const { bytes } = found;
  if (found.beginning !== BEGINNING) return { bytes, findings: [finding("is not a database")] };
  if (!against || (await hashOfZip(against, signal)) === found.sha256) return { bytes, findings: [] };
  return { bytes, findings: [finding("is not the restore point's, or a server was started with it")] };
}

async function read(
  path: string,
  signal: AbortSignal,
): Promise<{ readonly bytes: number; readonly beginning: string; readonly sha256: string } | undefined> {
  return onDisk(`reading ${path}`, async () => {
    const hash = createHash("sha256");
    let bytes = 0;
    let beginning = "";
    try {
      const file = await open(path, "r");
      try {
        await readChunks(file, Infinity, signal, (chunk) => {
          if (bytes === 0) beginning = chunk.toString("latin1", 0, BEGINNING.length);
          bytes += chunk.byteLength;
          hash.update(chunk);
        });
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
    return { bytes, beginning, sha256: hash.digest("hex") };
  });
}

/** Of the database in the restore point's zip, from the first sink that has it. @throws EngineError, SinkError of the last one */
async function hashOfZip(
  { sources, plan }: { readonly sources: Sources; readonly plan: RestorePlan },
  signal: AbortSignal,
): Promise<string> {
  const { key, size } = plan.controlDb;
  let failure: unknown;
  for (const source of sources.inOrder)
    try {
      const sink = await source.sink();
      const zip = await openControlDbZip(key, size, async function* (offset, length) {
        // The reader of the zip keeps chunks, which belong to the sink.
        for await (const chunk of sink.get(key, { signal, range: { offset, length } }))
          yield Buffer.from(chunk);
      });
      const hash = createHash("sha256");
      for await (const chunk of zip.content()) hash.update(chunk);
      return hash.digest("hex");
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof EngineError) && !isSinkError(error)) throw error;
      failure = error;
    }
  throw failure;
}
