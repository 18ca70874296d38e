import { expect } from "chai";
import { leftoversAt, restorePointsAt } from "./repository.js";
import type { Ended, Scene } from "./scene.js";

/** The command's log tells what the operator can do, and nothing that only a programmer reads. */
export function expectRemedy({ stdout, stderr }: Ended): void {
  expect(stderr, stdout).to.match(/"remedy":"[^"]{20,}"/);
  expect(stderr).to.not.match(/\n\s+at |This was not foreseen/);
}

/** The sink has these restore points, and nothing of a run that was cut off but checkpoints, which the next run uses. */
export function expectNothingCommitted(scene: Scene, before: readonly string[] = []): void {
  expect(restorePointsAt(scene.sinkPath())).to.deep.equal(before);
  expect(leftoversAt(scene.sinkPath()).filter((path) => !path.startsWith("checkpoints/"))).to.deep.equal([]);
}
