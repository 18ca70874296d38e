// `npm run kill-test -- 500`: kills backups and restores at that many random moments. AXON_BACKUP_KILL_SEED repeats the moments of an earlier run.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

const [count = "500", ...others] = process.argv.slice(2);
if (!/^[1-9]\d{0,6}$/.test(count) || others.length > 0) {
  console.error("kill-test: say how many kills, as in `npm run kill-test -- 500`");
  process.exit(2);
}
setup();
const mocha = [
  join(root, "node_modules/mocha/bin/mocha.js"),
  "--no-config",
  "--timeout",
  "60000",
  "--reporter",
  join(root, "scripts/mocha-reporter.mjs"),
  join(root, "test/dist/e2e/kill.test.js"),
];
console.error(`kill-test: ${count} kills …`);
const result = spawnSync(process.execPath, mocha, {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, AXON_BACKUP_KILLS: count },
});
process.exitCode = result.status ?? 1;
