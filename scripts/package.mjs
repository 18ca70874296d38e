// `npm run package`: builds, and makes the two packages of the product in `dist`: an archive for `npm install --global`, and one for Debian.
// Options: `--to DIR`, and `--as-built` to take the bundle as it is. The same sources give the same bytes: their time is SOURCE_DATE_EPOCH, or that of the last commit.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { packageForDebian } from "./package-deb.mjs";
import { root } from "./package-files.mjs";
import { packageForNpm } from "./package-npm.mjs";
import { setup } from "./setup.mjs";

function sourceDate() {
  const given = process.env.SOURCE_DATE_EPOCH;
  const seconds =
    given ?? spawnSync("git", ["log", "-1", "--format=%ct"], { cwd: root, encoding: "utf8" }).stdout;
  if (!/^\d+\s*$/.test(seconds ?? ""))
    throw new Error("the time of the sources isn't known: set SOURCE_DATE_EPOCH, in seconds");
  return new Date(Number(seconds) * 1000);
}

const { values } = parseArgs({
  options: { to: { type: "string", default: join(root, "dist") }, "as-built": { type: "boolean" } },
});
if (!values["as-built"]) setup();
const to = resolve(values.to);
const work = mkdtempSync(join(tmpdir(), "axon-backup-package-"));
try {
  for (const folder of ["npm", "deb"]) mkdirSync(join(work, folder));
  console.log(packageForNpm(to, join(work, "npm")));
  console.log(packageForDebian(to, join(work, "deb"), sourceDate()));
} finally {
  rmSync(work, { recursive: true, force: true });
}
