import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { testSink } from "./support-restore-sink.js";

/** The ids of the restore points that `growing` makes. */
export const POINTS = [pointId(0), pointId(1), pointId(2)];

/** Three restore points of a growing store. */
export async function growing(generation = "4.6"): Promise<ReturnType<typeof testSink>> {
  const sink = testSink();
  const whole = await fixture(generation);
  const states = [stateAt(whole, 60, 12), stateAt(whole, 140, 36), whole];
  for (const [number, state] of states.entries()) await storeRestorePoint(sink, pointId(number), state);
  return sink;
}
