import type { PingTarget } from "../../config/notifications-types.js";
import type { ServiceEvent, ServiceState } from "../model.js";

/** Whether a dead man's switch may hear that all is well. */
export function isAllWell(when: PingTarget["when"], { sinks, isStopping }: ServiceState): boolean {
  if (isStopping || sinks.length === 0) return false;
  if (when === "current") return sinks.every(({ health }) => health === "current");
  return sinks.every(
    ({ restorePoints, nextRestorePoint, health }) =>
      health !== "damaged" &&
      // One that is never due needn't be there.
      (restorePoints.at(-1)?.id !== undefined ||
        (restorePoints.length === 0 && nextRestorePoint === undefined)),
  );
}

/** Whether this is what a ping with `when: restore-point` waits for. */
export function isNewRestorePoint(event: ServiceEvent): boolean {
  return event.kind === "restore-point" && event.result.isOwn && event.result.id !== undefined;
}

/**
 * When to fetch next.
 * @param last the last success, of the clock's milliseconds; undefined: none yet
 */
export function nextPing(last: number | undefined, every: number, now: number): number {
  return last === undefined ? now : Math.max(now, last + every);
}
