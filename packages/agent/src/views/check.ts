import type { Can } from "../checks/capabilities.js";
import type { CheckedSink, CheckRow } from "../checks/types.js";
import { printable } from "../output/printable.js";
import { formatTable } from "../output/table.js";
import { plural } from "../output/units.js";

export function checkJson(rows: readonly CheckRow[], sinks: readonly CheckedSink[]): object {
  return { ok: rows.every((row) => row.outcome !== "failed"), checks: rows, sinks };
}

const MARKS: Readonly<Record<CheckRow["outcome"], string>> = {
  ok: "ok",
  warning: "warning",
  failed: "FAILED",
};

/** A line for each precondition, its remedy below it, a table for each storage, and the verdict. */
export function checkText(rows: readonly CheckRow[], sinks: readonly CheckedSink[]): string {
  const titles = rows.map((row) => printable(`${row.check} ${row.subject}`.trim()));
  const width = Math.max(...titles.map((title) => title.length));
  const lines = rows.flatMap((row, i) => [
    `${MARKS[row.outcome].padEnd(7)}  ${(titles[i] ?? "").padEnd(width)}  ${printable(row.detail)}`,
    ...(row.remedy === null ? [] : [`${" ".repeat(9)}→ ${printable(row.remedy)}`]),
  ]);
  return [`${lines.join("\n")}\n`, ...sinks.map(sinkText), `${verdict(rows)}\n`].join("\n");
}

function sinkText({ sink, capabilities }: CheckedSink): string {
  return formatTable(
    [{ heading: `storage of ${sink}` }, { heading: "can" }, { heading: "what follows" }],
    capabilities.map(({ capability, can, detail }) => [capability, CAN[can], detail]),
  );
}

const CAN: Readonly<Record<Can, string>> = { yes: "yes", no: "no", broken: "BROKEN", untried: "?" };

function verdict(rows: readonly CheckRow[]): string {
  const count = (outcome: CheckRow["outcome"]) => rows.filter((row) => row.outcome === outcome).length;
  const warnings = count("warning");
  const more = warnings === 0 ? "" : `, ${plural(warnings, "warning")}`;
  const failures = count("failed");
  return failures === 0 ? `ready to back up${more}` : `${plural(failures, "failure")}${more}`;
}
