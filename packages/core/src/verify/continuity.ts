import type { Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { endOf } from "../repository/head.js";
import type { Report } from "./findings.js";
import type { Chain } from "./requirements.js";

/**
 * Checks that a restore point's segments follow each other without a gap, as far as the ends of segments are known, and that the last one ends where the
 * manifest says. The first one may begin anywhere: retention removes the oldest.
 * @param ends the token after the last event of closed segments that were read
 */
export function checkContinuity(chain: Chain, ends: ReadonlyMap<ObjectKey, Token>, report: Report): void {
  const { restorePoint, segments, nextToken, where } = chain;
  for (const [index, { key, open }] of segments.entries()) {
    const end = open === undefined ? ends.get(key) : endOf(open);
    const next = segments[index + 1];
    const expected = next?.first ?? nextToken;
    if (end === undefined || end === expected) continue;
    const follows = next
      ? `the next segment of ${where} begins with ${expected}`
      : `${where} should end before ${expected}`;
    report({
      key,
      finding: `ends before token ${end}, but ${follows}`,
      restorePoints: [restorePoint],
      mend: false,
    });
  }
}
