// A Debian package, by dpkg-deb alone: the program, its systemd units and its user, the manual page, completions.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
} from "node:fs";
import { join, relative } from "node:path";
import { constants, gzipSync } from "node:zlib";
import { copyProgram, description, packaging, root, write } from "./package-files.mjs";

const MAINTAINER = "axon-backup maintainers <maintainers@axon-backup.example>";
const SCRIPTS = ["postinst", "prerm", "postrm"];
/** What of the documentation is for operators. */
const PAGES = [
  "getting-started.md",
  "installing.md",
  "configuration.md",
  "operating.md",
  "troubleshooting.md",
  "security.md",
  "exit-codes.md",
  "json-output.md",
  "notifications.md",
  "repository-format.md",
  "restoring.md",
  "monitoring/README.md",
  "monitoring/alerts.yml",
  "monitoring/alerts.test.yml",
  "monitoring/dashboard.json",
];

/**
 * @param {string} to the folder of the package
 * @param {string} work an empty folder
 * @param {Date} time of the package, and of all that is in it
 * @returns {string} the package's path
 */
export function packageForDebian(to, work, time) {
  const { version } = description();
  const program = join(work, "usr/lib/axon-backup");
  copyProgram(program);
  cpSync(join(root, "packages/agent/package.json"), join(program, "package.json"));
  useSystemNode(join(program, "bin/axon-backup.js"));
  mkdirSync(join(work, "usr/bin"), { recursive: true });
  symlinkSync("../lib/axon-backup/bin/axon-backup.js", join(work, "usr/bin/axon-backup"));
  addConfigurationFolders(work);
  addUnits(work);
  addCompletions(work);
  addDocumentation(work, version, time);
  setModes(work, time);
  addControl(work, version, time);
  const file = join(to, `axon-backup_${version}_all.deb`);
  mkdirSync(to, { recursive: true });
  run("dpkg-deb", ["--root-owner-group", "-Zxz", "--build", work, file], {
    SOURCE_DATE_EPOCH: String(time.getTime() / 1000),
  });
  return file;
}

/** The package's dependency is /usr/bin/node, not what a user has in front of it. */
function useSystemNode(file) {
  write(file, readFileSync(file, "utf8").replace(/^#!.*/, "#!/usr/bin/node"));
}

function addConfigurationFolders(work) {
  mkdirSync(join(work, "etc/axon-backup/sinks.d"), { recursive: true });
}

function addUnits(work) {
  const units = join(work, "usr/lib/systemd/system");
  for (const name of readdirSync(join(packaging, "systemd")).filter((name) => name !== "sandbox.conf"))
    write(join(units, name), readFileSync(join(packaging, "systemd", name)));
  // The second one is for all units whose name begins so: one-shot runs.
  for (const folder of ["axon-backup.service.d", "axon-backup-.service.d"])
    write(join(units, folder, "10-sandbox.conf"), readFileSync(join(packaging, "systemd/sandbox.conf")));
  cpSync(join(packaging, "sysusers.d"), join(work, "usr/lib/sysusers.d"), { recursive: true });
}

function addCompletions(work) {
  for (const [shell, file] of [
    ["bash", "bash-completion/completions/axon-backup"],
    ["zsh", "zsh/vendor-completions/_axon-backup"],
    ["fish", "fish/vendor_completions.d/axon-backup.fish"],
  ])
    write(
      join(work, "usr/share", file),
      run(process.execPath, [join(work, "usr/lib/axon-backup/bin/axon-backup.js"), "completion", shell]),
    );
}

function addDocumentation(work, version, time) {
  const documentation = join(work, "usr/share/doc/axon-backup");
  write(
    join(work, "usr/share/man/man1/axon-backup.1.gz"),
    compressed(readFileSync(join(root, "packages/agent/man/axon-backup.1"))),
  );
  write(join(documentation, "copyright"), readFileSync(join(packaging, "debian/copyright")));
  symlinkSync("../../../lib/axon-backup/bundle/THIRD-PARTY.txt", join(documentation, "THIRD-PARTY.txt"));
  for (const page of PAGES) write(join(documentation, page), readFileSync(join(root, "docs", page)));
  write(join(documentation, "NEWS.md"), readFileSync(join(root, "CHANGELOG.md")));
  write(
    join(documentation, "changelog.gz"),
    compressed(
      Buffer.from(
        `axon-backup (${version}) unstable; urgency=medium\n\n  * See NEWS.md.\n\n -- ${MAINTAINER}  ${date(time)}\n`,
      ),
    ),
  );
}

/** Whatever the umask and the checkout say. Programs are what their first line says they are. */
function setModes(work, time) {
  const visit = (path) => {
    const stats = lstatSync(path);
    if (stats.isSymbolicLink()) return;
    if (stats.isDirectory()) {
      readdirSync(path).forEach((name) => visit(join(path, name)));
      chmodSync(path, path.startsWith(join(work, "etc/")) ? 0o750 : 0o755);
    } else {
      const isProgram = readFileSync(path).subarray(0, 2).toString("latin1") === "#!";
      chmodSync(path, isProgram ? 0o755 : 0o644);
    }
    utimesSync(path, time, time);
  };
  visit(work);
}

function addControl(work, version, time) {
  const files = filesOf(work);
  const kibibytes = files.reduce((sum, path) => sum + Math.ceil(lstatSync(join(work, path)).size / 1024), 0);
  const sums = files
    .filter((path) => lstatSync(join(work, path)).isFile())
    .map(
      (path) =>
        `${createHash("md5")
          .update(readFileSync(join(work, path)))
          .digest("hex")}  ${path}\n`,
    );
  const control = join(work, "DEBIAN");
  mkdirSync(control);
  write(join(control, "md5sums"), sums.join(""));
  write(
    join(control, "control"),
    `${readFileSync(join(packaging, "debian/control"), "utf8").trim()}
Maintainer: ${MAINTAINER}
Version: ${version}
Installed-Size: ${kibibytes}
`,
  );
  for (const name of SCRIPTS) {
    cpSync(join(packaging, "debian", name), join(control, name));
    chmodSync(join(control, name), 0o755);
  }
  for (const name of ["md5sums", "control"]) chmodSync(join(control, name), 0o644);
  chmodSync(control, 0o755);
  for (const path of [...readdirSync(control).map((name) => join(control, name)), control, work])
    utimesSync(path, time, time);
}

/** Below a folder, sorted. */
function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

/** Without a name or a time in it. */
function compressed(bytes) {
  return gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION });
}

/** As RFC 5322 has it. */
function date(time) {
  return time.toUTCString().replace("GMT", "+0000");
}

function run(command, args, env = {}) {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error?.code === "ENOENT") throw new Error(`${command} is needed, and isn't here`);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} failed\n${stderr}`);
  return stdout;
}
