import type { EngineEvent } from "@axon-backup/core";
import type { Activity, Job } from "./model.js";

/** What begins now. */
export function beginning(job: Job, since: Date): Activity {
  return { job, since, step: undefined, progress: undefined };
}

/** What runs, after an event of the engine. */
export function activityAfter(activity: Activity, event: EngineEvent): Activity {
  const { progress } = activity;
  switch (event.kind) {
    case "step":
      return { ...activity, step: event.step, progress: undefined };
    case "work":
      return {
        ...activity,
        progress: {
          bytes: progress?.bytes ?? 0,
          totalBytes: event.bytes,
          objects: progress?.objects ?? 0,
          totalObjects: event.objects,
        },
      };
    case "bytes":
      return progress
        ? { ...activity, progress: { ...progress, bytes: Math.max(0, progress.bytes + event.bytes) } }
        : activity;
    case "object":
      return progress ? { ...activity, progress: { ...progress, objects: progress.objects + 1 } } : activity;
    case "warning":
    case "promoted":
    case "committed":
      return activity;
  }
}
