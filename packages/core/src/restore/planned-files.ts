import { lstat } from "node:fs/promises";
import { STORE_KINDS } from "@axon-backup/axon-server";
import { errorCode, onDisk } from "./disk.js";
import type { PlannedFile, RestorePlan } from "./plan.js";
import type { Target } from "./target.js";

export interface PlacedFile {
  readonly context: string;
  /** Relative to the target. */
  readonly path: string;
  readonly file: PlannedFile;
}

/** Every file of a plan, with its place; the control DB aside. */
export function filesOf({ contexts }: RestorePlan): readonly PlacedFile[] {
  return contexts.flatMap(({ name, stores }) =>
    STORE_KINDS.flatMap((store) =>
      stores[store].files.map((file) => ({ context: name, path: `${name}/${file.name}`, file })),
    ),
  );
}

/** How many bytes come to the disk, if each file that is there with the right length is right. */
export async function bytesToFetch(target: Target, plan: RestorePlan): Promise<number> {
  if (!target.isReused) return plan.bytes;
  const present = await withRightLength(plan, (context, file) => target.present(context, file));
  return present.reduce((bytes, file) => bytes - file.bytes, plan.bytes);
}

/**
 * The files of a plan that are there with the right length, and may be right.
 * @param places where a context's file may be
 */
export async function withRightLength(
  plan: RestorePlan,
  places: (context: string, file: string) => readonly string[],
): Promise<readonly PlannedFile[]> {
  const present: PlannedFile[] = [];
  for (const { context, file } of filesOf(plan)) {
    // One that is to be cut is fetched anew.
    if (file.cutBefore !== undefined) continue;
    for (const path of places(context, file.name))
      if ((await lengthOf(path)) === file.length) {
        present.push(file);
        break;
      }
  }
  return present;
}

async function lengthOf(path: string): Promise<number | undefined> {
  return onDisk(`looking at ${path}`, async () => {
    try {
      return (await lstat(path)).size;
    } catch (error) {
      if (errorCode(error) === "ENOENT" || errorCode(error) === "ENOTDIR") return undefined;
      throw error;
    }
  });
}
