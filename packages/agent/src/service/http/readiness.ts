import type { ServiceState, SinkHealth } from "../model.js";

/** Whether everything is as it was promised. */
export interface Readiness {
  readonly ready: boolean;
  /** The sinks that aren't current. */
  readonly sinks: readonly {
    readonly sink: string;
    readonly health: SinkHealth;
    readonly reasons: readonly string[];
  }[];
  /** What doesn't belong to one sink. */
  readonly reasons: readonly string[];
}

/** Ready is a service of which every sink is current: has everything that its promise asks for, no damage, and nothing that was tried last failed. */
export function readiness(state: ServiceState): Readiness {
  const sinks = state.sinks
    .filter(({ health }) => health !== "current")
    .map(({ name, health, reasons }) => ({ sink: name, health, reasons }));
  const reasons = [
    ...(state.isStopping ? ["the service is stopping"] : []),
    ...(state.server === undefined && state.serverProblem
      ? [
          `the server has never been reached: ${[state.serverProblem.message, ...state.serverProblem.causes].join(": ")}`,
        ]
      : []),
    ...(state.sinks.length === 0 ? ["no sink is switched on"] : []),
  ];
  return { ready: sinks.length === 0 && reasons.length === 0, sinks, reasons };
}

/** A line for each reason. */
export function readinessText({ ready, sinks, reasons }: Readiness): string {
  if (ready) return "ready\n";
  const lines = [
    ...reasons,
    ...sinks.map(({ sink, health, reasons: why }) => `sink ${sink}: ${[health, ...why].join("; ")}`),
  ];
  return `not ready\n${lines.join("\n")}\n`;
}
