import { type OpenContext, objectKey, type Sink } from "@axon-backup/sink";
import { type LocalOptions, plugin } from "@axon-backup/sink-local";

export const key = objectKey("contexts/default/events/00000000000000000000.events");

/** A sink in `dir`. */
export function open(
  dir: string,
  options: Partial<LocalOptions> = {},
  purpose: OpenContext["purpose"] = "write",
): Promise<Sink> {
  return plugin.open({ path: dir, ...options }, { name: "test", purpose });
}

/** What the promise rejects with. */
export async function caught(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("should have failed");
}
