import { formatBytes, formatCount } from "../../../output/units.js";
import type { ContextLag } from "../../model.js";
import { type Html, html } from "./html.js";
import { coarse } from "./parts.js";

/** More contexts than these are counted: those that are the furthest behind are shown. */
const ROWS = 12;

/** How far the sink is behind with each context. */
export function lagTable(lags: readonly ContextLag[], now: Date): Html | undefined {
  if (lags.length === 0) return undefined;
  const byLag = [...lags].sort((a, b) => waiting(b, now) - waiting(a, now) || b.bytes - a.bytes);
  const rows = lags.length <= ROWS ? lags : byLag.slice(0, ROWS);
  const rest = byLag.slice(rows.length);
  const more =
    rest.length > 0 &&
    html`<p class="muted more">
      and ${formatCount(rest.length)} more contexts,
      ${rest.every(isLevel) ? "all in step" : "less far behind"}
    </p> `;
  return html`<table>
      <thead>
        <tr>
          <th scope="col">Context</th>
          <th scope="col">Waiting</th>
          <th scope="col">Tokens</th>
          <th scope="col">Bytes</th>
          <th scope="col">Stored up to</th>
        </tr>
      </thead>
      <tbody>
        ${rows.map((lag) => row(lag, now))}
      </tbody>
    </table>
    ${more}`;
}

function row(lag: ContextLag, now: Date): Html {
  const { context, tokens, bytes, since, storedToken } = lag;
  const stored = storedToken === null ? "nothing" : formatCount(storedToken);
  const cells = isLevel(lag)
    ? html`<td class="level">in step</td>
        <td class="level">0</td>
        <td class="level">0 B</td>`
    : html`<td>${since ? coarse(waiting(lag, now)) : "–"}</td>
        <td>${formatCount(tokens)}</td>
        <td>${formatBytes(bytes)}</td>`;
  return html`<tr>
    <th scope="row">${context}</th>
    ${cells}
    <td>${stored}</td>
  </tr> `;
}

function isLevel({ tokens, bytes, since }: ContextLag): boolean {
  return tokens === 0 && bytes === 0 && since === undefined;
}

function waiting({ since }: ContextLag, now: Date): number {
  return since ? now.getTime() - since.getTime() : 0;
}
