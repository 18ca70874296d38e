import type { ServiceState } from "../model.js";
import type { Notice } from "./conditions.js";

/** A notice of lateness with how far the sink is behind now, and what holds it up, if that is known; any other as it is. */
export function refreshed(notice: Notice, { sinks }: ServiceState): Notice {
  const { trouble, event } = notice;
  if (trouble.kind !== "late" || event !== "late") return notice;
  const sink = sinks.find(({ name }) => name === trouble.sink);
  const why = (sink?.failure ?? sink?.retrying)?.error;
  return {
    ...notice,
    trouble: {
      ...trouble,
      reason: sink?.late[trouble.what] ?? trouble.reason,
      ...(why && { why: [why.message, ...why.causes].join(": ") }),
    },
  };
}
