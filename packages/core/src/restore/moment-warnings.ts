import type { FetchedContext } from "./fetch-context.js";
import type { Moment } from "./moment.js";

/** What the operator should know of where the restore ends. */
export function warnOfMoment(
  contexts: readonly Pick<FetchedContext, "name" | "later" | "snapshotsChecked">[],
  moment: Moment,
  warn: (message: string) => void,
): void {
  for (const { name, later, snapshotsChecked } of contexts) {
    if (later && moment.kind === "time")
      warn(
        `context ${name}: clocks were in disorder: ${later.events === 1 ? "1 event" : `${later.events} events`}, the first with token ${later.firstToken}, ${later.events === 1 ? "is" : "are"} later than the time asked for, by up to ${seconds(later.latest - moment.time)}, and stand before an event that isn't; to leave them out, restore with --context ${name} --token ${later.firstToken} --exclusive`,
      );
    if (!snapshotsChecked)
      warn(
        `context ${name}: whether every snapshot is of a state that the events have can't be told, because not all of them can be read; they were copied before the events, and are restored as they are`,
      );
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toLocaleString("en", { maximumFractionDigits: 3, useGrouping: false })} s`;
}
