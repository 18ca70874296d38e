import { formatBytes, formatDuration, formatTime, plural } from "../../../output/units.js";
import type { RestorePointResult } from "../../model.js";
import { type Html, html } from "./html.js";

/** How many there is room for. */
const CELLS = 50;

/** The last restore points as a row of marks, the newest on the right: `▮` for one that was made, `✗` for one that failed. */
export function strip(results: readonly RestorePointResult[]): Html {
  const shown = results.slice(-CELLS);
  const failed = shown.filter(({ id }) => id === undefined).length;
  const label = `The last ${plural(shown.length, "restore point")}: ${shown.length - failed} made, ${failed} failed`;
  const marks = shown.map((result) => {
    const made = result.id !== undefined;
    const title = made ? madeTitle(result) : `failed ${formatTime(result.started)}`;
    return html`<span class="${made ? "made" : "missed"}" title="${title}">${made ? "▮" : "✗"}</span>`;
  });
  return html`<div class="strip" role="img" aria-label="${label}">${marks}</div>`;
}

function madeTitle({ id, started, finished, bytes, isOwn, isPromoted }: RestorePointResult): string {
  if (isPromoted)
    return `${id ?? ""}: what was stored before the next one, kept as a restore point of its own`;
  if (!isOwn) return `${id ?? ""}: found on the sink`;
  return `${id ?? ""}: ${formatBytes(bytes)} in ${formatDuration(finished.getTime() - started.getTime())}`;
}
