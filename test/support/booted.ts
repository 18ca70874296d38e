import { spawn, spawnSync } from "node:child_process";
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { type Done, run } from "./packages.js";
import { succeed } from "./product.js";

/** Milliseconds to boot, and for a condition to come true. */
const PATIENCE = 60_000;

/** Where on this machine a directory is, and where in the booted system. */
export interface Bind {
  readonly from: string;
  readonly to: string;
}

/** What is booted. */
export interface BootOptions {
  /** An archive with a root file system. Default: this machine's own, without its units and its identity. */
  readonly archive?: string;
  /** Whether it has a network of its own, with nothing else in it. Default: it shares this machine's. */
  readonly isAlone?: boolean;
}

/** Root's, as Debian has it. */
const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * A booted system: systemd as process 1 of a container, over a root file system of which nothing that is changed stays.
 */
export class BootedSystem {
  private constructor(
    readonly root: string,
    private readonly work: string,
    private readonly leader: number,
    private readonly ended: Promise<unknown>,
  ) {}

  /** Why it can't be had here; undefined when it can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return "boots a system as root: run the tests as root";
    if (spawnSync("systemd-nspawn", ["--version"], { stdio: "ignore" }).error)
      return "needs systemd-nspawn: apt-get install systemd-container";
    if (spawnSync("mountpoint", ["-q", "/sys/fs/cgroup"]).status !== 0)
      return "needs cgroups in /sys/fs/cgroup";
    if (spawnSync("unshare", ["--mount", "--pid", "--fork", "true"]).status !== 0)
      return "makes mounts and namespaces: run the tests where root may do that";
    return undefined;
  }

  /**
   * @param prepare changes the root file system before it is booted
   * @throws Error when this machine can't do it
   */
  static async boot(
    prepare: (root: string) => Promise<void>,
    binds: readonly Bind[],
    { archive, isAlone = false }: BootOptions = {},
  ): Promise<BootedSystem> {
    const work = mkdtempSync("/var/tmp/axon-backup-boot-");
    const root = join(work, "root");
    try {
      mkdirSync(root);
      // An overlay can't lie on another one.
      await succeed("mount", ["-t", "tmpfs", "tmpfs", work]);
      mkdirSync(root);
      if (archive === undefined) await overThisMachine(work, root);
      else await succeed("tar", ["--extract", "--file", archive, "--directory", root, "--exclude=./dev/*"]);
      await prepare(root);
      // Tests start a service more often within seconds than systemd takes for right.
      const settings = join(root, "etc/systemd/system.conf.d");
      mkdirSync(settings, { recursive: true });
      writeFileSync(join(settings, "test.conf"), "[Manager]\nDefaultStartLimitIntervalSec=0\n");
      const log = openSync(join(work, "log"), "w");
      const child = spawn(
        "systemd-nspawn",
        [
          ...["--quiet", `--directory=${root}`, "--register=no", "--keep-unit", "--boot", "--console=pipe"],
          ...(isAlone ? ["--private-network"] : []),
          ...binds.map(({ from, to }) => `--bind=${from}:${to}`),
          ...["--", "--unit=basic.target"],
        ],
        { stdio: ["ignore", log, log], env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" } },
      );
      closeSync(log);
      const ended = once(child, "exit");
      const until = Date.now() + PATIENCE;
      while (Date.now() < until && child.exitCode === null) {
        const leader = childOf(child.pid);
        const system = leader === undefined ? undefined : new BootedSystem(root, work, leader, ended);
        const { stdout = "" } = (await system?.run("systemctl", "is-system-running")) ?? {};
        if (system !== undefined && /running|degraded/.test(stdout)) return system;
        await setTimeout(100);
      }
      child.kill("SIGKILL");
      throw new Error(`it doesn't boot\n${readFileSync(join(work, "log"), "utf8").slice(-4000)}`);
    } catch (error) {
      await unmount(work);
      throw error;
    }
  }

  /** Runs a command in it, as root. */
  run(command: string, ...args: readonly string[]): Promise<Done> {
    // Not this process's search path: npm puts the checkout's own programs first, whose folder is there as well.
    return run(
      "nsenter",
      [`--target=${this.leader}`, "--all", "/usr/bin/env", `PATH=${PATH}`, command, ...args],
      "/",
    );
  }

  /** @throws Error with everything that it said, unless it succeeds */
  async expect(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.run(command, ...args);
    if (code !== 0) {
      const journal = await this.run("journalctl", "--no-pager", "-n", "60");
      throw new Error(
        `${command} ${args.join(" ")} ended with ${code ?? "?"}\n${stdout}\n${stderr}\n${journal.stdout}`,
      );
    }
    return stdout;
  }

  /** A property of a unit. */
  async property(unit: string, name: string): Promise<string> {
    return (await this.expect("systemctl", "show", "--value", `--property=${name}`, unit)).trim();
  }

  /** Until it holds. @param lacks what is missing @throws Error with that and the journal when it doesn't come to it */
  async until(what: string, holds: () => Promise<boolean>, lacks = (): string => ""): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!(await holds())) {
      if (Date.now() > end) {
        const { stdout } = await this.run("journalctl", "--no-pager", "-n", "60");
        throw new Error(`it never came to this: ${what}\n${lacks()}\n${stdout}`);
      }
      await setTimeout(100);
    }
  }

  async close(): Promise<void> {
    process.kill(this.leader, "SIGKILL");
    await this.ended;
    await unmount(this.work);
  }
}

async function overThisMachine(work: string, root: string): Promise<void> {
  for (const folder of ["upper", "work"]) mkdirSync(join(work, folder));
  const layers = `lowerdir=/,upperdir=${join(work, "upper")},workdir=${join(work, "work")}`;
  await succeed("mount", ["-t", "overlay", "overlay", "-o", layers, root]);
  forgetThisMachine(root);
}

/** Its units, its identity, its policy on what packages may start and stop: what is left is what the distribution brings. */
function forgetThisMachine(root: string): void {
  rmSync(join(root, "etc/machine-id"), { force: true });
  rmSync(join(root, "usr/sbin/policy-rc.d"), { force: true });
  const units = join(root, "etc/systemd/system");
  for (const name of readdirSync(units)) rmSync(join(units, name), { recursive: true });
}

/** Process 1 of the container. */
function childOf(pid: number | undefined): number | undefined {
  try {
    const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
    if (!child) return undefined;
    return /^NSpid:\s+\d+\s+1$/m.test(readFileSync(`/proc/${child}/status`, "utf8"))
      ? Number(child)
      : undefined;
  } catch {
    // It has ended, or begins.
    return undefined;
  }
}

async function unmount(work: string): Promise<void> {
  await run("umount", ["--recursive", work], "/");
  rmSync(work, { recursive: true, force: true });
}
