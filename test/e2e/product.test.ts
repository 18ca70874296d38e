import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import {
  dpkg,
  emptyRoot,
  packageTo,
  product,
  type Product,
  requireRoot,
  requireTools,
  succeed,
} from "../support/product.js";
import { compareStores, Scene } from "../support/scene.js";

/** Of nobody in particular. */
const STRANGER = 65_534;

/** What `npm run package` makes, installed as an operator would, used, and removed again. */
describe("the product's packages", function () {
  this.timeout(180_000);
  let scene: Scene;
  let packages: Product;

  before(async function () {
    requireTools(this, { "dpkg-deb": "dpkg" });
    packages = await product();
  });
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true, sinks: [] });
    // Others than root read the server's files.
    chmodSync(scene.directory, 0o755);
  });
  afterEach(() => scene.close());

  /** From a server alone to a restored store. */
  async function useIt(agent: readonly string[], folder: string): Promise<void> {
    const [command = "", ...first] = agent;
    const sink = join(folder, "backup");
    const does = (...args: readonly string[]) => succeed(command, [...first, ...args], folder);
    await does("init", "--server", scene.server.url, "--sink", `nas=local:${sink}`, "--yes", "--no-check");
    await does("check");
    await does("backup");
    await does("restore", "--to", join(folder, "restored"));
    compareStores(join(scene.storage, "default"), join(folder, "restored/default"));
    for (const type of ["s3", "azure", "sftp"]) {
      const { stdout } = await does("schema", "sink", type);
      expect((JSON.parse(stdout) as { properties: object }).properties).to.include.keys("type", "retries");
    }
  }

  it("are the same, byte for byte, whoever makes them", async () => {
    const again = await packageTo(scene.path("again"), "077");
    for (const kind of ["npm", "deb"] as const)
      expect(readFileSync(again[kind]).equals(readFileSync(packages[kind])), kind).to.equal(true);
  });

  it("for npm: installed without a network and without root, used, removed", async () => {
    const home = scene.path("home");
    mkdirSync(home);
    const isRoot = process.getuid?.() === 0;
    if (isRoot) chownSync(home, STRANGER, STRANGER);
    chmodSync(join(packages.npm, ".."), 0o755);
    const asStranger = isRoot
      ? ["setpriv", `--reuid=${STRANGER}`, `--regid=${STRANGER}`, "--clear-groups"]
      : [];
    const prefix = join(home, "prefix");
    const npm = (...args: readonly string[]) => {
      const options = ["--global", "--offline", `--prefix=${prefix}`, `--cache=${join(home, "cache")}`];
      const [command = "", ...rest] = [...asStranger, "env", `HOME=${home}`, "npm", ...args, ...options];
      return succeed(command, rest, home);
    };
    await npm("install", "--no-audit", "--no-fund", packages.npm);
    const config = join(home, "config");
    await useIt([...asStranger, join(prefix, "bin/axon-backup"), "--config", config], home);
    expect(existsSync(join(prefix, "share/man/man1/axon-backup.1"))).to.equal(true);

    await npm("uninstall", "axon-backup");
    expect(filesOf(prefix)).to.deep.equal([]);
    expect(filesOf(config)).to.deep.equal(["agent.yaml", "sinks.d/nas.yaml"]);
  });

  it("for Debian: installed into an empty root, used as its user, removed and purged", async function () {
    requireRoot(this, "dpkg installs as root alone");
    requireTools(this, { dpkg: "dpkg", "systemd-sysusers": "systemd", setpriv: "util-linux" });
    const root = emptyRoot(scene.path("root"));
    await dpkg(root, "--install", packages.deb);
    const [, uid = "", gid = ""] = /^axon-backup:x:(\d+):(\d+):/m.exec(read(root, "etc/passwd")) ?? [];
    expect(Number(uid)).to.be.above(0).and.below(1000);
    const config = join(root, "etc/axon-backup");
    for (const folder of [config, join(config, "sinks.d")]) {
      const { mode, uid: owner, gid: group } = statSync(folder);
      expect([mode & 0o7777, owner, group]).to.deep.equal([0o750, 0, Number(gid)]);
    }

    const home = scene.path("home");
    mkdirSync(home);
    chownSync(home, Number(uid), Number(gid));
    const agent = [join(root, "usr/bin/axon-backup"), "--config", config];
    const asUser = ["setpriv", `--reuid=${uid}`, `--regid=${gid}`, "--clear-groups", "--no-new-privs"];
    const written = await succeed(agent[0] ?? "", [
      ...agent.slice(1),
      ...[
        "init",
        "--server",
        scene.server.url,
        "--sink",
        `nas=local:${join(home, "other")}`,
        "--yes",
        "--no-check",
      ],
    ]);
    expect(written.stdout + written.stderr).to.include("nas.yaml");
    // Written by root, read by the user.
    await succeed(asUser[0] ?? "", [...asUser.slice(1), ...agent, "check"]);
    await useIt([...asUser, agent[0] ?? "", "--config", join(home, "config")], home);

    for (const file of ["share/man/man1/axon-backup.1.gz", "share/bash-completion/completions/axon-backup"])
      expect(existsSync(join(root, "usr", file)), file).to.equal(true);
    await succeed("dpkg", [`--root=${root}`, "--verify", "axon-backup"]);

    await dpkg(root, "--remove", "axon-backup");
    const left = () =>
      filesOf(root).filter((path) => !/^(var\/lib\/dpkg|etc\/(passwd|group|g?shadow|\.))/.test(path));
    expect(left()).to.deep.equal(["etc/axon-backup/agent.yaml", "etc/axon-backup/sinks.d/nas.yaml"]);
    await dpkg(root, "--purge", "axon-backup");
    expect(left()).to.deep.equal([]);
    expect(existsSync(join(home, "backup/repository.json"))).to.equal(true);
  });

  it("for Debian: purged, they take no backup with them, wherever it is", async function () {
    requireRoot(this, "dpkg installs as root alone");
    requireTools(this, { dpkg: "dpkg", "systemd-sysusers": "systemd" });
    const root = emptyRoot(scene.path("root"));
    await dpkg(root, "--install", packages.deb);
    const repositories = ["var/lib/axon-backup/nas", "etc/axon-backup/nas"].map((path) => join(root, path));
    for (const path of repositories) mkdirSync(join(path, "restore-points"), { recursive: true });
    const { stderr } = await dpkg(root, "--purge", "axon-backup");
    expect(stderr)
      .to.match(/var\/lib\/axon-backup is left/)
      .and.to.match(/etc\/axon-backup is left/);
    for (const path of repositories) expect(existsSync(join(path, "restore-points")), path).to.equal(true);
    rmSync(root, { recursive: true });
  });
});

function read(root: string, path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** All but directories, by their paths from there, sorted. */
function filesOf(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}
