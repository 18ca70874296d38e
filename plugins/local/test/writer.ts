// Run by kill.test.ts, to be killed.
import { type WriterMode, writeUntilKilled } from "@axon-backup/sink-testkit";
import { key, open } from "./support.js";

const [dir = "", mode = ""] = process.argv.slice(2);
await writeUntilKilled(await open(dir), key, mode as WriterMode);
