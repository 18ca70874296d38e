import type { Contest } from "../contest.js";
import type { Machine } from "../machine.js";
import { contestText, machineText, table } from "../report.js";
import type { StorageType } from "../options.js";
import type { Extension } from "./extend.js";
import type { Requests } from "./requests.js";

export interface StorageReport {
  readonly storage: StorageType;
  readonly server: string;
  readonly machine: Machine;
  readonly rounds: number;
  readonly contests: readonly Contest[];
  /** By the data set's title; empty where requests can't be counted. */
  readonly requests: Readonly<Record<string, readonly Requests[]>>;
  /** Undefined when it wasn't measured. */
  readonly extension: Extension | undefined;
  readonly notes: readonly string[];
}

/** The report as text, with tables in Markdown. */
export function storageReportText(report: StorageReport): string {
  const { storage, server, machine, rounds, contests, requests, extension, notes } = report;
  const lines = [
    ...machineText(machine, rounds),
    `${storage}: ${server}; a new one for each round`,
    ...notes,
    ...contests.flatMap(contestText),
    ...Object.entries(requests).flatMap(([title, counts]) => requestsText(title, counts)),
    ...(extension ? extensionText(extension) : []),
  ];
  return `${lines.join("\n")}\n`;
}

function requestsText(title: string, requests: readonly Requests[]): string[] {
  const total = (counts: Readonly<Record<string, number>>): string =>
    String(Object.values(counts).reduce((sum, count) => sum + count, 0));
  const kinds = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .sort(([, one], [, other]) => other - one)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(", ");
  return [
    "",
    `### Requests with ${title} (one run each, not timed)`,
    "",
    ...table([
      ["", "backup", "restore"],
      ...requests.map(({ tool, backup, restore }) => [tool, total(backup), total(restore)]),
    ]),
    "",
    ...requests.map(
      ({ tool, backup, restore }) => `- ${tool}: backup ${kinds(backup)}; restore ${kinds(restore)}`,
    ),
  ];
}

function extensionText({ bytes, whole }: Extension): string[] {
  const mebibytes = (count: number): string => (count / 1024 ** 2).toFixed(3);
  return [
    "",
    "### 1 MiB behind 200 MiB",
    "",
    `The sink's \`extend\` sends ${mebibytes(bytes)} MiB; \`put\`, as a scheduled backup does it, ${mebibytes(whole)} MiB.`,
  ];
}
