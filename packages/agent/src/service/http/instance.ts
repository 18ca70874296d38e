import { createHash } from "node:crypto";

/** Tells services of this machine apart without telling anything of them: in each answer's headers. */
export const INSTANCE_HEADER = "x-axon-backup-instance";

/** What the service of a configuration is known by. @param directory of the configuration, absolute */
export function instanceOf(directory: string): string {
  return createHash("sha256").update(directory, "utf8").digest("hex").slice(0, 16);
}
