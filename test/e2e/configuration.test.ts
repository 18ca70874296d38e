import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { type Ended, filesBelow, Scene } from "../support/scene.js";
import { restorePointsAt } from "../support/repository.js";

/** Everything about a folder that a command could change. */
function stateOf(directory: string): string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  const paths = [directory, ...entries.map((entry) => join(entry.parentPath, entry.name))].sort();
  return paths.map((path) => {
    const { mode, mtimeMs, ctimeMs, ino } = statSync(path);
    const content = statSync(path).isFile() ? readFileSync(path, "base64") : "";
    return [path, mode, mtimeMs, ctimeMs, ino, content].join(" ");
  });
}

function expectForPeople({ stdout, stderr }: Ended): void {
  const output = stdout + stderr;
  expect(output).to.not.match(/\n\s+at .+:\d+/);
  expect(output).to.not.include("This was not foreseen").and.to.not.include("node_modules");
}

describe("a wrong configuration", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open();
  });
  afterEach(() => scene.close());

  const commands: readonly (readonly string[])[] = [
    ["check"],
    ["backup"],
    ["list"],
    ["show", "latest"],
    ["verify"],
    ["restore", "--to", "/nonexistent/target"],
  ];
  /** Every command refuses it, and nothing was asked of the server or done on a sink. */
  async function expectRefused(...texts: readonly string[]): Promise<void> {
    for (const command of commands) {
      const ended = await scene.expect(3, ...command);
      for (const text of texts) expect(ended.stderr, command.join(" ")).to.include(text);
      expectForPeople(ended);
    }
    expect(scene.server.requests).to.deep.equal([]);
    expect(filesBelow(scene.sinkPath()).size).to.equal(0);
  }

  it("unknown keys: each with file, line and column, and the nearest known one", async () => {
    const agent = join(scene.config, "agent.yaml");
    const sink = join(scene.config, "sinks.d/nas.yaml");
    writeFileSync(agent, `server:\n  urll: ${scene.server.url}\n  time_outs: {}\nlogs:\n  level: debug\n`);
    writeFileSync(sink, `type: local\npath: ${scene.sinkPath()}\nminfree: 5\n`);
    await expectRefused(
      `${agent}:2:3: server.urll: unknown key; did you mean server.url?`,
      `${agent}:3:3: server.time_outs: unknown key; did you mean server.timeouts?`,
      `${agent}:4:1: logs: unknown key; did you mean log?`,
      `${sink}:3:1: minfree: unknown key; did you mean min_free?`,
    );
  });

  it("values of a wrong kind, and a type of sink that doesn't exist", async () => {
    const agent = join(scene.config, "agent.yaml");
    const sink = join(scene.config, "sinks.d/nas.yaml");
    writeFileSync(
      agent,
      `server:\n  url: localhost:8024\n  storage: relative/path\n  timeouts: { request: soon }\n`,
    );
    writeFileSync(sink, `type: locl\npath: ${scene.sinkPath()}\n`);
    await expectRefused(
      `${agent}:2:`,
      "server.url",
      `${agent}:3:`,
      "server.storage",
      `${agent}:4:`,
      `${sink}:1:`,
      "did you mean local?",
    );
  });

  it("YAML that isn't any: the place", async () => {
    writeFileSync(join(scene.config, "agent.yaml"), "server:\n  url: [http://localhost\n");
    await expectRefused(join(scene.config, "agent.yaml"));
  });

  it("a secret in place of a reference is refused, and not repeated", async () => {
    const secret = "canary-90ab44f1";
    scene.writeAgentConfig(["storage: [{storage}]", `token: ${secret}`]);
    for (const command of commands) {
      const ended = await scene.expect(3, ...command, "--verbose");
      expect(ended.stdout + ended.stderr)
        .to.include("server.token")
        .and.to.not.include(secret);
      expectForPeople(ended);
    }
  });

  it("no folder, and a file in its place", async () => {
    rmSync(scene.config, { recursive: true });
    await expectRefused(scene.config, "there is no such folder", "--config");
    writeFileSync(scene.config, "server: {}\n");
    await expectRefused(scene.config, "is a file");
  });

  it("no sink", async () => {
    for (const gone of ["sinks.d/nas.yaml", "sinks.d"]) {
      rmSync(join(scene.config, gone), { recursive: true });
      for (const command of commands) {
        const ended = await scene.expect(3, ...command);
        // `check` looks at everything else as well, and gives this among its results.
        const said = command[0] === "check" ? ended.stdout : ended.stderr;
        expect(said, command.join(" ")).to.include("there is no sink").and.to.include("sinks.d/<name>.yaml");
        expectForPeople(ended);
      }
    }
    expect(scene.server.requests.filter(({ method }) => method === "POST")).to.deep.equal([]);
  });

  it("no agent.yaml: what needs the server says so, and what reads sinks works", async () => {
    await scene.expect(0, "backup");
    rmSync(join(scene.config, "agent.yaml"));
    const { stderr } = await scene.expect(3, "backup");
    expect(stderr).to.include(join(scene.config, "agent.yaml"));
    await scene.expect(0, "list");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
  });

  it("with --json, the problems are data", async () => {
    writeFileSync(join(scene.config, "agent.yaml"), `server:\n  urll: ${scene.server.url}\n`);
    const { error } = await scene.json<{
      error: { exitCode: number; problems: { file: string; line: number; key: string }[] };
    }>(["backup"], 3);
    expect(error.exitCode).to.equal(3);
    expect(error.problems.map(({ file, line, key }) => ({ file, line, key }))).to.deep.include({
      file: join(scene.config, "agent.yaml"),
      line: 2,
      key: "server.urll",
    });
  });
});

