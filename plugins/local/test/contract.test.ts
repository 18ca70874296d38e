import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeSink, temporaryFiles } from "@axon-backup/sink-testkit";
import { open } from "./support.js";

let dir = "";

describeSink("local", {
  open: async () => {
    dir = await mkdtemp(join(tmpdir(), "axon-backup-local-"));
    return open(dir);
  },
  reopen: () => open(dir),
  teardown: async () => {
    const left = await temporaryFiles(dir);
    await rm(dir, { recursive: true });
    if (left.length > 0) throw new Error(`temporary files were left: ${left.join(", ")}`);
  },
  // More than names are read, and files looked at, at once.
  pageObjects: 600,
  skip: { "conditional.ifUnchanged": "a file system has no step that compares and replaces" },
});
