import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import {
  copyStore,
  sampleStore,
  type Standin,
  type StandinOptions,
  startStandin,
} from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { folder, json, removeFolders, run } from "./support.js";
import { runAtTerminal } from "./support-terminal.js";

const TOKEN = "canary-5e1f-token";

describe("init", function () {
  this.timeout(60_000);

  let standin: Standin;
  let directory: string;

  async function start(options: Partial<StandinOptions> = {}): Promise<void> {
    directory = folder({ token: `${TOKEN}\n` });
    const storage = join(directory, "axon/data");
    mkdirSync(join(directory, "axon"));
    copyStore(sampleStore, storage);
    standin = await startStandin({ generation: "2023.2", storage, handoverInterval: 0, ...options });
  }
  afterEach(async () => {
    await standin.close();
    removeFolders();
  });

  const at = () => ["--config", join(directory, "config")];
  const init = (...argv: readonly string[]) => run(["init", "--server", standin.url, ...argv, ...at()]);
  const text = (name: string) => readFileSync(join(directory, "config", name), "utf8");
  const local = () => `nas=local:${directory}/nas`;

  it("without a terminal, writes by options alone what check and backup take", async () => {
    await start();
    const result = await init("--sink", local(), "--sink", "s3:bucket/axon");
    expect(result.code, result.stderr).to.equal(0);
    expect(result.stderr).to.equal("");
    expect(result.stdout)
      .to.contain("Axon Server SE 2023.2")
      .and.contain(`files in ${directory}/axon/data`)
      .and.contain(`wrote   ${directory}/config/agent.yaml`)
      .and.contain(`axon-backup --config ${directory}/config check`);
    expect(text("agent.yaml")).to.contain(`storage: [ ${directory}/axon/data ]`).and.contain("\n#contexts:");
    for (const name of ["agent.yaml", "sinks.d/nas.yaml", "sinks.d/s3.yaml"])
      expect(statSync(join(directory, "config", name)).mode & 0o777, name).to.equal(0o640);
    const backup = await run(["backup", "--sink", "nas", ...at()]);
    expect(backup.code, backup.stderr).to.equal(0);
    const verified = await run(["verify", "--sink", "nas", "--read-data", ...at()]);
    expect(verified.code, verified.stderr).to.equal(0);
  });

  it("refuses what can't be meant, says what to do, and writes nothing", async () => {
    await start();
    const refused = async (said: string, ...argv: readonly string[]) => {
      const { code, stderr } = await run(["init", "--server", standin.url, "--sink", local(), ...argv]);
      expect(code, stderr).to.equal(2);
      expect(stderr).to.contain(said);
      expect(existsSync(join(directory, "config"))).to.equal(false);
      return stderr;
    };
    expect(await refused(`${directory}/token is a file`, "--config", join(directory, "token"))).to.contain(
      "Name a folder",
    );
    expect(await refused(`${directory}/gone is not there`, "--storage", join(directory, "gone"), ...at()))
      .to.contain("--storage")
      .and.contain("mount it first");
    await refused(`${directory}/token is no directory`, "--storage", join(directory, "token"), ...at());
    await refused("is not there", "--control-db", join(directory, "gone"), ...at());
    await refused("--check and --no-check contradict each other", "--check", "--no-check", ...at());
    await refused("--check and --no-check contradict each other", "--no-check", "--check", ...at());
    expect(
      (await init("--sink", local(), "--storage", join(directory, "axon/data"), "--no-check")).code,
    ).to.equal(0);
  });

  it("finds the control DB's backups where there are any, and one more sink needs no server", async () => {
    await start();
    mkdirSync(join(directory, "axon/controldb-backups"));
    writeFileSync(join(directory, "axon/controldb-backups/controldb1.zip"), "PK");
    expect((await init("--sink", local())).code).to.equal(0);
    expect(text("agent.yaml")).to.contain(`control_db: [ ${directory}/axon/controldb-backups ]`);
    const agent = text("agent.yaml");
    await standin.close();
    const more = await run(["init", "--sink", "off=s3:bucket", "--json", ...at()]);
    expect(more.code).to.equal(0);
    expect(json(more)).to.deep.equal({
      directory: join(directory, "config"),
      server: null,
      written: [join(directory, "config/sinks.d/off.yaml")],
      kept: [join(directory, "config/agent.yaml")],
      hints: [],
    });
    expect(text("agent.yaml")).to.equal(agent);
  });

  it("never overwrites: what is there stays, and with nothing to write the exit code is 1", async () => {
    await start();
    mkdirSync(join(directory, "config/sinks.d"), { recursive: true });
    writeFileSync(join(directory, "config/sinks.d/nas.yaml"), "mine");
    const first = await init("--sink", local(), "--json");
    expect(json(first)).to.deep.include({
      written: [join(directory, "config/agent.yaml")],
      kept: [join(directory, "config/sinks.d/nas.yaml")],
    });
    expect(text("sinks.d/nas.yaml")).to.equal("mine");
    const again = await init("--sink", local());
    expect(again.code).to.equal(1);
    expect(again.stdout).to.contain("Nothing was written").and.contain("kept");
    expect(text("sinks.d/nas.yaml")).to.equal("mine");
    expect(readdirSync(join(directory, "config/sinks.d"))).to.deep.equal(["nas.yaml"]);
  });

  it("tells in JSON what it found", async () => {
    await start();
    const result = await init("--sink", local(), "--contexts", "default", "--json");
    expect(json(result)).to.deep.include({
      server: {
        url: standin.url,
        edition: "SE",
        version: "2023.2.2-SNAPSHOT",
        nodeName: "axonserver",
        authentication: false,
        contexts: ["default"],
        storage: [join(directory, "axon/data")],
        controlDb: [],
        paths: [],
      },
    });
    expect(text("agent.yaml")).to.contain("\ncontexts: [ default ]");
  });

  it("writes nothing when it can't end well", async () => {
    await start();
    const cases: readonly (readonly [readonly string[], number, string])[] = [
      [[], 2, "--sink is missing"],
      [["--sink", "nas"], 2, "is not a sink"],
      [["--sink", local(), "--contexts", "nope"], 2, "doesn't store nope"],
      [["--sink", local(), "--path", "x"], 2, "is not a mapping"],
      [["--sink", local(), "--check", "--json"], 2, "contradict"],
      [["--sink", "s3:x"], 2, "bucket"],
      [["--sink", `local:${directory}/axon/data/backup`], 2, "in each other"],
    ];
    for (const [argv, code, message] of cases) {
      const result = await init(...argv);
      expect(result.code, result.stdout).to.equal(code);
      expect(result.stderr).to.contain(message);
    }
    const unreachable = await run(["init", "--server", "http://127.0.0.1:1", "--sink", local(), ...at()]);
    expect(unreachable.code).to.equal(1);
    expect(unreachable.stderr).to.contain("127.0.0.1:1").and.contain("remedy");
    expect(existsSync(join(directory, "config"))).to.equal(false);
  });

  it("refers to the token, and never holds it", async () => {
    await start({ accessControl: { admin: TOKEN, application: "app" } });
    const without = await init("--sink", local());
    expect(without.code).to.equal(2);
    expect(without.stderr).to.contain("--token-file FILE");
    writeFileSync(join(directory, "wrong"), "another-token", { mode: 0o600 });
    const wrong = await init("--sink", local(), "--token-file", `${directory}/wrong`);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.contain(`the token in ${directory}/wrong is refused`);
    const result = await init("--sink", local(), "--token-file", `${directory}/token`);
    expect(result.code, result.stderr).to.equal(0);
    expect(text("agent.yaml")).to.contain(`token: { file: ${directory}/token }`).and.not.contain(TOKEN);
    expect((await run(["backup", ...at()])).code).to.equal(0);
  });

  it("proposes a mapping where the server's files aren't, and takes one", async () => {
    await start({ serverPath: "/axonserver/events", serverControlDbPath: "/axonserver/backup" });
    const lost = await init("--sink", local(), "--json");
    expect(lost.code).to.equal(0);
    const [hint, ...more] = json(lost)["hints"] as { message: string; remedy: string }[];
    expect(more).to.deep.equal([]);
    expect(hint?.message).to.contain("/axonserver/events").and.contain("doesn't have them there");
    expect(hint?.remedy).to.contain("--path /axonserver/events=DIR");
    renameSync(join(directory, "config"), join(directory, "config-lost"));
    const mapped = await init("--sink", local(), "--path", `/axonserver=${directory}/axon`, "--json");
    expect(json(mapped))
      .to.have.nested.property("hints")
      .that.deep.equals([
        {
          message: hint?.message.replace("/axonserver/events", `${directory}/axon/events`),
          remedy: hint?.remedy.replaceAll("/axonserver/events", `${directory}/axon/events`),
        },
      ]);
    renameSync(join(directory, "config"), join(directory, "config-wrong"));
    const right = await init("--sink", local(), "--path", `/axonserver/events=${directory}/axon/data`);
    expect(right.code, right.stderr).to.equal(0);
    expect(text("agent.yaml"))
      .to.contain(`paths: [ { server: /axonserver/events, local: ${directory}/axon/data } ]`)
      .and.contain(`storage: [ ${directory}/axon/data ]`);
  });

  it("at a terminal, asks for what isn't given, and checks", async () => {
    await start({ serverPath: "/axonserver/events", accessControl: { admin: TOKEN, application: "app" } });
    const result = await runAtTerminal(
      ["init", ...at()],
      [
        standin.url,
        `${directory}/token`,
        "default",
        `${directory}/axon/data`,
        `${directory}/axon`,
        "nas",
        local(),
        "",
        "yes",
      ],
    );
    expect(result.unasked).to.deep.equal([]);
    expect(result.stderr)
      .to.contain("HTTP address [http://localhost:8024]: ")
      .and.contain("access token")
      .and.contain("Contexts to back up (default) [all]: ")
      .and.contain("Where does this machine have /axonserver/events")
      .and.contain('"nas" is not a sink');
    expect(text("agent.yaml"))
      .to.contain(`local: ${directory}/axon/data`)
      .and.contain(`control_db: [ ${directory}/axon ]`)
      .and.contain("contexts: [ default ]");
    expect(result.stdout).to.contain("wrote").and.contain("ready to back up");
    expect(result.code).to.equal(0);
    expect(result.stdout + result.stderr).not.to.contain(TOKEN);
  });

  it("writes nothing when the terminal is closed", async () => {
    await start();
    const result = await runAtTerminal(["init", "--server", standin.url, ...at()], ["all", ""]);
    expect(result.code).to.equal(2);
    expect(result.stderr).to.contain("the terminal was closed");
    expect(existsSync(join(directory, "config"))).to.equal(false);
  });

  it("asks nothing with --yes", async () => {
    await start();
    const result = await runAtTerminal(
      ["init", "--server", standin.url, "--sink", local(), "--yes", ...at()],
      [],
    );
    expect(result.code, result.stderr).to.equal(0);
    expect(result.stderr).to.equal("");
  });

  it("knows an old server, too, and one of a cluster", async () => {
    await start({ generation: "4.4" });
    expect((await init("--sink", local())).code).to.equal(0);
    expect(text("agent.yaml")).to.contain(`storage: [ ${directory}/axon/data ]`);
    await standin.close();
    removeFolders();
    await start({ edition: "EE" });
    const result = await init("--sink", local());
    expect(result.stdout).to.contain("a node of a cluster");
  });
});
