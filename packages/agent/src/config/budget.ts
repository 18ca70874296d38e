import type { Budget } from "@axon-backup/core";
import { parseSize } from "./size.js";

/** How much to read: `10GiB`, or `5%` of what there is. */
export const BUDGET_PATTERN = "^[0-9]{1,3}(\\.[0-9]+)?%$|^[0-9]+(\\.[0-9]+)?(KiB|MiB|GiB|kB|MB|GB)$";

/** @throws RangeError if `text` isn't a budget */
export function parseBudget(text: string): Budget {
  const [, percent] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
  const share = Number(percent) / 100;
  if (share > 0 && share <= 1) return { share };
  try {
    return { bytes: parseSize(text, 1) };
  } catch {
    throw new RangeError(
      "not a budget: write how much to read, as 10GiB (KiB, MiB, GiB, kB, MB or GB), or a part of what there is, as 5%",
    );
  }
}
