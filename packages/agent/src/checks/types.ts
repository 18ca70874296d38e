import type { Capability } from "./capabilities.js";

/** What the storage of one sink can. */
export interface CheckedSink {
  readonly sink: string;
  readonly capabilities: readonly Capability[];
}

/** One precondition. */
export interface CheckRow {
  /** What was checked: `server`, `files`, `sink`, … */
  readonly check: string;
  /** Which one: a context, a sink; "" if there is only one. */
  readonly subject: string;
  readonly outcome: "ok" | "warning" | "failed";
  /** What was found. */
  readonly detail: string;
  /** What to do about it; null when nothing is. */
  readonly remedy: string | null;
}

export function ok(check: string, subject: string, detail: string): CheckRow {
  return { check, subject, outcome: "ok", detail, remedy: null };
}

export function warning(check: string, subject: string, detail: string, remedy: string): CheckRow {
  return { check, subject, outcome: "warning", detail, remedy };
}

export function failed(check: string, subject: string, detail: string, remedy: string | null): CheckRow {
  return { check, subject, outcome: "failed", detail, remedy };
}
