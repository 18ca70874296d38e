import { readdir } from "node:fs/promises";
import { parseStoreFileName, STORE_KINDS } from "@axon-backup/axon-server";
import { errorCode, onDisk } from "./disk.js";

/** So many names are told. */
const TOLD = 5;

/** Notes on what is in a context's directory and isn't a file of the store: no restore puts it there, and what a server makes of it isn't known. */
export async function notesOnForeign(path: string, context: string): Promise<string[]> {
  const entries = await onDisk(`reading ${path}`, async () => {
    try {
      return await readdir(path, { withFileTypes: true });
    } catch (error) {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    }
  });
  const foreign = entries
    .filter((entry) => !entry.isFile() || !STORE_KINDS.some((store) => parseStoreFileName(entry.name, store)))
    .map((entry) => `${entry.name}${entry.isSymbolicLink() ? " (a link)" : entry.isDirectory() ? "/" : ""}`)
    .sort();
  if (foreign.length === 0) return [];
  const more = foreign.length > TOLD ? ` and ${foreign.length - TOLD} more` : "";
  return [
    `${context}: holds something else than files of a store: ${foreign.slice(0, TOLD).join(", ")}${more}`,
  ];
}
