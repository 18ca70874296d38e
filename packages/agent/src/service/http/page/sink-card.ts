import { formatBytes, formatDuration, plural } from "../../../output/units.js";
import type { Retrying, SinkFailure, SinkPromise, SinkState, VerifyResult } from "../../model.js";
import type { Rate } from "../rates.js";
import { activityView, JOB_WORDS } from "./activity.js";
import { errorView } from "./error-view.js";
import { type Html, html } from "./html.js";
import { icon } from "./icon.js";
import { lagTable } from "./lag-table.js";
import { ago, ahead, coarse, field } from "./parts.js";
import { strip } from "./strip.js";

/** The element's id. */
export function sinkId(name: string): string {
  return `sink-${encodeURIComponent(name)}`;
}

/** Everything about a sink. */
export function sinkCard(sink: SinkState, rate: Rate | undefined, now: Date): Html {
  const id = sinkId(sink.name);
  const { health, name, type, failure } = sink;
  // The failure has more to say of itself.
  const shown = [failure, sink.retrying].flatMap((one) => (one ? [one.error.message] : []));
  const reasons = sink.reasons.filter((reason) => !shown.some((message) => reason.endsWith(message)));
  const why =
    reasons.length > 0 &&
    html`<ul class="reasons">
      ${reasons.map((reason) => html`<li>${reason}</li>`)}
    </ul> `;
  return html`<article class="card ${health}" id="${id}" aria-labelledby="${id}-name">
    <header>
      ${icon(health)}
      <h2 id="${id}-name">
        ${name} <span class="type">${type}</span> <strong class="word">${health}</strong>
      </h2>
    </header>
    ${why}${activityView(sink.activity, rate, now)}${sink.retrying && retryingView(sink.retrying, now)}${sink.failure && failureView(sink.failure, now)}${lagTable(sink.lags, now)}${restorePoints(sink, now)}
    <dl>${fields(sink, now)}</dl>
  </article> `;
}

function fields(sink: SinkState, now: Date): readonly (Html | undefined)[] {
  const { lastSuccess, lastVerify, damagedObjects } = sink;
  return [
    field("Committed", lastSuccess ? ago(lastSuccess, now) : "nothing yet"),
    field("Verified", verified(lastVerify, now)),
    field("Pruned", pruned(sink, now)),
    field(
      "Damaged",
      damagedObjects > 0 && html`<strong class="bad">${plural(damagedObjects, "object")}</strong>`,
    ),
    field("Lock", lease(sink.lease)),
    field("Promise", promise(sink.promise)),
  ];
}

function restorePoints({ restorePoints, nextRestorePoint }: SinkState, now: Date): Html {
  const newest = restorePoints.findLast(({ id }) => id !== undefined);
  const failed = restorePoints.filter(({ id }) => id === undefined).length;
  const facts = [
    newest ? html`newest ${ago(newest.started, now)}` : html`none yet`,
    ...(failed > 0
      ? [html`<span class="bad">${failed} of the last ${restorePoints.length} failed</span>`]
      : []),
    nextRestorePoint ? html`next ${ahead(nextRestorePoint, now)}` : html`none scheduled`,
  ];
  return html`<section class="restore-points">
    <h3>Restore points</h3>
    ${restorePoints.length > 0 && strip(restorePoints)}
    <p class="muted">${facts.map((fact, i) => (i === 0 ? fact : html` · ${fact}`))}</p>
  </section> `;
}

function failureView({ job, error, since, attempts, retry }: SinkFailure, now: Date): Html {
  const tries =
    attempts > 1
      ? html`tried ${plural(attempts, "time")} since ${ago(since, now)}`
      : html`${ago(since, now)}`;
  const next = retry && html` · again ${ahead(retry, now)}`;
  return html`<section class="failure">
    <h3>${capital(JOB_WORDS[job])} failed</h3>
    ${errorView(error)}
    <p class="muted">${tries}${next}</p>
  </section> `;
}

function retryingView({ since, attempts, error, retry }: Retrying, now: Date): Html {
  return html`<section class="failure retrying">
    <h3>A call fails, and is tried again</h3>
    ${errorView(error)}
    <p class="muted">
      failed ${plural(attempts, "time")} since ${ago(since, now)} · again ${ahead(retry, now)}
    </p>
  </section> `;
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}

function verified(result: VerifyResult | undefined, now: Date): Html {
  if (result === undefined) return html`not yet`;
  const { findings, bytes, finished } = result;
  const found =
    findings === 0 ? html`nothing wrong` : html`<strong class="bad">${plural(findings, "finding")}</strong>`;
  return html`${ago(finished, now)}, ${formatBytes(bytes)} read, ${found}`;
}

function pruned({ lastPrune }: SinkState, now: Date): Html | undefined {
  return (
    lastPrune &&
    html`${ago(lastPrune.finished, now)}, ${plural(lastPrune.restorePoints, "restore point")} and
    ${formatBytes(lastPrune.bytes)} removed`
  );
}

function lease(state: SinkState["lease"]): string {
  switch (state) {
    case "held":
      return "held by this service";
    case "free":
      return "free";
    case "elsewhere":
      return "held by somebody else";
  }
}

function promise({ lag, restorePoint }: SinkPromise): string {
  const parts = [
    ...(lag === undefined ? [] : [`events within ${exact(lag)}`]),
    ...(restorePoint === undefined ? [] : [`restore points no older than ${exact(restorePoint)}`]),
  ];
  return parts.length === 0 ? "none" : parts.join(", ");
}

function exact(milliseconds: number): string {
  return milliseconds < 60_000 ? coarse(milliseconds) : formatDuration(milliseconds);
}
