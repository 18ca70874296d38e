import { setTimeout as delay } from "node:timers/promises";
import type { MisbehaviourHandle } from "@axon-backup/axon-server-standin";
import type { Ended, Running } from "./scene.js";

/** Resolves when `count` requests have met a rule; rejects with what the command said when it ends before. */
export async function reachedBy(running: Running, handle: MisbehaviourHandle, count = 1): Promise<void> {
  await Promise.race([handle.reached(count), running.ended.then(endedTooSoon)]);
}

/** Resolves when `condition` holds while the command runs; rejects with what the command said when it ends before. */
export async function holdsWhile(running: Running, condition: () => boolean): Promise<void> {
  let ended: Ended | undefined;
  void running.ended.then((result) => {
    ended = result;
  });
  while (!condition()) {
    if (ended) endedTooSoon(ended);
    await delay(1);
  }
}

function endedTooSoon({ code, signal, stdout, stderr }: Ended): never {
  throw new Error(
    `the command ended (${code ?? signal ?? "?"}) before it could be interrupted\n${stdout}\n${stderr}`,
  );
}
