import type { Can } from "./capabilities.js";
import { clockRows } from "./clocks.js";
import { failedRow } from "./failed-row.js";
import type { SinkCheck, Untidy } from "./sink.js";
import { type CheckRow, failed, ok, warning } from "./types.js";

/**
 * What the check of a sink found, as rows.
 * @param holds what the sink holds, as "3 restore points"
 * @param isContinuous whether new events are stored on it between restore points
 */
export function sinkRows(
  name: string,
  holds: string,
  found: SinkCheck,
  isContinuous: boolean,
): readonly CheckRow[] {
  return [
    ...verdict(name, holds, found),
    ...(found.keepsVersions && isContinuous ? [versionsRow(name)] : []),
    ...clockRows(name, "the storage's clock", found.clock),
    ...found.untidy.map((untidy) => untidyRow(name, untidy)),
  ];
}

function verdict(name: string, holds: string, { capabilities, reservation }: SinkCheck): readonly CheckRow[] {
  const wrong = (can: Can, text: string): CheckRow[] => {
    const found = capabilities.filter((capability) => capability.can === can);
    const [first] = found;
    if (first === undefined) return [];
    const names = found.map(({ capability }) => capability).join(", ");
    return [failed("sink", name, `${holds}; ${text}: ${names}`, first.remedy)];
  };
  const rows = [
    ...wrong("broken", "the storage doesn't keep its promises"),
    ...wrong("untried", "not everything could be tried"),
  ];
  if (rows.length > 0) return rows;
  if (reservation !== null)
    return [warning("sink", name, `${holds}; ${reservation.message}`, reservation.remedy)];
  return [ok("sink", name, `${holds}; the storage keeps its promises`)];
}

function versionsRow(name: string): CheckRow {
  return warning(
    "versions",
    name,
    "the storage keeps what is replaced as versions (versioning, or object lock), and continuous mode replaces objects each time that something is new: every version is paid for",
    "Set continuous: {enabled: false} in the sink's file, and have another sink for the seconds between restore points; or see to it that a lifecycle rule removes noncurrent versions soon.",
  );
}

function untidyRow(name: string, { prefix, error }: Untidy): CheckRow {
  const { detail, remedy } = failedRow("sink", name, error);
  return warning(
    "sink",
    name,
    `what checks have stored below ${prefix} couldn't be removed, and stays: ${detail}`,
    `${remedy === null ? "" : `${remedy} `}The next check tries again. No backup reads these objects.`,
  );
}
