import { headOf, type Manifest, type Timeline, type TimelineChange, timelineTrees } from "@axon-backup/core";
import { printable } from "../output/printable.js";
import { plural } from "../output/units.js";
import { headText } from "./manifest.js";

/** The timelines of each context that has more than the first one, as trees; "" if none has. */
export function timelinesText(manifests: readonly Manifest[]): string {
  return [...timelineTrees(manifests)]
    .filter(([, roots]) => roots.some((root) => root.timeline > 0 || root.branches.length > 0))
    .map(
      ([context, roots]) =>
        `timelines of ${printable(context)}\n${roots.map((root) => branchText(root, "", "")).join("")}`,
    )
    .join("\n");
}

/** A context as `default`, or `default@1` in a later timeline: as its folder is called. */
export function contextLabel({
  name,
  timeline,
}: {
  readonly name: string;
  readonly timeline: number;
}): string {
  return timeline === 0 ? name : `${name}@${timeline}`;
}

/** What a sink's backup did about a history that is another one. */
export function changeText({ context, timeline, from, reason, resumed }: TimelineChange): string {
  const left = from === null ? "" : `; timeline ${from.timeline} ends with ${from.restorePoint}`;
  return `${printable(context)} ${resumed ? "goes on in timeline" : "begins timeline"} ${timeline}${left}: ${printable(reason)}`;
}

function branchText(timeline: Timeline, lead: string, indent: string): string {
  const number = `${timeline.timeline}  `;
  const below = `${indent}${" ".repeat(number.length)}`;
  const { branch, branches } = timeline;
  const lines =
    branch === null
      ? [`${lead}${number}${restorePointsText(timeline)}`]
      : [
          `${lead}${number}left ${branch.timeline} after ${branch.restorePoint ?? "a restore point that couldn't be read"}: ${printable(branch.reason)}`,
          `${below}${restorePointsText(timeline)}`,
        ];
  const children = branches.map((child, i) =>
    i === branches.length - 1
      ? branchText(child, `${indent}└─ `, `${indent}   `)
      : branchText(child, `${indent}├─ `, `${indent}│  `),
  );
  return `${lines.join("\n")}\n${children.join("")}`;
}

function restorePointsText({ restorePoints, newest, isCurrent }: Timeline): string {
  const [first, last] = [restorePoints[0], restorePoints.at(-1)];
  if (first === undefined || last === undefined || newest === undefined) return "no restore points any more";
  const { lastToken, exact } = headOf(newest.events);
  const span = first === last ? first : `${first} to ${last}`;
  return `${plural(restorePoints.length, "restore point")}, ${span}, last event ${headText(lastToken, exact)}${isCurrent ? "; goes on" : ""}`;
}
