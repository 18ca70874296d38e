import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { clockRows } from "../dist/checks/clocks.js";
import { controlDbRows } from "../dist/checks/control-db.js";
import { diskRows } from "../dist/checks/disk-rows.js";
import { disksOf } from "../dist/checks/disks.js";
import { openFileLimit, openFileRow, openFileRows } from "../dist/checks/open-files.js";
import type { CheckRow } from "../dist/checks/types.js";
import { unknownVersion } from "../dist/checks/version.js";
import { folder, removeFolders } from "./support.js";

const outcomes = (rows: readonly CheckRow[]) =>
  rows.map(({ check, subject, outcome }) => [check, subject, outcome]);

describe("the check of the control DB's backups", () => {
  afterEach(removeFolders);
  const server = { url: "http://localhost:8024", paths: [], timeouts: {} };
  const check = (controlDb: string, removeControlDbZips = false) =>
    controlDbRows({ ...server, controlDb: [controlDb], ...(removeControlDbZips && { removeControlDbZips }) });
  const outcomesOf = async (rows: Promise<readonly CheckRow[]>) =>
    (await rows).map(({ check: name, outcome }) => [name, outcome]);

  it("warns where nothing tells where they are", async () => {
    const rows = await controlDbRows(server);
    expect(outcomes(rows)).to.deep.equal([["control db", "", "warning"]]);
    expect(rows[0]?.remedy).to.contain("server.control_db").and.contain("controldb-backup-location");
  });

  it("reads from the newest that is there, and makes none", async () => {
    const directory = folder({
      "controldb999.zip": "",
      "controldb1000.zip": "PK",
      "controldb2000.zip.tmp": "",
    });
    const rows = await check(directory);
    expect(outcomes(rows)).to.deep.equal([
      ["control db", directory, "ok"],
      ["left behind", directory, "ok"],
    ]);
    expect(rows[0]?.detail).to.contain("controldb1000.zip");
    expect(rows[1]?.detail).to.equal("2 control DB backups, 2 B");
    expect(readdirSync(directory)).to.have.length(3);
    expect(await outcomesOf(check(folder()))).to.deep.equal([["control db", "ok"]]);
  });

  it("fails when they can't be read, and says how they could be", async () => {
    const missing = await check("/nonexistent/backups");
    expect(outcomes(missing)).to.deep.equal([["control db", "/nonexistent/backups", "failed"]]);
    expect(missing[0]?.remedy).to.contain("usermod");
    const directory = folder({ "controldb1.zip": "PK" });
    // Whoever runs this: a link isn't followed.
    symlinkSync("/etc/hostname", join(directory, "controldb5.zip"));
    expect(await outcomesOf(check(directory))).to.deep.equal([
      ["control db", "ok"],
      ["left behind", "ok"],
    ]);
    chmodSync(join(directory, "controldb1.zip"), 0o200);
    chmodSync(directory, 0o755);
    const rows = await asNobody(() => check(directory));
    expect(outcomes(rows)[0]).to.deep.equal(["control db", directory, "failed"]);
    expect(rows[0]?.remedy).to.contain("UMask");
  });

  it("warns when many are left behind, or large ones", async () => {
    const many = folder(
      Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`controldb${i + 1}.zip`, "PK"])),
    );
    const rows = await check(many);
    expect(outcomes(rows)[1]).to.deep.equal(["left behind", many, "warning"]);
    expect(rows[1]?.remedy).to.contain("server.remove_control_db_zips: true");
    expect((await check(many, true))[1]?.remedy).to.contain("remove only what they have asked for");
  });

  it("warns when what is to be removed can't be", () => {
    const directory = folder({ "controldb1.zip": "PK" });
    chmodSync(join(directory, "controldb1.zip"), 0o644);
    chmodSync(directory, 0o555);
    const module = new URL("../dist/checks/control-db.js", import.meta.url).href;
    const options = JSON.stringify({ ...server, controlDb: [directory], removeControlDbZips: true });
    const code = `import(${JSON.stringify(module)}).then(async ({ controlDbRows }) => { console.log(JSON.stringify(await controlDbRows(${options}))); });`;
    // What may be written is asked of the real user, who can't be changed back.
    const nobody = process.geteuid?.() === 0 ? { uid: 65534, gid: 65534 } : {};
    const { stdout, stderr } = spawnSync(process.execPath, ["-e", code], { encoding: "utf8", ...nobody });
    chmodSync(directory, 0o755);
    expect(stderr).to.equal("");
    const rows = JSON.parse(stdout) as readonly CheckRow[];
    expect(rows.map(({ outcome }) => outcome)).to.deep.equal(["ok", "warning", "ok"]);
    expect(rows[1]?.detail).to.contain("may not write");
  });
});

/** Root may do everything; so the process is somebody else for a moment. */
async function asNobody<T>(use: () => Promise<T>): Promise<T> {
  if (process.geteuid?.() !== 0) return use();
  process.seteuid?.(65534);
  try {
    return await use();
  } finally {
    process.seteuid?.(0);
  }
}

