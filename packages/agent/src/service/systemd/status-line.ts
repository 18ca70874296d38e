import { formatCount, plural } from "../../output/units.js";
import type { ServiceState } from "../model.js";

/** The service in one line, as `systemctl status` shows it: `3 sinks current, 12,345,678 events`. */
export function statusLine({
  server,
  serverProblem,
  sinks,
  rejectedConfiguration,
  isStopping,
}: ServiceState): string {
  if (isStopping) return "ending";
  const others = sinks.filter(({ health }) => health !== "current");
  const current =
    others.length === 0
      ? `${plural(sinks.length, "sink")} current`
      : `${sinks.length - others.length} of ${plural(sinks.length, "sink")} current`;
  const problems = others.map(({ name, health, reasons }) => {
    const [reason] = reasons;
    return `${name} ${health}${health === "starting" || reason === undefined ? "" : ` (${shortened(reason)})`}`;
  });
  const events = eventsOf(sinks);
  return [
    current,
    ...problems,
    ...(events === undefined ? [] : [`${formatCount(events)} events`]),
    ...(serverProblem
      ? [
          `the server ${server ? "doesn't answer" : "has never been reached"}: ${shortened(serverProblem.message)}`,
        ]
      : []),
    ...(rejectedConfiguration ? ["the configuration on the disk is wrong"] : []),
  ].join(", ");
}

/** Events on the server, in all contexts together; undefined when that isn't known. */
function eventsOf(sinks: ServiceState["sinks"]): number | undefined {
  const tokens = new Map<string, number>();
  for (const { context, serverToken } of sinks.flatMap(({ lags }) => lags))
    tokens.set(context, Math.max(tokens.get(context) ?? 0, (serverToken ?? -1) + 1));
  return tokens.size === 0 ? undefined : [...tokens.values()].reduce((sum, count) => sum + count, 0);
}

function shortened(reason: string): string {
  return reason.length <= 120 ? reason : `${reason.slice(0, 119)}…`;
}
