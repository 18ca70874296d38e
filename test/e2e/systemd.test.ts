import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { BootedSystem } from "../support/booted.js";
import { bootWithAgent, closeAgent, giveWhatItNeeds, installPackage } from "../support/booted-agent.js";
import { run } from "../support/packages.js";
import { product, requireTools, succeed } from "../support/product.js";
import { compareStores, Scene } from "../support/scene.js";

const SERVICES = ["axon-backup", "axon-backup-backup", "axon-backup-verify", "axon-backup-prune"];
const TIMERS = ["axon-backup-backup", "axon-backup-verify", "axon-backup-prune"];
const UNITS = [...SERVICES.map((name) => `${name}.service`), ...TIMERS.map((name) => `${name}.timer`)];

describe("the systemd units", function () {
  this.timeout(180_000);

  describe("as systemd-analyze sees them", () => {
    let scene: Scene;
    let root: string;

    before(async function () {
      requireTools(this, { "systemd-analyze": "systemd", "dpkg-deb": "dpkg" });
      scene = await Scene.open({ sinks: [] });
      root = scene.path("root");
      await succeed("dpkg-deb", ["--extract", (await product()).deb, root]);
      // What systemd has anywhere: the targets that units refer to, and the programs that they start.
      const system = "usr/lib/systemd/system";
      for (const name of readdirSync(join("/", system)).filter((name) =>
        /\.(target|slice|mount)$/.test(name),
      ))
        cpSync(join("/", system, name), join(root, system, name), { dereference: true });
      cpSync("/bin/kill", join(root, "usr/bin/kill"));
    });
    after(() => scene.close());

    it("have nothing wrong with them", async () => {
      const { code, stdout, stderr } = await run(
        "systemd-analyze",
        [`--root=${root}`, "--man=no", "verify", ...UNITS],
        "/",
      );
      expect([code, stdout, stderr]).to.deep.equal([0, "", ""]);
    });

    for (const name of SERVICES)
      it(`expose little: ${name}.service`, async () => {
        const args = [`--root=${root}`, "--offline=true", "--threshold=20", "security", `${name}.service`];
        const { code, stdout, stderr } = await run("systemd-analyze", args, "/");
        // The threshold is ten times the level, and above it the code isn't 0.
        expect(code, stdout + stderr).to.equal(0);
        expect(Number(/exposure level for \S+: ([\d.]+)/.exec(stdout)?.[1]))
          .to.be.above(0)
          .and.at.most(2);
      });
  });

  describe("in a system that was booted", () => {
    let scene: Scene;
    let system: BootedSystem;
    let close = (): Promise<void> => Promise.resolve();

    before(async function () {
      ({ scene, system } = await bootWithAgent(this));
      close = () => closeAgent({ scene, system });
    });
    after(() => close());

    it("are installed by the package, which starts nothing", async () => {
      await installPackage(system);
      expect(await system.property("axon-backup", "ActiveState")).to.equal("inactive");
      expect((await system.run("systemctl", "is-enabled", "axon-backup")).stdout.trim()).to.equal("disabled");
      await giveWhatItNeeds(system);
    });

    it("run the service: it is ready, backs up, and says how it is", async () => {
      await system.expect("systemctl", "start", "axon-backup");
      expect(await system.property("axon-backup", "ActiveState")).to.equal("active");
      await system.until("both sinks current", async () =>
        /^2 sinks current, [\d,]+ events/.test(await system.property("axon-backup", "StatusText")),
      );
      const pid = await system.property("axon-backup", "MainPID");
      const status = await system.expect("cat", `/proc/${pid}/status`);
      for (const line of [/^CapEff:\s+0+$/m, /^CapBnd:\s+0+$/m, /^NoNewPrivs:\s+1$/m, /^Seccomp:\s+2$/m])
        expect(status).to.match(line);
      expect(Number(/^Uid:\s+(\d+)/m.exec(status)?.[1])).to.be.above(0);
    });

    it("have the service read its configuration again, and end cleanly", async () => {
      await system.expect("systemctl", "reload", "axon-backup");
      await system.until(
        "active again",
        async () => (await system.property("axon-backup", "ActiveState")) === "active",
      );
      await system.expect("systemctl", "stop", "axon-backup");
      for (const [name, value] of [
        ["Result", "success"],
        ["ExecMainStatus", "0"],
        ["NRestarts", "0"],
      ] as const)
        expect(await system.property("axon-backup", name), name).to.equal(value);
    });

    it("run once, too: backup, verify and prune", async () => {
      for (const name of TIMERS) {
        await system.expect("systemctl", "start", `${name}.service`);
        expect(await system.property(`${name}.service`, "Result"), name).to.equal("success");
      }
      await system.expect("systemctl", "start", ...TIMERS.map((name) => `${name}.timer`));
    });

    it("leave what can be restored, from either sink", async () => {
      for (const sink of ["nas", "home"]) {
        await system.expect("axon-backup", "restore", "--sink", sink, "--to", `/srv/nas/from-${sink}`);
        compareStores(join(scene.storage, "default"), scene.path(`nas/from-${sink}/default`));
      }
    });

    it("go with the package; the configuration and the repositories stay", async () => {
      await system.expect("systemctl", "start", "axon-backup");
      await system.expect("systemctl", "enable", "axon-backup");
      await system.expect("dpkg", "--remove", "axon-backup");
      expect(await system.property("axon-backup", "ActiveState")).to.equal("inactive");
      const units = await system.run(
        "find",
        "/etc/systemd/system",
        "/usr/lib/systemd/system",
        "-name",
        "axon-backup*.[st]*r*",
        "!",
        "-name",
        "*.d",
      );
      expect(units.stdout).to.equal("");
      await system.expect("test", "-e", "/etc/axon-backup/agent.yaml");
      await system.expect("dpkg", "--purge", "axon-backup");
      await system.expect("test", "!", "-e", "/etc/axon-backup");
      for (const repository of ["/var/lib/axon-backup/home", "/srv/nas/axon"])
        await system.expect("test", "-e", `${repository}/repository.json`);
    });
  });
});
