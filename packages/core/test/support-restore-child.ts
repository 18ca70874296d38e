import { restore } from "@axon-backup/core";
import { fixture, pointId, stateAt, storeRestorePoint } from "./support-restore.js";
import { testSink } from "./support-restore-sink.js";

/** Restores to the directory given, and says when it begins and when it is done. Somebody kills it meanwhile. */
const [target = ""] = process.argv.slice(2);
const sink = testSink();
await storeRestorePoint(sink, pointId(0), stateAt(await fixture("4.6"), 140, 36));
process.stdout.write("begin\n");
await restore({ sink, name: "memory", target });
process.stdout.write("done\n");
