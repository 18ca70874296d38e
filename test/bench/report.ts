import type { Contest, Sample } from "./contest.js";
import type { Machine } from "./machine.js";
import type { Operations } from "./operations.js";
import { median, ratios } from "./statistics.js";

const MiB = 1024 * 1024;

export interface BenchReport {
  readonly machine: Machine;
  readonly rounds: number;
  readonly contests: readonly Contest[];
  readonly operations: Operations | undefined;
}

export function describeContent({
  bytes,
  files,
}: {
  readonly bytes: number;
  readonly files: number;
}): string {
  return `${(bytes / MiB).toFixed(1)} MiB in ${files} files`;
}

/** The report as text, with tables in Markdown. */
export function reportText({ machine, rounds, contests, operations }: BenchReport): string {
  const lines = [
    ...machineText(machine, rounds),
    ...contests.flatMap(contestText),
    ...(operations ? operationsText(operations) : []),
  ];
  return `${lines.join("\n")}\n`;
}

/** What was measured on: the first lines of a report. */
export function machineText(machine: Machine, rounds: number): string[] {
  const { cores, processor, memoryBytes, kernel, node, rclone, restic, fileSystem, load } = machine;
  return [
    `${cores} cores (${processor}), ${(memoryBytes / 1024 ** 3).toFixed(0)} GiB of memory, Linux ${kernel}, ${fileSystem}, Node ${node}, ${rclone ?? "no rclone"}, ${restic ?? "no restic"}`,
    `${rounds} rounds, in turn; load at the start: ${load.toFixed(1)}`,
  ];
}

export function contestText({ title, note, series, apart = false }: Contest): string[] {
  const [own] = series;
  const durable = series.some(({ samples }) =>
    samples.some(({ durableSeconds }) => durableSeconds !== undefined),
  );
  const seconds = (samples: readonly Sample[]): number[] => samples.map((sample) => sample.seconds);
  const untilDurable = (samples: readonly Sample[]): number[] =>
    samples.map((sample) => sample.durableSeconds ?? sample.seconds);
  const rows = series.map(({ name, samples }) => [
    name,
    median(seconds(samples)).toFixed(2),
    ...(apart ? [] : [ratioText(seconds(samples), seconds(own?.samples ?? []))]),
    ...(durable
      ? [
          median(untilDurable(samples)).toFixed(2),
          ratioText(untilDurable(samples), untilDurable(own?.samples ?? [])),
        ]
      : []),
    median(samples.map(({ cpuSeconds }) => cpuSeconds)).toFixed(2),
    (median(samples.map(({ peakBytes }) => peakBytes)) / MiB).toFixed(0),
  ]);
  const head = [
    "",
    "seconds",
    "ratio",
    ...(durable ? ["with sync", "ratio"] : []),
    "CPU seconds",
    "peak MiB",
  ];
  return ["", `### ${title}`, "", note, "", ...table([head, ...rows])];
}

/** The median of the rounds' ratios, and their range: above 1, axon-backup is faster. */
function ratioText(theirs: readonly number[], ours: readonly number[]): string {
  const all = ratios(theirs, ours);
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const range = all.length > 1 && high > low ? ` (${low.toFixed(2)}–${high.toFixed(2)})` : "";
  return `${median(all).toFixed(2)}${range}`;
}

function operationsText({ sink, listed, requests, systemCalls }: Operations): string[] {
  const counts = (record: Readonly<Record<string, number>>, least: number): string =>
    Object.entries(record)
      .filter(([, count]) => count >= least)
      .sort(([, one], [, other]) => other - one)
      .map(([name, count]) => `${count} ${name}`)
      .join(", ");
  return [
    "",
    "### Operations of a backup with nothing new in a repository of 10,000 segments",
    "",
    `- Calls of the sink: ${counts(sink, 1)}; the lists give ${listed} objects`,
    `- Requests to the server: ${requests}`,
    systemCalls
      ? `- System calls of the process, Node's start included (100 or more): ${counts(systemCalls, 100)}`
      : "- System calls: not counted, strace isn't installed (apt-get install strace)",
  ];
}

/** A table in Markdown; the first row is its head. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(" | ")} |`;
  const [head = [], ...body] = rows;
  const rule = `| ${widths.map((width, column) => (column === 0 ? "-".repeat(width) : `${"-".repeat(Math.max(1, width - 1))}:`)).join(" | ")} |`;
  return [line(head), rule, ...body.map(line)];
}
