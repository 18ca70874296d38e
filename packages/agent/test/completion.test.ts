import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { describeProgram } from "../dist/cli/describe.js";
import { folder, removeFolders, run } from "./support.js";

const ENV = {
  PATH: process.env["PATH"] ?? "",
  // Where nobody can make anything: fish would.
  HOME: "/proc",
  LD_LIBRARY_PATH: process.env["LD_LIBRARY_PATH"],
  FPATH: process.env["FPATH"],
  MODULE_PATH: process.env["MODULE_PATH"],
  TERM: "dumb",
  LC_ALL: "C.UTF-8",
};

/** Whether a shell is installed; zsh and fish are not on every machine. */
function has(shell: string): boolean {
  return spawnSync(shell, ["-c", "true"], { env: ENV }).status === 0;
}

/** What a shell offers for a line, each without its description, sorted. */
type Complete = (line: string) => readonly string[];

const sorted = (text: string): readonly string[] => [...new Set(lines(text))].sort();

const lines = (text: string): readonly string[] =>
  text
    .split("\n")
    .map((line) => line.split("\t")[0]?.trim() ?? "")
    .filter((line) => line !== "");

describe("completion", function () {
  this.timeout(60_000);

  let directory: string;
  let config: string;
  const scripts: Record<string, string> = {};

  before(async () => {
    directory = folder();
    config = join(directory, "config");
    mkdirSync(join(config, "sinks.d"), { recursive: true });
    for (const name of ["nas.yaml", "offsite.yaml"])
      writeFileSync(join(config, "sinks.d", name), `type: local\npath: ${directory}/${name}\n`);
    writeFileSync(
      join(config, "agent.yaml"),
      'server: {url: "http://localhost:8024"}\nnotifications: [{webhook: {url: "https://a.example"}}, {name: pager, command: {run: [/bin/true]}}]\n',
    );
    mkdirSync(join(directory, "bin"));
    const program = fileURLToPath(new URL("../bin/axon-backup.js", import.meta.url));
    writeFileSync(
      join(directory, "bin/axon-backup"),
      `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`,
      { mode: 0o755 },
    );
    ENV.PATH = `${join(directory, "bin")}:${ENV.PATH}`;
    for (const shell of ["bash", "zsh", "fish"]) {
      const { code, stdout, stderr } = await run(["completion", shell]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
      scripts[shell] = join(directory, `axon-backup.${shell}`);
      writeFileSync(scripts[shell], stdout);
    }
  });
  after(removeFolders);

  const script = (shell: string): string => scripts[shell] ?? "";

  const bash: Complete = (line) => {
    // As readline does: words, = apart, and the last one is what is being typed.
    const words = line.split(/ +|(?<==)|(?==)/);
    const code = `set -u; source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _axon_backup; ((\${#COMPREPLY[@]})) && printf '%s\\n' "\${COMPREPLY[@]}"; complete -p axon-backup >&2`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", code, "-", script("bash"), ...words], {
      encoding: "utf8",
      env: ENV,
      cwd: directory,
    });
    expect(stderr.trim()).to.equal("complete -F _axon_backup axon-backup");
    return sorted(stdout);
  };

  const fish: Complete = (line) => {
    const { stdout, stderr } = spawnSync(
      "fish",
      ["--no-config", "-c", `source $argv[1]; complete -C $argv[2]`, script("fish"), line],
      { encoding: "utf8", env: { ...ENV, HOME: directory }, cwd: directory },
    );
    expect(stderr).to.equal("");
    return sorted(stdout);
  };

  /** A terminal of its own, in which the completions are listed instead of shown. */
  const zsh: Complete = (line) => {
    const inner = `
PS1= ; unsetopt beep; autoload -Uz compinit; compinit -D -u; source ${script("zsh")}
cd ${directory}
bindkey '^I' complete-word; zstyle ':completion:*' list-grouped false; zstyle ':completion:*' menu no
compadd() {
  [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]] && { builtin compadd "$@"; return }
  typeset -a __hits
  builtin compadd -A __hits "$@"; builtin compadd "$@"; local code=$?
  print -rC1 -- $__hits >> ${directory}/hits
  return code
}
print ready`;
    writeFileSync(join(directory, "inner.zsh"), inner);
    writeFileSync(join(directory, "hits"), "");
    const outer = `
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "source ${directory}/inner.zsh"
local text chunk
while zpty -r z chunk; do text+=$chunk; [[ $text == *ready* && $chunk != *source* ]] && break; done
zpty -w -n z $1$'\\t'
zpty -w -n z $'\\C-a\\C-kprint -n do; print ne\\n'
text=
while zpty -r z chunk; do text+=$chunk; [[ $text == *done* ]] && break; done
cat ${directory}/hits`;
    const { stdout, stderr } = spawnSync("zsh", ["-f", "-c", outer, "-", line], {
      encoding: "utf8",
      env: { ...ENV, HOME: directory },
      timeout: 15_000,
    });
    expect(stderr).to.equal("");
    return sorted(stdout);
  };

  for (const [shell, complete] of [
    ["bash", bash],
    ["zsh", zsh],
    ["fish", fish],
  ] as const) {
    const isThere = has(shell);
    const reason = isThere ? "" : ` (pending: ${shell} isn't installed; apt-get install ${shell})`;
    (isThere ? describe : describe.skip)(`in ${shell}${reason}`, () => {
      it("offers commands", () => {
        expect(complete("axon-backup ")).to.include.members(["backup", "check", "init", "restore", "help"]);
        expect(complete("axon-backup re")).to.deep.equal(["restore"]);
        expect(complete("axon-backup --config x --json ver")).to.deep.equal(["verify"]);
        expect(complete("axon-backup help ini")).to.deep.equal(["init"]);
      });

      it("offers a command's options, and those that all have", () => {
        const all = complete("axon-backup restore --");
        expect(all).to.include.members(["--to", "--restore-point", "--config", "--json"]);
        expect(all).not.to.include("--read-data");
        expect(complete("axon-backup verify --read")).to.deep.equal(["--read-data"]);
      });

      it("offers the sinks of the configuration that is named", () => {
        for (const line of [
          `axon-backup --config ${config} backup --sink `,
          `axon-backup backup --config ${config} --sink `,
          `axon-backup backup --json --config ${config} --sink nas --sink `,
        ])
          expect(complete(line), line).to.deep.equal(["nas", "offsite"]);
        expect(complete(`axon-backup --config ${config} backup --sink off`)).to.deep.equal(["offsite"]);
        expect(complete(`axon-backup --config ${directory} backup --sink `)).to.deep.equal([]);
      });

      it("offers the channels of the configuration that is named", () => {
        const line = `axon-backup --config ${config} test-notifications --channel `;
        expect(complete(line)).to.deep.equal(["pager", "webhook"]);
        expect(complete(`${line}pa`)).to.deep.equal(["pager"]);
        expect(complete(`axon-backup --config ${directory} test-notifications --channel `)).to.deep.equal([]);
      });

      it("offers what an argument can be", () => {
        expect(complete("axon-backup completion ")).to.deep.equal(["bash", "fish", "zsh"]);
        expect(complete("axon-backup schema sink s")).to.deep.equal(["s3", "sftp"]);
        expect(complete("axon-backup schema ")).to.deep.equal(["agent", "sink"]);
      });

      it("offers directories where one is wanted", () => {
        expect(
          complete("axon-backup restore --to conf").map((name) => name.replace(/\/$/, "")),
        ).to.deep.equal(["config"]);
      });
    });
  }

  it("in bash, understands --option=value", () => {
    expect(bash(`axon-backup backup --config=${config} --sink=of`)).to.deep.equal(["offsite"]);
    expect(bash(`axon-backup backup --config=${config} --sink=`)).to.deep.equal(["nas", "offsite"]);
  });

  it("knows every command and option, in every shell", async () => {
    const { commands, options } = describeProgram();
    for (const shell of ["bash", "zsh", "fish"]) {
      const { stdout } = await run(["completion", shell]);
      for (const { name, options: own } of commands) {
        expect(stdout, `${shell}: ${name}`).to.contain(name);
        for (const { long } of [...own, ...options])
          expect(stdout, `${shell}: ${name} ${long}`).to.match(
            new RegExp(`${shell === "fish" ? `-l ${long.slice(2)}` : long}\\b`),
          );
      }
      // What stands in a script must not end a quotation.
      expect(stdout).not.to.contain("undefined");
    }
    expect(commands.map(({ name }) => name)).to.include.members(["init", "completion", "help"]);
  });

  it("knows no other shell", async () => {
    const { code, stderr } = await run(["completion", "csh"]);
    expect(code).to.equal(2);
    expect(stderr).to.contain("bash, zsh, fish");
  });
});
