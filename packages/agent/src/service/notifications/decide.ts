import type { ServiceEvent, ServiceState } from "../model.js";
import { CONFIGURATION_KEY, failureKey, lateKey, type Memory } from "./conditions.js";
import { type Decision, Draft, type Policy } from "./draft.js";
import { sawState } from "./saw-state.js";

/** What happens: something in the service, a new state of it, or nothing but time. */
export type Input =
  | { readonly kind: "event"; readonly event: ServiceEvent }
  | { readonly kind: "state"; readonly state: ServiceState }
  | { readonly kind: "time" };

/**
 * What is told now. Trouble is told once, and again after `remind` as long as it lasts; a failure only when it has lasted for `after`. That it is over is told when the trouble was.
 * Damage is told again when there is more of it; a rejected configuration, when it is wrong in another way.
 * @param now milliseconds of a clock that never goes back; not before the last call's
 */
export function decide(policy: Policy, memory: Memory, input: Input, now: number): Decision {
  const draft = new Draft(policy, memory, now);
  if (input.kind === "event") take(draft, input.event);
  if (input.kind === "state") sawState(draft, input.state);
  return draft.settle();
}

function take(draft: Draft, event: ServiceEvent): void {
  switch (event.kind) {
    case "failed": {
      const { sink, failure } = event;
      draft.open({ kind: "failed", sink, job: failure.job, failure }, failure.since);
      return;
    }
    case "recovered":
      draft.close(failureKey(event.sink, event.job), "recovered");
      return;
    case "damage": {
      const { sink, objects } = event;
      draft.open({ kind: "damage", sink, objects, count: objects.length }, event.at);
      return;
    }
    case "late":
      draft.open({ kind: "late", sink: event.sink, what: event.what, reason: event.reason }, event.at);
      return;
    case "on-time":
      draft.close(lateKey(event.sink, event.what), "on-time");
      return;
    case "configuration-rejected":
      draft.open({ kind: "configuration-rejected", error: event.error }, event.at);
      return;
    case "configuration-taken":
      draft.close(CONFIGURATION_KEY, "recovered");
      return;
    case "diverged":
      draft.happened(event);
      return;
    case "restore-point":
    case "cycle":
    case "verified":
    case "pruned":
    case "stopping":
  }
}
