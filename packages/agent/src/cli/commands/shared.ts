import type { Execute } from "../request.js";

/** Learns which command it is, and whether that needs the operator's configuration. */
export type Choose = (execute: Execute, needsConfiguration: boolean) => void;

/** Collects an option that may be given several times. */
export const collect = (value: string, previous: readonly string[] = []): readonly string[] => [
  ...previous,
  value,
];

/** The examples at the end of a command's help. */
export const examples = (...lines: readonly string[]): string =>
  `\nExamples:\n${lines.map((line) => `  ${line}`).join("\n")}`;

/** The option of commands that work on some sinks or all. */
export const SINKS = ["--sink <name>", "only this sink; may be given several times", collect] as const;

export interface SinkFlags {
  readonly sink?: readonly string[];
}
