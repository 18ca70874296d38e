import { join } from "node:path";
import { EngineError, previewRestore, restore, type RestoreOptions } from "@axon-backup/core";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { testSink } from "./support-restore-sink.js";

/** Says what a dry run and a restore have against a directory that can't be written, and one inside of it. */
const [directory = ""] = process.argv.slice(2);
const sink = testSink();
await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 60, 15));
const results: object[] = [];
for (const target of [directory, join(directory, "target")]) {
  const options: RestoreOptions = { sink, name: "memory", target };
  const { problem } = (await previewRestore(options)).target;
  const error: unknown = await restore(options).catch((caught: unknown) => caught);
  results.push({
    preview: problem?.kind,
    remedy: problem?.remedy,
    restore: error instanceof EngineError ? error.kind : "restored",
  });
}
process.stdout.write(JSON.stringify(results));
