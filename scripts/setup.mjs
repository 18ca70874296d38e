// Makes a checkout ready to run: installs from the lock file and builds, each only when something changed.
// Needs nothing but Node and git: it runs before `npm install` ever did.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stampFile = join(root, "node_modules", ".axon-setup");

/** Runs a command in the checkout; ends this process with its exit code when it fails. */
function run(command, args) {
  const result = spawnSync(command, args, { cwd: root, stdio: ["ignore", "inherit", "inherit"] });
  if (result.error) {
    console.error(`setup: cannot run ${command}: ${result.error.message}`);
    process.exit(1);
  }
  if (result.status !== 0) {
    console.error(
      `setup: ${command} ${args.join(" ")} failed with exit code ${result.status ?? result.signal}`,
    );
    process.exit(result.status ?? 1);
  }
}

function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  console.error(
    `setup: Node.js 20.19 or newer is needed; this is ${process.versions.node} (${process.execPath})`,
  );
  process.exit(1);
}

function installStamp() {
  const hash = createHash("sha256").update(process.versions.modules);
  for (const file of ["package-lock.json", "package.json"]) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

/** Sources and configuration that the build depends on, with their sizes and times: cheaper to compare than to ask the compiler. */
function buildStamp() {
  const hash = createHash("sha256").update(installStamp());
  const visit = (directory) => {
    for (const entry of readdirSync(directory, { withFileTypes: true }).sort((a, b) =>
      a.name < b.name ? -1 : 1,
    )) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (!["node_modules", "dist", "dist-test", "bundle", "fixtures", "sample"].includes(entry.name))
          visit(path);
      } else if (/(\.ts|tsconfig.*\.json|package\.json)$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(path);
        hash.update(`${relative(root, path)} ${size} ${mtimeMs}\n`);
      }
    }
  };
  for (const top of ["packages", "plugins", "test"]) visit(join(root, top));
  for (const file of ["tsconfig.json", "tsconfig.base.json"]) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}

function readStamp() {
  try {
    return JSON.parse(readFileSync(stampFile, "utf8"));
  } catch {
    return {};
  }
}

export function setup() {
  requireNode();
  const before = readStamp();
  const install = installStamp();
  if (before.install !== install || !existsSync(join(root, "node_modules", "typescript"))) {
    console.error(
      "setup: installing dependencies from package-lock.json (a minute or two, the first time) …",
    );
    rmSync(stampFile, { force: true });
    run("npm", ["ci", "--no-fund", "--no-audit", "--loglevel=error"]);
    writeFileSync(stampFile, JSON.stringify({ install }));
  }
  const build = buildStamp();
  const built = existsSync(join(root, "packages", "agent", "dist", "main.js"));
  // What is installed is in the bundles.
  if (before.build !== build || before.install !== install || !built) {
    console.error("setup: building …");
    run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "--build"]);
    run(process.execPath, [join(root, "scripts", "bundle.mjs")]);
    writeFileSync(stampFile, JSON.stringify({ install, build }));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  setup();
  console.error("setup: ready.");
}
