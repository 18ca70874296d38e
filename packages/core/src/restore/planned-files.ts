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
  let bytes = plan.bytes;
  if (!target.isReused) return bytes;
  for (const { context, file } of filesOf(plan))
    for (const path of target.present(context, file.name))
      if ((await lengthOf(path)) === file.length) {
        bytes -= file.bytes;
        break;
      }
  return bytes;
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
