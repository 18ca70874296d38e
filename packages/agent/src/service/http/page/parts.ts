import { formatDuration, formatTime } from "../../../output/units.js";
import { type Content, type Html, html } from "./html.js";

/** `12 min ago`, with the time itself. Seconds are told for what is younger than a minute alone. */
export function ago(time: Date, now: Date): Html {
  const elapsed = now.getTime() - time.getTime();
  return timeElement(time, elapsed < 1000 ? "just now" : `${coarse(elapsed)} ago`);
}

/** `in 12 min`, or `due now`. */
export function ahead(time: Date, now: Date): Html {
  const left = time.getTime() - now.getTime();
  return timeElement(time, left <= 0 ? "due now" : `in ${coarse(left)}`);
}

function timeElement(time: Date, text: string): Html {
  if (Number.isNaN(time.getTime())) return html`at an unknown time`;
  return html`<time datetime="${time.toISOString()}" title="${formatTime(time)}">${text}</time>`;
}

/** A duration without what nobody reads: `45 s`, `12 min`, `2 h 5 min`, `3 d 4 h`. */
export function coarse(milliseconds: number): string {
  if (milliseconds < 60_000) return `${Math.max(0, Math.floor(milliseconds / 1000))} s`;
  if (milliseconds < 3_600_000) return `${Math.floor(milliseconds / 60_000)} min`;
  return formatDuration(Math.floor(milliseconds / 60_000) * 60_000);
}

/** A name and what there is to say. Nothing when there is nothing. */
export function field(name: string, content: Content): Html | undefined {
  return content === undefined || content === false
    ? undefined
    : html`<div class="field">
        <dt>${name}</dt>
        <dd>${content}</dd>
      </div> `;
}
