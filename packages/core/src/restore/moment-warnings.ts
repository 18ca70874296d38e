import type { FetchedContext } from "./fetch-context.js";
import type { Moment } from "./moment.js";

/** What the operator should know of where the restore ends. */
export function warnOfMoment(
  contexts: readonly Omit<FetchedContext, "lastTimestamp">[],
  moment: Moment,
  warn: (message: string) => void,
): void {
  for (const { name, stores, later, snapshotsChecked, doubtfulSnapshots } of contexts) {
    if (later && moment.kind === "time")
      warn(
        `context ${name}: clocks were in disorder: ${later.events === 1 ? "1 event" : `${later.events} events`}, the first with token ${later.firstToken}, ${later.events === 1 ? "is" : "are"} later than the time asked for, by up to ${seconds(later.latest - moment.time)}, and stand before an event that isn't; to leave them out, restore with --context ${name} --token ${later.firstToken} --exclusive`,
      );
    if (stores.snapshots.cut && !stores.events.cut)
      warn(
        `context ${name}: snapshots from token ${stores.snapshots.cut.nextToken} on are left out: the first of them is of a later state than the events, which would break its aggregate${(stores.events.files[0]?.first ?? 0) > 0 ? ". The server's retention had removed older events: aggregates of which it had removed some are read from what is left of them, without those snapshots. Look whether another restore point, or a token before the last one, restores without this warning" : ""}`,
      );
    if (doubtfulSnapshots > 0)
      warn(
        `context ${name}: of ${doubtfulSnapshots === 1 ? "1 snapshot" : `${doubtfulSnapshots} snapshots`} it can't be told whether the events have that state: no event of the aggregate is there, or the snapshot can't be read. Retention or a transformation may have removed those events; the snapshots are restored as they are`,
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
