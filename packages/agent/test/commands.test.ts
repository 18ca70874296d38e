import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyStore, sampleStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { folder, json, removeFolders, run } from "./support.js";

const CANARY = "canary-0b3c-token";
const ID = /^\d{8}T\d{6}\.\d{3}Z$/;

describe("commands", function () {
  // `check` stores some hundred objects, and each is synced.
  this.timeout(60_000);

  let standin: Standin;
  let directory: string;

  beforeEach(async () => {
    directory = folder({ token: `${CANARY}\n` });
    const storage = join(directory, "store");
    copyStore(sampleStore, storage);
    standin = await startStandin({
      generation: "2023.2",
      storage,
      handoverInterval: 0,
      accessControl: { admin: CANARY, application: "application" },
    });
    const config = {
      "config/agent.yaml": `server:\n  url: ${standin.url}\n  token: {file: ${directory}/token}\n  storage: [${storage}]\nservice: {listen: off}\n`,
      "config/sinks.d/nas.yaml": `type: local\npath: ${directory}/nas\n`,
      "config/sinks.d/offsite.yaml": `type: local\npath: ${directory}/offsite\n`,
    };
    for (const [name, content] of Object.entries(config)) write(name, content);
  });

  afterEach(async () => {
    await standin.close();
    removeFolders();
  });

  function write(name: string, content: string): void {
    const path = join(directory, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
  }

  const agent = (...argv: readonly string[]) => run([...argv, "--config", join(directory, "config")]);

  it("check passes when everything is there, and leaves nothing behind", async () => {
    const result = await agent("check", "--json");
    expect(result.code, result.stderr).to.equal(0);
    const { ok, checks, sinks } = json(result) as {
      ok: boolean;
      checks: Record<string, unknown>[];
      sinks: { sink: string; capabilities: Record<string, unknown>[] }[];
    };
    expect(ok).to.equal(true);
    expect(checks.map((row) => `${String(row["check"])} ${String(row["subject"])}`.trim())).to.deep.equal([
      "configuration",
      "server",
      "clock",
      "token",
      "files default snapshots",
      "files default events",
      "storage",
      "control db",
      "open files",
      "sink nas",
      "clock nas",
      "sink offsite",
      "clock offsite",
      "disk nas",
      "disk offsite",
    ]);
    expect(checks.filter(({ outcome }) => outcome === "warning").map(({ check }) => check)).to.deep.equal([
      "control db",
      "disk",
      "disk",
    ]);
    for (const row of checks)
      expect(Object.keys(row)).to.deep.equal(["check", "subject", "outcome", "detail", "remedy"]);
    expect(sinks.map(({ sink }) => sink)).to.deep.equal(["nas", "offsite"]);
    for (const row of sinks.flatMap(({ capabilities }) => capabilities)) {
      expect(Object.keys(row)).to.deep.equal(["capability", "can", "detail", "remedy"]);
      const lacks = row["capability"] === "replace if unchanged";
      expect(row["can"], String(row["capability"])).to.equal(lacks ? "no" : "yes");
    }
    expect(readdirSync(join(directory, "nas"), { recursive: true })).to.deep.equal([]);
  });

  it("check names what is missing, each with its remedy", async () => {
    write(
      "config/agent.yaml",
      `server: {url: "${standin.url}", token: {file: ${directory}/wrong}}\ncontexts: [default, nope]\n`,
    );
    write("wrong", "wrong-token");
    write("config/sinks.d/bad.yaml", "type: local\npath: /nonexistent/a/b\n");
    write("foreign/file", "x");
    write("config/sinks.d/foreign.yaml", `type: local\npath: ${directory}/foreign\n`);
    const denied = await agent("check");
    expect(denied.code).to.equal(1);
    expect(denied.stdout).to.match(/^FAILED +token .*\n +→ .*server\.token/m);
    expect(denied.stdout).to.match(/^FAILED +sink bad .*\n +→ /m);
    expect(denied.stdout).to.match(/^FAILED +sink foreign .*\n +→ /m);
    expect(readdirSync(join(directory, "foreign"))).to.deep.equal(["file"]);

    write("wrong", CANARY);
    const unknown = await agent("check");
    expect(unknown.stdout).to.match(/^FAILED +files nope .*\n +→ .*default/m);
    expect(unknown.stdout).to.match(/^warning +storage .*\n +→ Set server\.storage/m);
  });

  it("check without sinks or server is wrong configuration", async () => {
    const empty = folder();
    const { code, stdout } = await run(["check", "--config", empty]);
    expect(code).to.equal(3);
    expect(stdout)
      .to.match(/^FAILED +server /m)
      .and.match(/^FAILED +sinks /m);
  });

  it("backup, list, show and verify tell of the same restore point, in the documented shapes", async () => {
    const made = await agent("backup", "--json");
    expect(made.code, made.stderr).to.equal(0);
    const report = json(made) as { sinks: Record<string, unknown>[] };
    expect(Object.keys(report)).to.deep.equal(["started", "finished", "sinks"]);
    expect(report.sinks.map(({ sink, outcome }) => [sink, outcome])).to.deep.equal([
      ["nas", "committed"],
      ["offsite", "committed"],
    ]);
    const [nas] = report.sinks;
    const id = String(nas?.["restorePoint"]);
    expect(id).to.match(ID);
    const [context] = nas?.["contexts"] as Record<string, unknown>[];
    expect(context).to.have.all.keys(
      "context",
      "added",
      "inherited",
      "overwritten",
      "repaired",
      "lastEventToken",
      "lastEventTokenExact",
      "lastSnapshotToken",
      "lastSnapshotTokenExact",
    );
    expect(context).to.include({ context: "default", lastEventToken: 172, lastEventTokenExact: true });
    expect(context).to.include({ lastSnapshotToken: 39, lastSnapshotTokenExact: true });

    const listed = json(await agent("list", "--json", "--sink", "nas"));
    expect(listed).to.have.nested.property("sinks[0].restorePoints[0].id", id);
    expect(listed).to.have.nested.property("sinks[0].restorePoints[0].parent", null);
    expect(listed).to.have.nested.property("sinks[0].restorePoints[0].contexts[0].lastEventToken", 172);

    const shown = json(await agent("show", id, "--json"));
    expect(shown).to.have.nested.property("sinks[0].restorePoint.id", id);
    expect(shown).to.have.nested.property("sinks[1].restorePoint.contexts[0].events.lastToken", 172);
    expect(shown).to.have.nested.property("sinks[0].restorePoint.contexts[0].events.open[0].name");

    const verified = await agent("verify", "--json");
    expect(verified.code).to.equal(0);
    expect(json(verified)).to.have.nested.property("sinks[1].damaged", false);
    expect(json(verified)).to.have.nested.property("sinks[1].restorePoints").that.deep.equals([id]);
  });

  it("backup tells people what was new, inherited and overwritten", async () => {
    await agent("backup");
    standin.appendSample("default", 60);
    const { code, stdout } = await agent("backup");
    expect(code).to.equal(0);
    expect(stdout).to.match(/^SINK +CONTEXT +NEW +INHERITED +OPEN, OVERWRITTEN +REPAIRED +LAST EVENT\n/);
    expect(stdout).to.match(/^nas +default +\d+ \(.*iB\) +\d+ \(.*iB\) +2 \(.*iB\) +- +232$/m);
    expect(stdout).to.match(/^nas: restore point \d{8}T\S+Z; sent .* in \d+ objects/m);
    expect((await agent("list")).stdout).to.match(
      /default: 172 .* none \(first\)\n.*default: 232 .* \d{8}T\S+Z\n/,
    );
  });

  it("a sink that fails is told of, and harms no other: exit code 4", async () => {
    write("config/sinks.d/bad.yaml", "type: local\npath: /nonexistent/a/b\n");
    const result = await agent("backup", "--json");
    expect(result.code).to.equal(4);
    const { sinks } = json(result) as { sinks: Record<string, unknown>[] };
    expect(sinks.map(({ outcome }) => outcome)).to.deep.equal(["failed", "committed", "committed"]);
    expect(sinks[0]?.["error"]).to.have.all.keys("message", "causes", "remedy", "exitCode");
    expect(result.stderr).to.contain('"sink":"bad"');
    expect((await agent("backup", "--sink", "bad")).code).to.equal(1);
    expect((await agent("list")).code).to.equal(4);
    expect((await agent("backup", "--sink", "nas")).code).to.equal(0);
  });

  it("verify finds damage (exit code 5), and the next backup repairs it", async () => {
    await agent("backup", "--sink", "nas");
    const segment = join(directory, "nas/contexts/default/events/00000000000000000034.events");
    const bytes = readFileSync(segment);
    bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
    writeFileSync(segment, bytes);
    const found = await agent("verify", "--sink", "nas", "--read-data");
    expect(found.code).to.equal(5);
    expect(found.stdout).to.contain("nas: DAMAGED: 1 finding").and.contain("00000000000000000034.events");
    expect((await agent("backup", "--sink", "nas")).stdout).to.match(/ 1 \(16\.0 KiB\) +172$/m);
    expect((await agent("verify", "--sink", "nas", "--read-data")).code).to.equal(0);
  });

  it("restore brings the store back and says what is left to do", async () => {
    await agent("backup");
    const target = join(directory, "restored");
    const { code, stdout, stderr } = await agent("restore", "--sink", "nas", "--to", target);
    expect(code, stderr).to.equal(0);
    expect(stdout)
      .to.contain(`axoniq.axonserver.event.storage=${target}`)
      .and.contain(`axoniq.axonserver.snapshot.storage=${target}`)
      .and.contain(`axoniq.axonserver.controldb-path=${target}`)
      .and.contain("Context default: the last event has token 172");
    const name = "00000000000000000034.events";
    expect(
      readFileSync(join(target, "default", name)).equals(
        readFileSync(join(directory, "store/default", name)),
      ),
    ).to.equal(true);

    const again = await agent("restore", "--sink", "nas", "--to", target);
    expect(again.code).to.equal(2);
    const cut = await agent(
      "restore",
      "--sink",
      "nas",
      "--to",
      join(directory, "cut"),
      "--token",
      "100",
      "--json",
    );
    expect(json(cut)).to.have.nested.property("contexts[0].events.lastToken").that.is.within(100, 104);
    expect(json(cut)["settings"]).to.have.property(
      "axoniq.axonserver.controldb-path",
      join(directory, "cut"),
    );
  });

  it("restore needs no agent.yaml: a sink is enough", async () => {
    await agent("backup", "--sink", "nas");
    const fresh = folder({ "sinks.d/nas.yaml": `type: local\npath: ${directory}/nas\n` });
    expect((await run(["restore", "--to", join(directory, "elsewhere"), "--config", fresh])).code).to.equal(
      0,
    );
  });

  it("restore prints nothing of its target's name that could steer a terminal", async () => {
    await agent("backup", "--sink", "nas");
    const target = join(directory, "a\u001b[2Jb\nc");
    const { code, stdout } = await agent("restore", "--sink", "nas", "--to", target);
    expect(code).to.equal(0);
    expect(stdout).not.to.contain("\u001b");
    expect(stdout)
      .to.contain("a\\u{1b}[2Jb\\u{a}c:")
      .and.contain(`chown -R axonserver: $'${directory}/a\\x1b\\x5b2Jb\\x0ac'\n`);
  });

  it("list names a sink that fails, also when it is the only one", async () => {
    write("nas/foreign", "x");
    const { code, stdout } = await agent("list", "--sink", "nas");
    expect(code).to.equal(1);
    expect(stdout).to.equal("sink nas: failed\n");
  });

  it("reading commands make nothing, and say that there is nothing", async () => {
    write("config/sinks.d/offsite.yaml", `type: local\npath: ${directory}/offsite\nenabled: false\n`);
    expect((await agent("list")).code).to.equal(1);
    expect((await agent("verify")).code).to.equal(1);
    expect(existsSync(join(directory, "nas"))).to.equal(false);
    write("nas/.keep", "");
    expect(await agent("list")).to.include({ code: 0, stdout: "no restore points\n" });
    const none = await agent("show", "latest");
    expect(none.code).to.equal(2);
    expect(none.stderr).to.contain("there are no restore points yet");
  });

  it("no output of any command holds the secret, whatever the server echoes", async () => {
    const commands = [
      ["check"],
      ["backup"],
      ["list"],
      ["show", "latest"],
      ["verify", "--read-data"],
      ["restore", "--sink", "nas", "--to", join(directory, "x")],
    ];
    const runAll = async () => {
      let text = "";
      for (const [flags, tty] of [
        [["--verbose"], false],
        [["--verbose"], true],
        [["--json"], false],
      ] as const)
        for (const command of commands) {
          const { stdout, stderr } = await run(
            [...command, ...flags, "--config", join(directory, "config")],
            {},
            tty,
          );
          text += stdout + stderr;
        }
      return text;
    };
    const well = await runAll();
    standin.misbehave({ behaviour: { kind: "status", status: 400, body: `bad token ${CANARY}` } });
    const badly = await runAll();
    expect(well).to.contain("committed");
    expect(badly).to.contain("bad token [token]");
    for (const form of [CANARY, Buffer.from(CANARY).toString("base64")])
      expect(well + badly).not.to.contain(form);
    // Nothing but the last line of defence helps here.
    write("config/sinks.d/leaky.yaml", `type: local\npath: /nonexistent/${CANARY}/x\n`);
    expect((await agent("check")).stdout)
      .to.contain("/nonexistent/[secret]/x")
      .and.not.contain(CANARY);
  });
});
