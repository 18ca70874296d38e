import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { SoakServer } from "../soak/server.js";
import { Truth } from "../soak/truth.js";
import { pending } from "../support/pending.js";
import { seededRandom, seedFrom } from "../support/random.js";

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

describe("what the soak knows of the server", () => {
  let directory: string;
  let server: SoakServer;
  const truth = new Truth();
  const context = (): string => join(server.storage, "default");
  const copy = (name: string): string => {
    const to = join(directory, name);
    cpSync(context(), to, { recursive: true });
    return to;
  };
  const grown = async (events: number): Promise<void> => {
    const wanted = truth.current.events.length + events;
    server.begin();
    while (truth.current.events.length < wanted) await delay(5);
    server.end();
  };

  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "axon-backup-test-"));
    const random = seededRandom(7);
    server = await SoakServer.start(join(directory, "server"), truth, { token: "t", random, rate: 5000 });
    await grown(400);
  });
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it("tells the beginnings of its histories from all else", async () => {
    const before = copy("before");
    const { length } = truth.current.events;
    expect(await truth.judge(before)).to.include({ events: length, problem: undefined });
    await grown(100);
    const whole = copy("whole");
    await server.down();
    const lost = server.loseTail();
    await server.up();
    await grown(600);
    expect((await truth.judge(copy("after"))).histories).to.deep.equal([1]);
    expect((await truth.judge(whole)).histories).to.deep.equal([0]);
    expect((await truth.judge(before)).histories).to.include(0);
    expect(lost?.to).to.be.above(length);

    const segment = readdirSync(whole).find((name) => name.endsWith(".events")) ?? "";
    const bytes = readFileSync(join(whole, segment));
    for (const at of [3, 9, 2000]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      writeFileSync(join(whole, segment), changed);
      expect((await truth.judge(whole)).problem, `byte ${at}`).to.be.a("string");
    }
    writeFileSync(join(whole, segment), bytes);
    expect((await truth.judge(whole)).problem).to.equal(undefined);
    rmSync(join(whole, segment));
    expect((await truth.judge(whole)).problem).to.be.a("string");
  });

  it("tells a snapshot of a state that the events don't have", async () => {
    const { events, needs } = truth.current;
    needs[0] = events.length;
    expect((await truth.judge(copy("dangling"))).problem).to.contain("snapshot 0 needs event");
  });
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
