import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { EngineError, restore } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { expect } from "chai";
import { fixture, pointId, type ServerState, stateAt, storeRestorePoint } from "./support-restore.js";
import { dieAt } from "./support-restore-crash.js";
import { rejection } from "./support-restore-errors.js";
import { scratch, tree } from "./support-restore-files.js";
import { testSink } from "./support-restore-sink.js";

/** How many real processes are killed. */
const KILLS = Number(process.env["AXON_BACKUP_KILLS"] ?? 5);

describe("restore, killed", function () {
  this.timeout(120_000);
  let directory: ReturnType<typeof scratch>;
  let state: ServerState;
  let sink: Sink;
  let dead: string;
  before(async () => {
    dead = execFileSync("sh", ["-c", "echo $$"], { encoding: "utf8" }).trim();
    state = stateAt(await fixture("4.6"), 60, 15);
    sink = testSink();
    await storeRestorePoint(sink, pointId(0), state);
  });
  beforeEach(() => (directory = scratch("memory")));
  afterEach(() => {
    directory.remove();
  });

  async function expectWhole(target: string): Promise<void> {
    const files = await tree(target);
    const [context] = state.contexts;
    const wanted = [...(context?.events ?? []), ...(context?.snapshots ?? [])];
    expect(files.size, [...files.keys()].join(" ")).to.equal(wanted.length + 1);
    for (const [name, bytes] of wanted)
      expect(files.get(`default/${name}`)?.equals(bytes), name).to.equal(true);
    expect((await readdir(target)).sort()).to.deep.equal(["axonserver-controldb.mv.db", "default"]);
  }

  /** Makes the journals that lie in a directory those of a process that is no more. */
  async function bury(target: string): Promise<void> {
    for (const name of await readdir(target).catch(() => [])) {
      const path = join(target, name, "journal.json");
      const text = await readFile(path, "utf8").catch(() => undefined);
      if (text !== undefined && name.startsWith(".axon"))
        await writeFile(path, text.replace(`"pid": ${process.pid}`, `"pid": ${dead}`));
    }
  }

  for (const existing of [true, false])
    it(`before any of its operations, to a directory that ${existing ? "is empty" : "doesn't exist"}, succeeds when run again`, async () => {
      const target = join(directory.path, "target");
      for (let at = 1; ; at++) {
        if (existing) await mkdir(target);
        const revive = await dieAt(at);
        const died = await restore({ sink, name: "memory", target, connections: 2 }).then(
          () => false,
          () => true,
        );
        const operations = revive();
        if (!died) {
          expect(operations, "the number of operations of a whole run")
            .to.be.lessThan(at)
            .and.greaterThan(40);
          await expectWhole(target);
          break;
        }
        const isComplete =
          (await readdir(target).catch(() => [])).filter((name) => !name.startsWith(".")).length === 2;
        await bury(target);
        const again = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        // Killed between completion and its last breath: whole, and not empty any more.
        if (again instanceof Error) {
          expect(isComplete, `operation ${at}: ${again.message}`).to.equal(true);
          expect(again).to.include({ kind: "usage" });
        }
        await expectWhole(target);
        directory.removeBelow(target);
      }
    });

  it("and its clearing up killed as well, succeeds when run again", async () => {
    const target = join(directory.path, "target");
    for (let at = 20; at < 80; at += 6)
      for (let again = 1; again < 12; again += 3) {
        const revive = await dieAt(at);
        await restore({ sink, name: "memory", target }).catch(() => undefined);
        revive();
        await bury(target);
        const reviveAgain = await dieAt(again);
        const second = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        reviveAgain();
        await bury(target);
        const third = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        if (third instanceof Error) expect(second, third.message).to.include({ kind: "usage" });
        await expectWhole(target);
        directory.removeBelow(target);
      }
  });

  it("for real, at random moments, succeeds when run again", async () => {
    state = stateAt(await fixture("4.6"), 140, 36);
    const script = fileURLToPath(new URL("support-restore-child.js", import.meta.url));
    const disk = scratch();
    for (let kill = 0; kill < KILLS; kill++) {
      const target = join(disk.path, String(kill));
      const child = spawn(process.execPath, [script, target], { stdio: ["ignore", "pipe", "inherit"] });
      let output = "";
      child.stdout.on("data", (data: Buffer) => {
        if (output === "") setTimeout(() => child.kill("SIGKILL"), Math.random() * 60);
        output += data.toString();
      });
      await once(child, "close");
      const again = await rerun(target);
      expect(
        again === undefined || output.includes("done") || again === "usage",
        `${output}: ${again ?? ""}`,
      ).to.equal(true);
      await expectWhole(target);
    }
    disk.remove();
  });

  async function rerun(target: string): Promise<string | undefined> {
    const other = testSink();
    await storeRestorePoint(other, pointId(0), state);
    const result = await restore({ sink: other, name: "memory", target }).catch((error: unknown) => error);
    if (result instanceof EngineError) return result.kind;
    expect(result).to.have.property("restorePoint", pointId(0));
    return undefined;
  }

  it("leaves alone what isn't its own: an entry of the same name that somebody else made", async () => {
    const target = join(directory.path, "target");
    // The last operations of a run are those that give names and clear up.
    for (let at = 40; ; at++) {
      const revive = await dieAt(at);
      await restore({ sink, name: "memory", target }).catch(() => undefined);
      revive();
      await bury(target);
      const names = await readdir(target);
      if (names.includes("default") && names.includes(".axon-backup-restore")) break;
      directory.removeBelow(target);
    }
    await rename(join(target, "default"), join(directory.path, "elsewhere"));
    await mkdir(join(target, "default"));
    await writeFile(join(target, "default/precious"), "x");
    expect(await rejection(restore({ sink, name: "memory", target }))).to.include({ kind: "usage" });
    expect(await readFile(join(target, "default/precious"), "utf8")).to.equal("x");
  });
});
