import type { ServiceState, SinkState } from "../model.js";
import { CONFIGURATION_KEY, damageKey } from "./conditions.js";
import type { Draft } from "./draft.js";

/** Damage that only the state counts is told after so long: mostly the event with the objects' names comes at once. Milliseconds. */
const NAMES_COME_WITHIN = 10_000;

/** Takes what only the state tells: what was there before the first event, what is mended, and which sinks are gone. */
export function sawState(draft: Draft, state: ServiceState): void {
  if (!draft.begun) begin(draft, state);
  draft.begun = true;
  const sinks = new Map(state.sinks.map((sink) => [sink.name, sink]));
  for (const [key, { trouble }] of draft.conditions)
    // Nobody is to wait for a recovery of what isn't backed up any more.
    if ("sink" in trouble && !sinks.has(trouble.sink)) draft.close(key);
  // It may be right again without being another one than before.
  if (state.rejectedConfiguration) draft.change(CONFIGURATION_KEY, { counted: true });
  else if (draft.conditions.get(CONFIGURATION_KEY)?.counted === true)
    draft.close(CONFIGURATION_KEY, "recovered");
  for (const sink of state.sinks) countDamage(draft, sink, state.started);
}

function begin(draft: Draft, { sinks, rejectedConfiguration, started }: ServiceState): void {
  for (const { name: sink, failure } of sinks)
    if (failure) draft.open({ kind: "failed", sink, job: failure.job, failure }, failure.since);
  if (rejectedConfiguration)
    draft.open({ kind: "configuration-rejected", error: rejectedConfiguration }, started);
}

function countDamage(
  draft: Draft,
  { name: sink, damagedObjects: count, lastVerify }: SinkState,
  started: Date,
): void {
  const key = damageKey(sink);
  const known = draft.conditions.get(key);
  if (count === 0) {
    if (known?.counted === true) draft.close(key, "recovered");
    return;
  }
  if (known === undefined)
    draft.open(
      { kind: "damage", sink, objects: [], count },
      lastVerify?.finished ?? started,
      NAMES_COME_WITHIN,
    );
  draft.change(key, { counted: true });
}
