import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFile,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
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

  async function placedIn(target: string): Promise<string[]> {
    return (await readdir(target).catch(() => [])).filter((name) => !name.startsWith("."));
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
        const isComplete = (await placedIn(target)).length === 2;
        await bury(target);
        const again = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        // Killed between completion and its last breath: whole, and not empty any more.
        expect(again instanceof Error, `operation ${at}: ${String(again)}`).to.equal(isComplete);
        if (again instanceof Error) expect(again).to.include({ kind: "usage" });
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
        await restore({ sink, name: "memory", target }).catch(() => undefined);
        reviveAgain();
        await bury(target);
        const isComplete = (await placedIn(target)).length === 2;
        const third = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        if (third instanceof Error) {
          expect(isComplete, third.message).to.equal(true);
          expect(third).to.include({ kind: "usage" });
        }
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
    await untilPlaced(target);
    await rename(join(target, "default"), join(directory.path, "elsewhere"));
    await mkdir(join(target, "default"));
    await writeFile(join(target, "default/precious"), "x");
    expect(await rejection(restore({ sink, name: "memory", target }))).to.include({ kind: "usage" });
    expect(await readFile(join(target, "default/precious"), "utf8")).to.equal("x");
  });

  /** What somebody does to a store that a killed restore left behind, whole or not. */
  const CHANGES: Readonly<Record<string, (target: string) => Promise<void>>> = {
    "adds a segment": (target) =>
      writeFile(join(target, "default/00000000000000009999.events"), "precious", { mode: 0o600 }),
    "adds a context": (target) => mkdir(join(target, "billing")),
    "appends to a segment": (target) =>
      appendFile(join(target, "default/00000000000000000000.events"), "precious"),
    "changes a segment in its place": async (target) => {
      await using file = await open(join(target, "default/00000000000000000000.events"), "r+");
      await file.write(Buffer.from("precious"), 0, 8, 100);
    },
    "removes a segment": (target) => unlink(join(target, "default/00000000000000000000.events")),
    "moves a context away": (target) => rename(join(target, "default"), join(directory.path, "elsewhere")),
    "replaces a segment by a link": async (target) => {
      const path = join(target, "default/00000000000000000000.events");
      await rename(path, join(directory.path, "precious.events"));
      await symlink(join(directory.path, "precious.events"), path);
    },
  };
  for (const [what, change] of Object.entries(CHANGES))
    it(`is not cleared up any more once somebody ${what}`, async () => {
      const target = join(directory.path, "target");
      let met = 0;
      for (let at = 40; ; at++) {
        const revive = await dieAt(at);
        const died = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
        revive();
        if (!(died instanceof Error)) break;
        await bury(target);
        if ((await placedIn(target)).includes("default")) {
          met++;
          await change(target);
          const before = await visible(target);
          expect(await rejection(restore({ sink, name: "memory", target })), `operation ${at}`)
            .to.include({ kind: "usage" })
            .with.property("message")
            .that.includes("is not empty");
          expect(await visible(target), `operation ${at}`).to.deep.equal(before);
        }
        for (const name of await readdir(directory.path)) directory.removeBelow(join(directory.path, name));
      }
      expect(met, "moments at which something was in place").to.be.greaterThan(4);
    });

  it("in its clearing up, leaves alone what somebody adds meanwhile", async () => {
    const target = join(directory.path, "target");
    const at = await untilPlaced(target);
    let met = 0;
    for (let again = 1; ; again++) {
      const revive = await dieAt(again);
      const second = await restore({ sink, name: "memory", target }).catch((error: unknown) => error);
      revive();
      if (!(second instanceof Error)) break;
      await bury(target);
      if ((await placedIn(target)).includes("default")) {
        met++;
        await writeFile(join(target, "default/precious"), "x");
        expect(await rejection(restore({ sink, name: "memory", target }))).to.include({ kind: "usage" });
        expect(await readFile(join(target, "default/precious"), "utf8")).to.equal("x");
      }
      directory.removeBelow(target);
      const reviveFirst = await dieAt(at);
      await restore({ sink, name: "memory", target }).catch(() => undefined);
      reviveFirst();
      await bury(target);
    }
    expect(met, "moments at which something was still in place").to.be.greaterThan(4);
  });

  /** Kills a restore when its contexts are in place and its control DB isn't; tells before which operation. */
  async function untilPlaced(target: string): Promise<number> {
    for (let at = 40; ; at++) {
      const revive = await dieAt(at);
      await restore({ sink, name: "memory", target }).catch(() => undefined);
      revive();
      await bury(target);
      if ((await placedIn(target)).join() === "default") return at;
      directory.removeBelow(target);
    }
  }

  /** All but the working directories: of each file its content, of everything else its kind. */
  async function visible(target: string): Promise<Map<string, string>> {
    const seen = new Map<string, string>();
    for (const entry of await readdir(target, { recursive: true, withFileTypes: true })) {
      const path = join(entry.parentPath, entry.name);
      if (path.startsWith(join(target, ".axon"))) continue;
      seen.set(path, entry.isDirectory() ? "directory" : (await readFile(path)).toString("base64"));
    }
    return seen;
  }
});
