import type { JsonSchema } from "@axon-backup/sink";
import type { SectionReader } from "./section-reader.js";

/** One way to tell somebody. */
export type NotificationConfiguration = Readonly<Record<string, unknown>>;

export const NOTIFICATIONS_SCHEMA: JsonSchema = {
  type: "array",
  maxItems: 0,
  items: { type: "object", description: "One of them." },
  description: "Whom `axon-backup run` tells, and how. Default: nobody.",
};

/** The list `notifications`; what is wrong is told to the reader. */
export function toNotifications(
  _reader: SectionReader,
  items: readonly NotificationConfiguration[],
): readonly NotificationConfiguration[] {
  return items;
}
