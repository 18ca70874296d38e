import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { EngineError, restore } from "@axon-backup/core";
import { fixture, pointId, type ServerState, stateAt, storeRestorePoint } from "./support-restore.js";
import { testSink } from "./support-restore-sink.js";

/** Restores to a disk of 200 KiB: more than there is, and what would just fit if it weren't for the unzipped control DB. */
const [directory = ""] = process.argv.slice(2);
const whole = await fixture("4.6");
const twice = {
  ...whole,
  contexts: ["a", "b"].flatMap((name) => whole.contexts.map((context) => ({ ...context, name }))),
};

async function attempt(state: ServerState): Promise<object> {
  const sink = testSink();
  await storeRestorePoint(sink, pointId(0), state);
  try {
    await restore({ sink, name: "memory", target: join(directory, "target") });
    return { kind: "restored" };
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return { kind: error.kind, remedy: error.remedy, left: await readdir(directory) };
  }
}

process.stdout.write(
  JSON.stringify({ before: await attempt(twice), meanwhile: await attempt(stateAt(whole, 60, 30)) }),
);
