import { machineText, table } from "../report.js";
import type { ContinuousReport, Latency } from "./model.js";

const MiB = 1024 ** 2;

/** The report as text, with tables in Markdown. */
export function continuousReportText(report: ContinuousReport): string {
  const { options, sinks, memory, idleCpu } = report;
  const mib = (bytes: number): string => (bytes / MiB).toFixed(1);
  const closed = report.closedBytes;
  const quantiles = ({ p50, p99, max, transactions }: Latency): string[] =>
    transactions === 0 ? ["", "", ""] : [p50.toFixed(2), p99.toFixed(2), max.toFixed(2)];
  const lines = [
    ...machineText(report.machine, 1),
    "",
    `### ${options.rate} transactions a second for ${options.seconds} s (load ${report.load.toFixed(1)} at the end)`,
    "",
    `${report.transactions} transactions, ${mib(report.writtenBytes)} MiB; segments of ${options.segmentMiB} MiB, of which the server closed ${mib(closed)} MiB with their index files.`,
    "",
    "Seconds from commit to restorable:",
    "",
    ...table([
      ["", "p50", "p99", "max", "heads"],
      ...sinks.map(({ type, latency, heads }) => [type, ...quantiles(latency), String(heads)]),
      ...sinks
        .filter(({ type }) => type === "s3")
        .flatMap(({ type, small, large }) => [
          [`${type}, in a segment's first 5 MiB`, ...quantiles(small), ""],
          [`${type}, behind them`, ...quantiles(large), ""],
        ]),
    ]),
    "",
    "Bytes sent over bytes written:",
    "",
    ...table([
      ["", "new events", "with heads", "with closed files"],
      ...sinks.map(({ type, cycleBytes, sentBytes }) => [
        type,
        ...[cycleBytes, sentBytes - closed, sentBytes].map((bytes) =>
          (bytes / report.writtenBytes).toFixed(2),
        ),
      ]),
    ]),
    "",
    ...sinks.map(
      ({ type, calls }) =>
        `- Calls of ${type}: ${Object.entries(calls)
          .map(([name, count]) => `${count} ${name}`)
          .join(", ")}`,
    ),
    `- Processor time under load: ${report.loadCpu.toFixed(3)} s a second`,
    ...idleCpu.map(
      ({ sinks: count, secondsPerHour }) =>
        `- Processor time when idle, ${count} ${count === 1 ? "sink" : "sinks"}: ${secondsPerHour.toFixed(1)} s an hour`,
    ),
    `- Resident memory: ${memory
      .filter(({ second }, index) => second % 60 < 10 || index === memory.length - 1)
      .map(({ second, bytes }) => `${(bytes / MiB).toFixed(0)} MiB at ${second} s`)
      .join(", ")}; at most ${(report.peakBytes / MiB).toFixed(0)} MiB`,
    "- Every sink was restored, and has the server's bytes.",
  ];
  return `${lines.join("\n")}\n`;
}
