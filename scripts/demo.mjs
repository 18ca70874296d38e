// `npm run demo`: sets the checkout up if need be, then tells the whole story in a temporary folder.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const result = spawnSync(
  process.execPath,
  [join(root, "packages/agent/bin/axon-backup.js"), "demo", ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = result.status ?? 1;
