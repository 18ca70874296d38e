import { formatBytes, formatCount, formatDuration } from "../../../output/units.js";
import type { Activity, Job } from "../../model.js";
import { type Rate, timeLeft } from "../rates.js";
import { type Html, html } from "./html.js";
import { ago, coarse } from "./parts.js";

export const JOB_WORDS: Readonly<Record<Job, string>> = {
  "restore-point": "restore point",
  follow: "following",
  verify: "verification",
  prune: "prune",
};

const NOW: Readonly<Record<Job, string>> = {
  "restore-point": "Making a restore point",
  follow: "Following the server",
  verify: "Verifying",
  prune: "Removing old restore points",
};

/** What runs now, and how far it is. */
export function activityView(activity: Activity | undefined, rate: Rate | undefined, now: Date): Html {
  if (activity === undefined) return html`<p class="activity idle">Nothing runs at the moment.</p> `;
  const { job, since, step, progress } = activity;
  const about =
    job === "follow"
      ? undefined
      : html`<span class="muted"> · ${step && `${step}, `}begun ${ago(since, now)}</span>`;
  const line = html`<p class="activity ${job}">
    <span class="pulse" aria-hidden="true"></span>${NOW[job]}${about}
  </p> `;
  if (progress === undefined || job === "follow") return line;
  const { bytes, totalBytes, objects, totalObjects } = progress;
  const share = totalBytes > 0 ? Math.min(1, bytes / totalBytes) : 0;
  const percent = `${Math.floor(share * 100)}%`;
  const left = timeLeft(activity, rate);
  const words = [
    percent,
    `${formatBytes(bytes)} of ${formatBytes(totalBytes)}`,
    `${formatCount(objects)} of ${formatCount(totalObjects)} objects`,
    rate?.perSecond === undefined || rate.perSecond < 1 ? "" : `${formatBytes(rate.perSecond)}/s`,
    left === undefined ? "" : `${left < 60_000 ? coarse(left) : formatDuration(left)} left`,
  ].filter((word) => word !== "");
  return html`${line}<progress
      max="1000"
      value="${Math.round(share * 1000)}"
      aria-label="${NOW[job]}"
    ></progress>
    <p class="progress">${words.join(" · ")}</p> `;
}
