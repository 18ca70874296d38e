import type { SinkService } from "./sink-service.js";

/** Whether the service would make no restore point by itself, and store no new events: on no sink. */
export function isNothingScheduled(sinks: readonly { readonly service: SinkService }[]): boolean {
  return (
    sinks.length > 0 &&
    sinks.every(({ service }) => service.schedule.kind === "never" && !service.continuous.enabled)
  );
}

/** What that means, and what can be done about it. */
export const NOTHING_SCHEDULED = {
  message:
    "nothing is scheduled: on every sink, schedule is {every: never} and continuous is off, so the service backs up nothing by itself",
  remedy:
    "Set schedule or continuous in agent.yaml or a sink's file. It is right where something else, a timer say, runs `axon-backup backup`, or sends the service SIGUSR1.",
};
