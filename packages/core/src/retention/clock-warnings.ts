import { type Decision, referenceOf, type RetainedPoint } from "./policy.js";

/** What the operator is told of restore points whose times look like a clock that was wrong. Pure. @param now by the clock that the ages were seen by */
export function clockWarnings(
  points: readonly RetainedPoint[],
  decisions: readonly Decision[],
  now: Date,
): string[] {
  const warnings: string[] = [];
  const future = decisions.filter(({ reasons }) => reasons.includes("future"));
  const isOne = future.length === 1;
  if (future.length > 0)
    warnings.push(
      `${isOne ? "1 restore point is" : `${future.length} restore points are`} of times that haven't come yet by the clocks of this machine and the storage, the newest ${future.at(-1)?.id ?? ""}: ${isOne ? "it stays" : "they stay"}. Either one of these clocks is wrong, or the one that ${isOne ? "it was" : "they were"} made by`,
    );
  const past = points.filter(({ started }) => started <= now);
  const { reference, passedOver } = referenceOf(past, now);
  if (passedOver !== undefined)
    warnings.push(
      `restore point ${passedOver} is the first one after a long time: a clock may have jumped, so that ages are seen from the one before, of ${reference.toISOString()}, until the next backup. If this machine's clock is wrong, set it before that`,
    );
  return warnings;
}
