import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { Readable, Writable } from "node:stream";
import {
  machineOf,
  newTempName,
  parseTempName,
  type ProcessIdentity,
  processState,
  processStateOn,
  thisProcess,
  writerState,
} from "@axon-backup/sink";
import { expect } from "chai";

describe("the identity of a process", () => {
  const self = thisProcess();
  /** Of a process of this machine. */
  const of = (pid: number, started = startOf(pid)): ProcessIdentity => ({ ...self, pid, started });
  const startOf = (pid: number): string =>
    readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.split(" ")[19] ?? "";
  const stateOf = (pid: number): string =>
    readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)?.charAt(0) ?? "";

  const children: ChildProcess[] = [];
  afterEach(async () => {
    for (const child of children.splice(0)) {
      const exit = once(child, "exit");
      if (child.exitCode === null && child.kill("SIGKILL")) await exit;
    }
  });

  interface Child {
    readonly pid: number;
    /** What it printed first. */
    readonly said: string;
    /** Its third descriptor. */
    readonly input: Writable;
  }

  async function child(script: string): Promise<Child> {
    const started = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit", "pipe"] });
    children.push(started);
    const [, output, , input] = started.stdio as unknown as [null, Readable, null, Writable];
    const [said] = (await once(output, "data")) as [Buffer];
    return { pid: started.pid ?? 0, said: said.toString().trim(), input };
  }

  async function until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise((resolve) => setImmediate(resolve));
  }

  it("is plain data, and every fact of it is known on Linux", () => {
    expect(JSON.parse(JSON.stringify(self))).to.deep.equal(self);
    expect(self.pid).to.equal(process.pid);
    for (const [fact, value] of Object.entries(self)) expect(value, fact).to.be.ok;
    expect(self.namespaces).to.match(/^pid:\[\d+\]( time:\[\d+\])?$/);
  });

  it("tells a process that runs from one that has ended", async () => {
    expect(processState(self)).to.equal("alive");
    const { pid } = await child("echo ready; exec sleep 60");
    expect(processState(of(pid))).to.equal("alive");
    expect(processState(of(1)), "another user's, for all but root").to.equal("alive");
    expect(processState(of(spawnSync("true").pid, "1"))).to.equal("dead");
  });

  it("calls a zombie dead: it has ended, and only its number is still there", async () => {
    // What it waits for ends when its parent is a program that never asks what became of it; a shell would.
    const { pid, said, input } = await child("cat <&3 & echo $!; exec sleep 60");
    const zombie = Number(said);
    await until(() => readFileSync(`/proc/${pid}/comm`, "utf8") === "sleep\n");
    expect(processState(of(zombie))).to.equal("alive");
    input.end();
    await until(() => stateOf(zombie) === "Z");
    expect(() => process.kill(zombie, 0)).to.not.throw();
    expect(processState(of(zombie))).to.equal("dead");
    expect(processStateOn(machineOf(self), zombie, null)).to.equal("dead");
  });

  it("isn't that of another process which got the number later", async () => {
    const { pid } = await child("echo ready; exec sleep 60");
    expect(processState(of(pid, "1"))).to.equal("dead");
    expect(processStateOn(machineOf(self), pid, "1")).to.equal("dead");
    expect(processStateOn(machineOf(self), pid, null), "which can't be told then").to.equal("alive");
  });

  it("is of one boot: what ran on this host before it was started again is dead", () => {
    const boot = "7d1a2c5e-0000-0000-0000-000000000000";
    expect(processState({ ...self, boot, started: "1" })).to.equal("dead");
    expect(processState({ ...self, boot, started: null })).to.equal("dead");
    expect(processState({ ...self, boot, namespaces: "pid:[1]" })).to.equal("dead");
  });

  it("is of this boot when it is there, whatever the boot is called: a container's services may not see its own id", () => {
    expect(processState({ ...self, boot: "another name" })).to.equal("alive");
  });

  it("says nothing of other hosts and of other containers, even those of the same host name", () => {
    expect(processState({ ...self, host: `${self.host}-2` })).to.equal("elsewhere");
    expect(processState({ ...self, host: `${self.host}-2`, boot: "other" })).to.equal("elsewhere");
    const dead = spawnSync("true").pid;
    expect(processState({ ...of(dead, "1"), namespaces: "pid:[1] time:[1]" })).to.equal("elsewhere");
  });

  it("is what is known of it, where a system tells less", () => {
    const less = { ...self, boot: null, namespaces: null, started: null };
    expect(processState(less)).to.equal("alive");
    expect(processState({ ...less, pid: spawnSync("true").pid })).to.equal("dead");
    // Written down by something that didn't know of these.
    const older = { host: self.host, pid: self.pid } as ProcessIdentity;
    expect(processState(older)).to.equal("alive");
  });

  it("has a machine in short, which differs when host, boot or namespaces do", () => {
    const machine = machineOf(self);
    expect(machine).to.match(/^[0-9a-f]{12}$/);
    expect(machineOf(of(1))).to.equal(machine);
    const others = [{ host: "other" }, { boot: "other" }, { namespaces: "other" }, { boot: null }];
    for (const other of others) expect(machineOf({ ...self, ...other })).to.not.equal(machine);
    expect(processStateOn(machine, self.pid, self.started)).to.equal("alive");
    expect(processStateOn(machine.slice(0, 8), self.pid, self.started)).to.equal("alive");
    expect(processStateOn("000000000000", self.pid, self.started)).to.equal("elsewhere");
    expect(processStateOn(machineOf({ ...self, boot: "earlier" }), 1, null)).to.equal("elsewhere");
  });

  it("is what a temporary name has of its writer", () => {
    const writer = parseTempName(newTempName());
    expect(writer).to.deep.equal({ machine: machineOf(self), pid: self.pid, start: self.started });
    if (writer === undefined) throw new Error("no name of ours");
    expect(writerState(writer)).to.equal("alive");
    expect(writerState({ ...writer, start: "1" })).to.equal("dead");
    expect(writerState({ ...writer, start: "0" }), "not known when it started").to.equal("alive");
  });
});
