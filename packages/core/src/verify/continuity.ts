import type { Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { Report } from "./findings.js";

/** A segment, in one of its versions. */
export interface Link {
  readonly key: ObjectKey;
  /** The token of its first event. */
  readonly first: Token;
  /** The token after its last event, as it was recorded; undefined where that wasn't, or couldn't be told. */
  readonly end: Token | undefined;
}

/** The segments of one store in one restore point. */
export interface Chain {
  readonly restorePoint: RestorePointId;
  readonly where: string;
  readonly links: readonly Link[];
  /** The store's, by the manifest. */
  readonly nextToken: Token;
}

/** A segment whose end has to be read: where it should be. */
export interface OpenQuestion {
  readonly key: ObjectKey;
  readonly expected: Token;
  readonly follows: string;
  readonly restorePoint: RestorePointId;
}

/**
 * Checks that a restore point's segments follow each other without a gap, in whichever version, and that the last one ends where the manifest says. The first one may
 * begin anywhere: retention removes the oldest. (A transformation leaves tokens and counts as they are: docs/axon-server.md, section 4.)
 * @returns what can't be told without reading
 */
export function checkContinuity(chain: Chain, report: Report): OpenQuestion[] {
  const { restorePoint, where, nextToken } = chain;
  const links = chain.links.toSorted((a, b) => a.first - b.first);
  const open: OpenQuestion[] = [];
  let next: Token | undefined;
  for (let index = links.length - 1; index >= 0; index--) {
    const link = links[index];
    if (link === undefined) continue;
    const later = links[index + 1];
    if (later !== undefined && later.first !== link.first) next = later.first;
    const question = {
      key: link.key,
      expected: next ?? nextToken,
      follows:
        next === undefined
          ? `${where} should end before ${nextToken}`
          : `the next segment of ${where} begins with ${next}`,
      restorePoint,
    };
    if (link.end === undefined) open.push(question);
    else answer(question, link.end, report);
  }
  return open;
}

/** Reports a segment that doesn't end where it should. */
export function answer(
  { key, expected, follows, restorePoint }: OpenQuestion,
  end: Token,
  report: Report,
): void {
  if (end !== expected)
    report({
      key,
      finding: `ends before token ${end}, but ${follows}`,
      depth: "store",
      restorePoints: [restorePoint],
      mend: false,
    });
}
