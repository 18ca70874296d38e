import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { BootedSystem } from "../support/booted.js";
import {
  bootWithAgent,
  closeAgent,
  giveWhatItNeeds,
  installPackage,
  nextPackage,
  writeBelow,
} from "../support/booted-agent.js";
import { compareStores, type Scene } from "../support/scene.js";

const SERVICE = "axon-backup";
const SINKS = ["home", "nas"] as const;
/** Of a restore point, and of a failure: what the journal is searched for never changes. */
const RESTORE_POINT = "46d85acb998441ff87ef132261e064c6";
const FAILED = "1e04428e80bf401f9709d40cad9cca08";
const REJECTED = "06b93476797e4951b87eb7afbadb664a";

interface Moment {
  readonly contexts: readonly { readonly name: string; readonly lastEventToken: number | null }[];
}
interface Listed {
  readonly sinks: readonly {
    readonly sink: string;
    readonly restorePoints: readonly (Moment & { readonly id: string })[];
    readonly head: Moment | null;
  }[];
}

describe("the systemd service, in a system that was booted", function () {
  this.timeout(180_000);
  let scene: Scene;
  let system: BootedSystem;
  let close = (): Promise<void> => Promise.resolve();

  before(async function () {
    ({ scene, system } = await bootWithAgent(this));
    close = () => closeAgent({ scene, system });
    await installPackage(system);
    await giveWhatItNeeds(system);
    await system.expect("systemctl", "enable", "--now", SERVICE);
    await backsUp();
  });
  after(() => close());

  /** A drop-in of a unit, in force when the unit is started the next time. */
  async function dropIn(unit: string, ...lines: readonly string[]): Promise<void> {
    writeBelow(system.root, `etc/systemd/system/${unit}.d/zz-test.conf`, lines, 0o644);
    await system.expect("systemctl", "daemon-reload");
  }

  const list = async (): Promise<Listed["sinks"]> =>
    (JSON.parse(await system.expect("axon-backup", "list", "--json")) as Listed).sinks;

  /** Appends events, and waits until they are on both sinks. */
  async function backsUp(): Promise<void> {
    scene.server.appendSample("default", 5);
    const last = scene.server.head("default");
    await system.until(`both sinks have event ${last}`, async () => {
      const sinks = await list();
      const tokens = sinks.map(
        ({ head, restorePoints }) => (head ?? restorePoints.at(-1))?.contexts[0]?.lastEventToken,
      );
      return tokens.length === SINKS.length && tokens.every((token) => token === last);
    });
  }

  const is = (state: string) => async (): Promise<boolean> =>
    (await system.property(SERVICE, "ActiveState")) === state;
  const mainPid = () => system.property(SERVICE, "MainPID");

  /** The journal's entries of a unit that match, the oldest first. */
  async function journal(
    ...matches: readonly string[]
  ): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const lines = await system.expect("journalctl", "--output=json", ...matches);
    return lines
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  it("is killed by the watchdog when it gets on nowhere, started again, and goes on", async () => {
    await dropIn(
      `${SERVICE}.service`,
      "[Service]",
      "WatchdogSec=5s",
      "TimeoutAbortSec=1s",
      "RestartSec=100ms",
    );
    await system.expect("systemctl", "restart", SERVICE);
    const pid = await mainPid();
    await system.expect("kill", "-STOP", pid);
    await system.until(
      "started again",
      async () => (await system.property(SERVICE, "NRestarts")) === "1" && (await is("active")()),
    );
    expect(await mainPid()).not.to.equal(pid);
    expect(await system.expect("journalctl", "-u", SERVICE)).to.include("Watchdog timeout");
    await backsUp();
  });

  it("is started again when it was killed, takes over the lock of the one before, and goes on", async () => {
    await dropIn(`${SERVICE}.service`, "[Service]", "RestartSec=100ms");
    await system.expect("systemctl", "restart", SERVICE);
    await backsUp();
    const pid = await mainPid();
    await system.expect("kill", "-KILL", pid);
    await system.until(
      "started again",
      async () => (await system.property(SERVICE, "NRestarts")) === "1" && (await is("active")()),
    );
    expect(await mainPid()).not.to.equal(pid);
    await backsUp();
  });

  it("isn't started again and again with a wrong configuration; once it is mended, it starts", async () => {
    const file = join(system.root, "etc/axon-backup/sinks.d/nas.yaml");
    writeFileSync(file, "type: local\npaht: /srv/nas/axon\n");
    // The service that runs keeps what it has, and says so.
    await system.until("it was rejected", async () => (await journal(`MESSAGE_ID=${REJECTED}`)).length > 0);
    expect(await is("active")()).to.equal(true);
    await system.expect("systemctl", "stop", SERVICE);
    expect((await system.run("systemctl", "start", SERVICE)).code).not.to.equal(0);
    // No "activating", which would be one before the next start.
    for (const [name, value] of [
      ["ActiveState", "failed"],
      ["ExecMainStatus", "3"],
      ["NRestarts", "0"],
    ] as const)
      expect(await system.property(SERVICE, name), name).to.equal(value);
    expect(await system.expect("journalctl", "-u", SERVICE)).to.include("did you mean path?");
    writeFileSync(file, "type: local\npath: /srv/nas/axon\n");
    await system.expect("systemctl", "start", SERVICE);
    await backsUp();
  });

  it("tells the journal what happens, with fields that can be searched for", async () => {
    for (const sink of SINKS) {
      const [entry] = await journal(`MESSAGE_ID=${RESTORE_POINT}`, `SINK=${sink}`);
      expect(entry, sink).to.include({
        PRIORITY: "6",
        SYSLOG_IDENTIFIER: "axon-backup",
        _SYSTEMD_UNIT: "axon-backup.service",
        EVENT: "restore-point",
      });
      expect(entry?.["MESSAGE"]).to.include(String(entry?.["RESTORE_POINT"]));
    }
    // The context whose events wait: of a sink that can't be written to any more, and has promised to be quick.
    const file = join(system.root, "etc/axon-backup/sinks.d/nas.yaml");
    writeFileSync(file, "type: local\npath: /srv/nas/axon\npromise: {lag: 1s}\n");
    await system.expect("systemctl", "restart", SERVICE);
    await backsUp();
    await system.expect("chown", "-R", "root", "/srv/nas/axon");
    scene.server.appendSample("default", 5);
    const failures = () => journal(`MESSAGE_ID=${FAILED}`, "SINK=nas", "PRIORITY=3");
    const late = () => journal("CONTEXT=default", "SINK=nas", "PRIORITY=4");
    await system.until("it was told", async () => (await failures()).length > 0 && (await late()).length > 0);
    expect((await failures()).at(-1)?.["JOB"]).to.be.oneOf(["follow", "restore-point"]);
    expect((await late()).at(-1)?.["MESSAGE"]).to.include("context default is behind by 5 events");
    await system.expect("chown", "-R", "axon-backup", "/srv/nas/axon");
    await system.expect("systemctl", "restart", SERVICE);
    await backsUp();
  });

  it("becomes the new version when the package is upgraded; its configuration, its data and that it is enabled stay", async () => {
    const pid = await mainPid();
    const before = await list();
    const checksums = () =>
      system.expect(
        "sh",
        "-c",
        "find /etc/axon-backup /etc/systemd/system/axon-backup* -type f | sort | xargs sha256sum",
      );
    const files = await checksums();
    await installPackage(system, await nextPackage(system, "99.0.0"));
    await system.until("it runs again", async () => (await mainPid()) !== pid && (await is("active")()));
    expect(await system.expect("axon-backup", "--version")).to.include("99.0.0");
    expect(await system.expect("systemctl", "is-enabled", SERVICE)).to.equal("enabled\n");
    expect(await system.property(SERVICE, "NRestarts")).to.equal("0");
    expect(await checksums()).to.equal(files);
    await backsUp();
    for (const { sink, restorePoints } of await list()) {
      const old = before.find((one) => one.sink === sink)?.restorePoints.map(({ id }) => id) ?? [];
      expect(old).not.to.have.length(0);
      expect(restorePoints.map(({ id }) => id)).to.include.members(old);
    }
  });

  describe("or its timers", () => {
    before(async () => {
      await system.expect("systemctl", "disable", "--now", SERVICE);
    });

    const count = async (): Promise<readonly number[]> =>
      (await list()).map(({ restorePoints }) => restorePoints.length);

    /** Starts the timer, and waits until it has made a restore point on both sinks. */
    async function timerRuns(): Promise<void> {
      const before = await count();
      scene.server.appendSample("default", 5);
      await system.expect("systemctl", "start", "axon-backup-backup.timer");
      await system.until("both sinks have another restore point", async () =>
        (await count()).every((now, i) => now > (before[i] ?? 0)),
      );
      await system.expect("systemctl", "stop", "axon-backup-backup.timer");
      await system.until(
        "it has ended",
        async () => (await system.property("axon-backup-backup.service", "ActiveState")) === "inactive",
      );
      expect(await system.property("axon-backup-backup.service", "Result")).to.equal("success");
    }

    it("back up when the clock says so", async () => {
      await dropIn(
        "axon-backup-backup.timer",
        ...["[Timer]", "OnCalendar=", "OnCalendar=*:*:0/2", "RandomizedDelaySec=0", "AccuracySec=1ms"],
      );
      await timerRuns();
    });

    it("make up for what was missed while the machine was off", async () => {
      await dropIn("axon-backup-backup.timer", "[Timer]", "RandomizedDelaySec=0", "AccuracySec=1ms");
      await system.expect(
        "touch",
        "-d",
        "2 days ago",
        "/var/lib/systemd/timers/stamp-axon-backup-backup.timer",
      );
      await timerRuns();
    });

    it("leave what can be restored", async () => {
      await system.expect(
        "axon-backup",
        "restore",
        "--sink",
        "nas",
        "--sink",
        "home",
        "--to",
        "/srv/nas/restored",
      );
      compareStores(join(scene.storage, "default"), scene.path("nas/restored/default"));
    });
  });
});
