// `npm test`: sets the checkout up if need be, then runs every test. Arguments go to mocha (`npm test -- --grep plan`).
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { root, setup } from "./setup.mjs";

setup();
const args = process.argv.slice(2);
const coverage = args.includes("--coverage");
const mocha = [join(root, "node_modules/mocha/bin/mocha.js"), ...args.filter((arg) => arg !== "--coverage")];
const c8 = [join(root, "node_modules/c8/bin/c8.js"), "--reporter=text", "--reporter=html", process.execPath];
console.error("test: running the tests …");
const result = spawnSync(process.execPath, coverage ? [...c8, ...mocha] : mocha, {
  cwd: root,
  stdio: "inherit",
});
process.exitCode = result.status ?? 1;
