import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { copyStore, sampleStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { folder, removeFolders } from "./support.js";

const BIN = fileURLToPath(new URL("../bin/axon-backup.js", import.meta.url));

type Output = "pipe" | number;

function start(argv: readonly string[], stdout: Output = "pipe"): ChildProcess {
  return spawn(process.execPath, [BIN, ...argv], { stdio: ["ignore", stdout, "pipe"] });
}

async function end(child: ChildProcess): Promise<{ readonly code: number | null; readonly stderr: string }> {
  const stderr = child.stderr ? text(child.stderr) : Promise.resolve("");
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stderr: await stderr };
}

describe("the process", () => {
  let standin: Standin;
  let config: string;

  before(async () => {
    const directory = folder();
    copyStore(sampleStore, join(directory, "store"));
    standin = await startStandin({ generation: "2023.2", storage: join(directory, "store") });
    config = folder({
      "agent.yaml": `server: {url: "${standin.url}"}\n`,
      "sinks.d/nas.yaml": `type: local\npath: ${directory}/nas\n`,
    });
  });

  after(async () => {
    await standin.close();
    removeFolders();
  });

  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    it(`ends cleanly at ${signal}, with exit code 130`, async () => {
      const rule = standin.misbehave({ path: "/createControlDbBackup", behaviour: { kind: "hold" } });
      const child = start(["backup", "--config", config]);
      const ended = end(child);
      await rule.reached();
      child.kill(signal);
      const { code, stderr } = await ended;
      standin.misbehave(undefined);
      expect(code).to.equal(130);
      expect(stderr).to.contain(`interrupted by ${signal}`);
    });

  it("doesn't mind a reader that went away", async () => {
    const child = start(["--help"]);
    child.stdout?.destroy();
    expect(await end(child)).to.deep.equal({ code: 0, stderr: "" });
  });

  const withFullDevice = existsSync("/dev/full") ? it : it.skip;
  withFullDevice("fails when its result can't be written (needs /dev/full: run on Linux)", async () => {
    const full = openSync("/dev/full", "w");
    const { code, stderr } = await end(start(["--version"], full));
    closeSync(full);
    expect(code).to.equal(1);
    expect(stderr).to.contain("can't write the result").and.contain("ENOSPC");
  });

  it("tells the whole story in the demo, and leaves nothing behind", async () => {
    const temporary = folder();
    const child = spawn(process.execPath, [BIN, "demo", "--json"], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, TMPDIR: temporary },
    });
    const stdout = text(child.stdout);
    const { code, stderr } = await end(child);
    expect(code, stderr).to.equal(0);
    expect(JSON.parse(await stdout)).to.include({ ok: true, folder: null });
    expect(stderr.match(/^✔/gm)).to.have.length(2);
    expect(readdirSync(temporary)).to.deep.equal([]);
  }).timeout(60_000);

  it("says what helps when the demo has no place for its folder", async () => {
    const child = spawn(process.execPath, [BIN, "demo"], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, TMPDIR: "/nonexistent" },
    });
    const { code, stderr } = await end(child);
    expect(code).to.equal(1);
    expect(stderr)
      .to.contain("can't make a folder in /nonexistent")
      .and.contain("Set TMPDIR")
      .and.not.contain("not foreseen");
  });

  it("shows help at once, without loading what help doesn't need", async () => {
    // The modules themselves: in the bundle they have no names any more.
    const module = new URL("../dist/main.js", import.meta.url).href;
    const script = `const { main } = await import("${module}"); process.exitCode = await main(["--help"]);`;
    const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
      stdio: ["ignore", "ignore", "pipe"],
      env: { ...process.env, NODE_DEBUG: "esm,module" },
    });
    const { code, stderr } = await end(child);
    expect(code).to.equal(0);
    expect(stderr).to.contain("commander");
    for (const heavy of ["undici", "ajv", "pino", "yaml", "tsyringe"])
      expect(stderr).not.to.contain(`node_modules/${heavy}/`);
  });
});
