import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseStoreFileName, type StoreKind } from "@axon-backup/axon-server";

const MEMORY = "/dev/shm";

/**
 * A directory for one test; call `remove` when it is done. In memory if the machine has that and it is asked for: syncing thousands of small files
 * to a disk takes a minute, and isn't what such a test is about.
 */
export function scratch(where: "disk" | "memory" = "disk"): {
  readonly path: string;
  remove(): void;
  removeBelow(path: string): void;
} {
  const root = where === "memory" && isWritable(MEMORY) ? MEMORY : tmpdir();
  const path = mkdtempSync(join(root, "axon-backup-restore-"));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
    removeBelow: (below) => {
      rmSync(below, { recursive: true, force: true });
    },
  };
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Every file below a directory, by its relative path. */
export async function tree(directory: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) files.set(path.slice(directory.length + 1), await readFile(path));
    else if (!entry.isDirectory()) throw new Error(`${path} is neither file nor directory`);
  }
  return files;
}

/** The files of one store in a restored directory. */
export async function restoredFiles(directory: string, store: StoreKind): Promise<Map<string, Buffer>> {
  const files = await tree(join(directory, "default"));
  return new Map([...files].filter(([name]) => parseStoreFileName(name, store)));
}
