import { expect } from "chai";
import { VERSION } from "../dist/version.js";
import { folder, json, removeFolders, run } from "./support.js";

const COMMANDS = [
  "demo",
  "init",
  "check",
  "backup",
  "list",
  "show",
  "verify",
  "restore",
  "schema",
  "completion",
];

describe("command line", () => {
  afterEach(removeFolders);

  const wrong: readonly (readonly [argv: readonly string[], message: string, remedy: string])[] = [
    [[], "a command is missing", "--help"],
    [["bakcup"], "unknown command 'bakcup'", "Did you mean backup?"],
    [["backup", "--snik", "x"], "unknown option '--snik'", "Did you mean --sink?"],
    [["--jsno", "backup"], "unknown option '--jsno'", "Did you mean --json?"],
    [["backup", "extra"], "too many arguments", "--help"],
    [["restore"], "--to is missing", "--check-only"],
    [["restore", "--check-only", "x", "--to", "y"], "--check-only restores nothing, and --to", "Leave one"],
    [["restore", "--check-only", ""], "--check-only is empty", "directory"],
    [["restore", "--to"], "argument missing", "--help"],
    [["restore", "--to", "x", "--to", "y"], "--to is given twice", "Leave one"],
    [["restore", "--to", "x", "--token", "1", "--token", "2"], "--token is given twice", "Leave one"],
    [["--config", "a", "list", "--config", "b"], "--config is given twice", "Leave one"],
    [["restore", "--to", ""], "--to is empty", "directory"],
    [["restore", "--to", "x", "--token", "-1"], '"-1" is not a token', "whole number"],
    [["restore", "--to", "x", "--token", "1.5"], '"1.5" is not a token', "whole number"],
    [["restore", "--to", "x", "--token", "9007199254740993"], "is not a token", "whole number"],
    [
      ["restore", "--to", "x", "--restore-point", "yesterday"],
      '"yesterday" is not a restore point',
      "axon-backup list",
    ],
    [["verify", "--restore-point", "20261324T000000.000Z"], "is not a restore point", "axon-backup list"],
    [["show"], "missing required argument 'id'", "--help"],
    [["show", "xyz"], '"xyz" is not a restore point', "axon-backup list"],
    [["schema"], "missing required argument 'file'", "--help"],
    [["schema", "sink"], "the sink's type is missing", "schema sink TYPE"],
    [["schema", "sinks"], 'no file "sinks"', "schema agent"],
    [["schema", "agent", "local"], "agent.yaml has no types", "schema agent"],
    [["list", "--quiet", "--verbose"], "contradict", "Leave one"],
    [["list", "--config", ""], "--config is empty", "folder"],
  ];
  for (const [argv, message, remedy] of wrong)
    it(`is wrong usage: axon-backup ${argv.join(" ")}`, async () => {
      const { code, stdout, stderr } = await run(argv);
      expect(code).to.equal(2);
      expect(stdout).to.equal("");
      expect(stderr)
        .to.match(/^axon-backup: .*\n {2}→ .*\n$/)
        .and.contain(message)
        .and.contain(remedy);
    });

  it("gives an error as JSON too, wherever --json stands", async () => {
    for (const argv of [
      ["--json", "show", "xyz"],
      ["show", "xyz", "--json"],
    ]) {
      const result = await run(argv);
      expect(json(result)["error"]).to.include({ exitCode: 2 });
      expect(result.stderr).to.contain("not a restore point");
    }
  });

  it("takes global options before and after the command", async () => {
    const directory = folder();
    for (const argv of [
      ["--config", directory, "list"],
      ["list", "--config", directory],
    ]) {
      const { code, stderr } = await run(argv);
      expect(code).to.equal(3);
      expect(stderr).to.contain(`${directory}: there is no sink`);
    }
  });

  it("names every problem of the configuration, and the remedy", async () => {
    const directory = folder({ "agent.yaml": "server: {ulr: x}\n" });
    const result = await run(["backup", "--json", "--config", directory]);
    expect(result.code).to.equal(3);
    expect(result.stderr).to.contain("agent.yaml:1:10: server.ulr: unknown key; did you mean server.url?");
    expect(json(result)["error"]).to.have.property("problems").with.length(2);
  });

  it("needs a server for a backup, and says so", async () => {
    const directory = folder({ "sinks.d/nas.yaml": "type: local\npath: /tmp\n" });
    const { code, stderr } = await run(["backup", "--config", directory]);
    expect(code).to.equal(3);
    expect(stderr).to.contain(`${directory}/agent.yaml: there is no such file`).and.contain("server: {url:");
  });

  it("finds sinks by name, and helps with the wrong ones", async () => {
    const directory = folder({
      "sinks.d/nas.yaml": "type: local\npath: /nonexistent/a\n",
      "sinks.d/offsite.yaml": "type: local\npath: /nonexistent/b\n",
      "sinks.d/off.yaml": "type: local\npath: /nonexistent/c\nenabled: false\n",
    });
    const at = ["--config", directory];
    expect((await run(["list", "--sink", "nsa", ...at])).stderr)
      .to.contain('there is no sink "nsa"')
      .and.contain("Did you mean nas?");
    expect((await run(["list", "--sink", "off", ...at])).stderr).to.contain("off is switched off");
    const several = await run(["restore", "--to", "/tmp/x", ...at]);
    expect(several).to.include({ code: 2 });
    expect(several.stderr).to.match(
      /^axon-backup: there are several sinks\n {2}→ .* with --sink: nas, offsite\. /,
    );
  });

  it("helps: every command with description, global options and examples that are right", async () => {
    const program = await run(["--help"]);
    expect(program.code).to.equal(0);
    expect(program.stdout).to.contain("Exit codes:").and.contain("130").and.contain("Examples:");
    for (const command of COMMANDS) {
      expect(program.stdout).to.match(new RegExp(`^  ${command} `, "m"));
      const { code, stdout, stderr } = await run([command, "--help"]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      expect(stdout).to.contain("--config <dir>").and.contain("Examples:\n  axon-backup");
      for (const example of stdout
        .slice(stdout.indexOf("Examples:"))
        .match(/(?<=^ {2}axon-backup ).*?(?= \||$)/gm) ?? [])
        expect((await run([...example.split(" "), "--help"])).code, example).to.equal(0);
    }
  });

  it("tells its version", async () => {
    expect(await run(["--version"])).to.deep.equal({ code: 0, stdout: `${VERSION}\n`, stderr: "" });
  });
});
