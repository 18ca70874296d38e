import type { Budget } from "@axon-backup/core";
import { parseBudget as parse } from "../config/budget.js";
import { parseDuration } from "../config/duration.js";
import { UsageError } from "../errors/usage-error.js";

/** How much to read: `10GiB`, or `5%` of what there is. */
export function parseBudget(text: string): Budget {
  try {
    return parse(text);
  } catch {
    throw new UsageError(
      `${JSON.stringify(text.slice(0, 80))} is not a budget`,
      "Write how much to read, 10GiB for instance (KiB, MiB, GiB, kB, MB or GB), or a part of what there is, 5% for instance.",
    );
  }
}

/** For how long to begin reading objects: milliseconds of `30m`. */
export function parseFor(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw new UsageError(
      `--for: ${JSON.stringify(text.slice(0, 80))} is not a duration`,
      "Write a number and ms, s, m, h or d, as 30m; 24d at most.",
    );
  }
}
