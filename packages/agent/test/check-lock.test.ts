import type { Lock } from "@axon-backup/core";
import { thisProcess } from "@axon-backup/sink";
import { expect } from "chai";
import { lockRows } from "../dist/checks/lock-rows.js";
import { lockJson } from "../dist/views/unlock.js";

const SINCE = "2026-11-24T12:00:00.000Z";

function lock(state: Lock["state"], command?: "backup" | "run"): Lock {
  const process = { ...thisProcess(), host: "backup-1", pid: 4711 };
  return {
    holder: { process, agent: "0.1.0", ...(command && { command }), since: SINCE, renewed: SINCE },
    modified: undefined,
    state,
  };
}

describe("the check of a sink's lock", () => {
  it("says nothing of none, and of a dead process's", () => {
    expect(lockRows("nas", undefined)).to.deep.equal([]);
    expect(lockRows("nas", lock("dead", "run"))).to.deep.equal([]);
  });

  it("names the service as such, with host, process, since when and the command", () => {
    const [row] = lockRows("nas", lock("alive", "run"));
    expect(row).to.deep.equal({
      check: "lock",
      subject: "nas",
      outcome: "ok",
      detail:
        "axon-backup run (the service), process 4711 on backup-1, has the lock on the repository since 2026-11-24 12:00:00 UTC",
      remedy: null,
    });
  });

  it("warns of a service elsewhere, of another run, and of who can't be told", () => {
    const [service] = lockRows("nas", lock("unknown", "run"));
    expect(service).to.deep.include({ outcome: "warning" });
    expect(service?.detail).to.contain("axon-backup run (the service), process 4711 on backup-1");
    expect(service?.remedy).to.contain("systemctl stop axon-backup");
    const [backup] = lockRows("nas", lock("alive", "backup"));
    expect(backup?.detail).to.contain("axon-backup backup, process 4711").and.contain("exit code 6");
    expect(backup?.remedy).to.contain("unlock");
    const [old] = lockRows("nas", lock("alive"));
    expect(old?.detail).to.match(/^process 4711 on backup-1/);
    const [unreadable] = lockRows("nas", { holder: null, modified: undefined, state: "unknown" });
    expect(unreadable?.outcome).to.equal("warning");
  });

  it("has the command in JSON", () => {
    expect(lockJson(lock("alive", "run"))).to.deep.include({ command: "run", host: "backup-1", pid: 4711 });
    expect(lockJson(lock("alive"))).to.deep.include({ command: null });
  });
});
