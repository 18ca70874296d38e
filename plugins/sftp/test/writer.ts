// Run by kill.test.ts, to be killed.
import type { SftpOptions } from "@axon-backup/sink-sftp";
import { type WriterMode, writeUntilKilled } from "@axon-backup/sink-testkit";
import { key, openWith } from "./support.js";

const [options = "", mode = ""] = process.argv.slice(2);
await writeUntilKilled(await openWith(JSON.parse(options) as SftpOptions), key, mode as WriterMode);