describe("the check of clocks", () => {
  const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000);
  const outcome = (time: number, answered = 0.1) =>
    clockRows("nas", "its clock", { time: at(time), asked: at(0), answered: at(answered) })[0];

  it("takes them for right within what can be told", () => {
    for (const [time, answered] of [
      [0, 0.1],
      [-11, 0.1],
      [10, 0.1],
      [30, 31],
    ] as const)
      expect(outcome(time, answered), String(time)).to.include({
        outcome: "ok",
        check: "clock",
        subject: "nas",
      });
  });

  it("warns when they are apart, and which way", () => {
    expect(outcome(60)).to.include({ outcome: "warning" });
    expect(outcome(60)?.detail).to.contain("1 min ahead of");
    expect(outcome(-62)?.detail).to.contain("1 min behind");
    expect(outcome(-62)?.remedy).to.contain("NTP");
  });

  it("says nothing of one that doesn't tell", () => {
    expect(clockRows("", "x", undefined)).to.deep.equal([]);
    expect(clockRows("", "x", null)).to.deep.equal([]);
  });
});

describe("the check of disks", () => {
  afterEach(removeFolders);
  const place = (sink: string, ...disks: readonly string[]) => ({ sink, disks: new Set(disks) });
  const server = new Set(["sda"]);

  it("warns when every sink is on the server's disk", () => {
    const rows = diskRows(server, [place("a", "sda"), place("b", "sda", "sdb")]);
    expect(outcomes(rows)).to.deep.equal([
      ["disk", "a", "warning"],
      ["disk", "b", "warning"],
    ]);
    expect(rows[0]?.remedy).to.contain("another machine");
  });

  it("is content with one that is elsewhere", () => {
    const elsewhere = { sink: "s3", disks: undefined };
    expect(outcomes(diskRows(server, [place("a", "sda"), elsewhere]))).to.deep.equal([["disk", "a", "ok"]]);
    expect(outcomes(diskRows(server, [place("a", "sda"), place("b", "sdb")]))).to.deep.equal([
      ["disk", "a", "ok"],
      ["disk", "b", "ok"],
    ]);
  });

  it("takes a directory that can't be looked at for nothing", async () => {
    expect(await disksOf("/nonexistent")).to.have.property("size", 0);
    expect(outcomes(diskRows(server, [place("a", "sda"), place("gone")]))).to.deep.equal([
      ["disk", "a", "warning"],
    ]);
  });

  it("sees partitions of one disk, and what mapped devices lie on", async () => {
    const directory = folder();
    const { dev } = statSync(directory);
    const number = `${(dev >> 8) & 0xfff}:${(dev & 0xff) | ((dev >> 12) & ~0xff)}`;
    const devices = (target: string): string => {
      const sys = folder();
      for (const made of ["block", "sda/sda1", "sdb/sdb1", "dm-0/slaves"])
        mkdirSync(join(sys, made), { recursive: true });
      for (const partition of ["sda/sda1", "sdb/sdb1"]) writeFileSync(join(sys, partition, "partition"), "1");
      symlinkSync("../../sda/sda1", join(sys, "dm-0/slaves/sda1"));
      symlinkSync("../../sdb/sdb1", join(sys, "dm-0/slaves/sdb1"));
      symlinkSync(`../${target}`, join(sys, "block", number));
      return join(sys, "block");
    };
    expect([...(await disksOf(directory, devices("sda/sda1")))]).to.deep.equal(["sda"]);
    expect([...(await disksOf(directory, devices("sda")))]).to.deep.equal(["sda"]);
    expect([...(await disksOf(directory, devices("dm-0")))].sort()).to.deep.equal(["sda", "sdb"]);
    expect([...(await disksOf(directory, folder()))]).to.deep.equal([number]);
  });
});

describe("the check of open files", () => {
  const limits = (soft: string) =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax processes             7823                 7823                 processes \nMax open files            ${soft.padEnd(20)} 524288               files     \n`;

  it("reads the limit that holds", async () => {
    expect(openFileLimit(limits("1024"))).to.equal(1024);
    expect(openFileLimit(limits("unlimited"))).to.equal(Infinity);
    expect(openFileLimit("")).to.equal(undefined);
    expect((await openFileRows([4]))[0]).to.include({ check: "open files" });
  });

  it("compares it with the connections of all sinks", () => {
    expect(openFileRow(1024, [16, 16])).to.include({ outcome: "ok", remedy: null });
    const row = openFileRow(256, [32, 32]);
    expect(row).to.include({ outcome: "warning" });
    expect(row.detail).to.contain("256 files").and.contain("320");
    expect(row.remedy).to.contain("LimitNOFILE=4096");
  });
});

describe("the check of the server's version", () => {
  for (const version of ["4.1.0", "4.4.14-SNAPSHOT", "4.6.12", "2023.0.1", "2023.2.2"])
    it(`knows ${version}`, () => {
      expect(unknownVersion(version)).to.equal(undefined);
    });
  for (const [version, text] of [
    ["4.0.3", "not one"],
    ["3.9", "not one"],
    ["2024.1.0", "newer"],
    ["2025.1.0", "DCB"],
    ["next", "not one"],
  ] as const)
    it(`warns of ${version}`, () => {
      expect(unknownVersion(version)).to.contain(text);
    });
});
