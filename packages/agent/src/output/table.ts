import { printable } from "./printable.js";

/** A column: its heading, and on which side its cells stand. */
export interface Column {
  readonly heading: string;
  readonly align?: "left" | "right";
}

/** Rows as text, columns two spaces apart, with a line of headings. No trailing spaces; ends with a line break. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = [columns.map((column) => column.heading), ...rows].map((row) =>
    columns.map((_, i) => printable(row[i] ?? "")),
  );
  const widths = columns.map((_, i) => Math.max(...cells.map((row) => widthOf(row[i] ?? ""))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => {
        const space = " ".repeat((widths[i] ?? 0) - widthOf(cell));
        return columns[i]?.align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return cells.map((row) => `${line(row)}\n`).join("");
}

/** Names and values, one a line, values in one column. */
export function formatFields(fields: readonly (readonly [string, string])[]): string {
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)));
  return fields
    .map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd() + "\n")
    .join("");
}

/** Terminal cells, near enough: code points. */
function widthOf(text: string): number {
  return Array.from(text).length;
}