describe("a configuration that may only be read", () => {
  it("is enough for every command, and none changes it", async () => {
    const scene = await Scene.open();
    const folders = [scene.config, join(scene.config, "sinks.d")];
    try {
      for (const file of [join(scene.config, "agent.yaml"), join(scene.config, "sinks.d/nas.yaml")])
        chmodSync(file, 0o444);
      for (const folder of folders) chmodSync(folder, 0o555);
      // Permissions don't bind root: so what is there is compared, times included.
      const before = stateOf(scene.config);
      await scene.expect(0, "check");
      await scene.expect(0, "backup");
      const [id = ""] = restorePointsAt(scene.sinkPath());
      await scene.expect(0, "list");
      await scene.expect(0, "show", id);
      await scene.expect(0, "verify", "--read-data");
      await scene.expect(0, "restore", "--to", scene.path("restored"));
      await scene.expect(0, "restore", "--restore-point", id, "--token", "100", "--to", scene.path("cut"));
      expect(stateOf(scene.config)).to.deep.equal(before);
    } finally {
      for (const folder of folders) chmodSync(folder, 0o755);
      await scene.close();
    }
  });
});

describe("wrong usage", () => {
  let scene: Scene;
  before(async () => {
    scene = await Scene.open();
    await scene.expect(0, "backup");
    mkdirSync(scene.path("used"));
    writeFileSync(scene.path("used/file"), "mine\n");
  });
  after(() => scene.close());

  const cases: readonly [string, (path: (name: string) => string) => readonly string[], string][] = [
    ["no command", () => [], "a command is missing"],
    ["an unknown command", () => ["bakup"], "backup"],
    ["an unknown option", () => ["backup", "--snk", "nas"], "--sink"],
    ["an argument too many", () => ["backup", "now"], "argument"],
    ["an option without its value", () => ["backup", "--sink"], "--sink"],
    ["a restore without a target", () => ["restore"], "--to"],
    ["an unknown sink", () => ["verify", "--sink", "nsa"], "nas"],
    [
      "an unknown restore point",
      (path) => ["restore", "--restore-point", "20200101T000000.000Z", "--to", path("new")],
      "20200101T000000.000Z",
    ],
    [
      "something that is no restore point",
      (path) => ["restore", "--restore-point", "../x", "--to", path("new")],
      "../x",
    ],
    ["a token that is none", (path) => ["restore", "--token", "-1", "--to", path("new")], "is not a token"],
    ["a token beyond the head", (path) => ["restore", "--token", "99999", "--to", path("new")], "99999"],
    ["an unknown context", (path) => ["restore", "--context", "other", "--to", path("new")], "other"],
    ["a target that isn't empty", (path) => ["restore", "--to", path("used")], "is not empty"],
    ["a target without a parent", (path) => ["restore", "--to", path("a/b/c")], "is not a directory"],
  ];
  for (const [what, args, text] of cases)
    it(`${what}: exit code 2, in words`, async () => {
      const command = args((name) => scene.path(name));
      const ended = await scene.expect(2, ...command);
      expect(ended.stdout + ended.stderr).to.include(text);
      expectForPeople(ended);
      expect([...filesBelow(scene.path("used")).keys()]).to.deep.equal(["file"]);
      expect(readdirSync(scene.directory)).to.not.include("new");
    });
});
