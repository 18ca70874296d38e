// `npm run bench`: sets the checkout up if need be, then measures axon-backup beside rclone and cp. `npm run bench -- --help` tells more.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const result = spawnSync(
  process.execPath,
  [join(root, "test/dist/bench/main.js"), ...process.argv.slice(2)],
  { cwd: root, stdio: "inherit" },
);
process.exitCode = result.status ?? 1;
