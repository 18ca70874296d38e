import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { seedFrom } from "../support/random.js";
import { pending } from "../support/pending.js";

const main = fileURLToPath(new URL("../soak/main.js", import.meta.url));
const seed = seedFrom("AXON_BACKUP_SOAK_SEED");

interface Report {
  readonly problems: readonly unknown[];
  readonly events: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly sinks: readonly {
    readonly sink: string;
    readonly restores: number;
    readonly restorePoints: number;
  }[];
}

describe(`the soak (AXON_BACKUP_SOAK_SEED=${seed})`, () => {
  let directory: string;
  beforeEach(function () {
    if (process.platform !== "linux") pending(this, "needs Linux: it reads /proc");
    directory = mkdtempSync(join(tmpdir(), "axon-backup-test-"));
    // sshd runs as another user where it can.
    chmodSync(directory, 0o755);
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  it("finds nothing wrong in a third of a minute, and leaves nothing behind", async function () {
    this.timeout(300_000);
    const { code, stdout, stderr } = await run("--minutes", "0.3", "--seed", String(seed), "--json");
    expect(code, stderr).to.equal(0);
    const { problems, events, faults, sinks } = JSON.parse(stdout) as Report;
    expect(problems).to.deep.equal([]);
    expect(events).to.be.above(100);
    expect(Object.keys(faults), "faults were made").to.have.length.above(2);
    for (const { sink, restores, restorePoints } of sinks) {
      expect(restores, `restores compared of ${sink}`).to.be.above(0);
      expect(restorePoints, `restore points of ${sink}`).to.be.above(0);
    }
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it("cleans up when it is interrupted", async () => {
    const running = start("--minutes", "5", "--seed", String(seed));
    await running.said(/s {2}\w+: /);
    running.kill("SIGINT");
    const { code, stderr } = await running.ended;
    expect(code, stderr).to.equal(1);
    expect(stderr).to.contain("interrupted by SIGINT");
    expect(readdirSync(directory)).to.deep.equal([]);
  });

  it("tells of its options", async () => {
    const { code, stdout } = await run("--help");
    expect(code).to.equal(0);
    expect(stdout).to.contain("npm run soak").and.contain("--seed N");
    expect((await run("--minutes", "none")).code).to.equal(1);
  });

  const run = (...args: readonly string[]): Promise<Ended> => start(...args).ended;

  function start(...args: readonly string[]): Running {
    const child = spawn(process.execPath, [main, ...args, "--dir", directory], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const ended = new Promise<Ended>((resolve, reject) => {
      child.on("error", reject);
      child.on("close", (code) => {
        resolve({ code, stdout, stderr });
      });
    });
    return {
      ended,
      said: (wanted) =>
        new Promise((resolve, reject) => {
          child.stderr.on("data", () => {
            if (wanted.test(stderr)) resolve();
          });
          child.on("close", () => {
            reject(new Error(`it ended without: ${stderr}`));
          });
        }),
      kill: (signal) => {
        child.kill(signal);
      },
    };
  }
});

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

interface Running {
  readonly ended: Promise<Ended>;
  readonly said: (wanted: RegExp) => Promise<void>;
  readonly kill: (signal: NodeJS.Signals) => void;
}
