import { NOTHING_SCHEDULED } from "../../../config/nothing-scheduled.js";
import { formatTime } from "../../../output/units.js";
import type { ServiceState, SinkHealth } from "../../model.js";
import type { Rates } from "../rates.js";
import { errorView } from "./error-view.js";
import { type Html, html } from "./html.js";
import { icon } from "./icon.js";
import { ago } from "./parts.js";
import { sinkCard, sinkId } from "./sink-card.js";

/** A part of the page that is replaced as a whole: the element with this id. */
export interface Fragment {
  readonly id: string;
  readonly html: string;
}

/** From the worst to the best. */
const SEVERITY: readonly SinkHealth[] = ["damaged", "failing", "behind", "starting", "current"];

/** What stands in the tab. */
export function pageTitle(state: ServiceState): string {
  return `${summary(state)} · axon-backup`;
}

/** The page's parts, from top to bottom. */
export function fragments(state: ServiceState, rates: Rates, now: Date): readonly Fragment[] {
  return parts(state, rates, now).map(([id, part]) => ({ id, html: part.text }));
}

function parts(state: ServiceState, rates: Rates, now: Date): readonly (readonly [string, Html])[] {
  return [
    ["summary", summaryView(state)],
    ["notices", notices(state)],
    ["server", serverView(state, now)],
    ...state.sinks.map((sink) => [sinkId(sink.name), sinkCard(sink, rates.get(sink.name), now)] as const),
  ];
}

/** The whole page, readable without styles and scripts. */
export function page(state: ServiceState, rates: Rates, now: Date): string {
  const { version, started } = state;
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${pageTitle(state)}</title>
        <link rel="icon" href="/icon.svg" type="image/svg+xml" />
        <link rel="stylesheet" href="/status.css" />
        <script type="module" src="/status.js"></script>
        <noscript><meta http-equiv="refresh" content="30" /></noscript>
      </head>
      <body data-version="${version}">
        <p id="connection" role="alert"></p>
        <main id="parts">${parts(state, rates, now).map(([, part]) => part)}</main>
        <footer>
          <p>axon-backup ${version} · started ${formatTime(started)}</p>
          <nav aria-label="For programs">
            <a href="/metrics">metrics</a> · <a href="/api/state">state</a> · <a href="/readyz">readiness</a>
          </nav>
        </footer>
      </body>
    </html> `.text;
}

/** The state of everything, in a sentence. */
function summary({ sinks }: ServiceState): string {
  if (sinks.length === 0) return "No sink is switched on";
  const parts = SEVERITY.flatMap((health) => {
    const count = sinks.filter((sink) => sink.health === health).length;
    return count > 0 ? [{ health, count }] : [];
  });
  const [first, ...others] = parts;
  if (first && others.length === 0) {
    if (sinks.length === 1) return `The sink is ${first.health}`;
    return `${sinks.length === 2 ? "Both" : `All ${sinks.length}`} sinks are ${first.health}`;
  }
  return parts.map(({ health, count }) => `${count} ${health}`).join(", ");
}

function summaryView(state: ServiceState): Html {
  const worst = SEVERITY.find((health) => state.sinks.some((sink) => sink.health === health)) ?? "failing";
  return html`<header class="summary ${worst}" id="summary" role="status">
    ${icon(worst)}
    <h1>${summary(state)}</h1>
  </header> `;
}

function notices({ rejectedConfiguration, isNothingScheduled, isStopping }: ServiceState): Html {
  const idle =
    isNothingScheduled &&
    html`<section class="notice" role="alert">
      <h2>Nothing is scheduled</h2>
      <p>${NOTHING_SCHEDULED.message}</p>
      <p class="remedy">→ ${NOTHING_SCHEDULED.remedy}</p>
    </section> `;
  const rejected =
    rejectedConfiguration &&
    html`<section class="notice" role="alert">
      <h2>The configuration on the disk is wrong</h2>
      <p>The one before it is still in use.</p>
      ${errorView(rejectedConfiguration)}
    </section> `;
  const stopping =
    isStopping && html`<section class="notice" role="alert"><h2>The service is stopping</h2></section> `;
  return html`<div id="notices">${stopping}${rejected}${idle}</div> `;
}

function serverView({ server, serverProblem }: ServiceState, now: Date): Html {
  if (server === undefined)
    return html`<section id="server" class="server">
      <p>
        ${serverProblem ? html`<strong class="bad">The Axon Server has never been reached.</strong>` : "The Axon Server hasn't been reached yet."}
      </p>
      ${serverProblem && html`<div class="notice">${errorView(serverProblem)}</div>`}
    </section> `;
  const { name, version, edition, seen, problem } = server;
  const answered = problem
    ? html`<strong class="bad">doesn't answer</strong>, did ${ago(seen, now)}`
    : html`answered ${ago(seen, now)}`;
  return html`<section id="server" class="server" aria-label="Server">
    <p><b>${name}</b> <span class="muted">Axon Server ${edition} ${version}</span> · ${answered}</p>
    ${problem && html`<div class="notice">${errorView(problem)}</div>`}
  </section> `;
}
