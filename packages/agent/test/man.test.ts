import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect } from "chai";
import { describeProgram } from "../dist/cli/describe.js";
import { manPage } from "../dist/man/page.js";

const page = manPage(describeProgram());

function tool(command: string, ...argv: readonly string[]) {
  const { status, stdout, stderr, error } = spawnSync(command, argv, {
    encoding: "utf8",
    input: page,
    env: { PATH: process.env["PATH"], LC_ALL: "C.UTF-8", MANWIDTH: "100" },
  });
  return { status, stdout, stderr, isThere: error === undefined };
}

describe("the manual page", () => {
  const isThere = tool("groff", "--version").isThere;
  const reason = isThere ? "" : " (pending: groff isn't installed; apt-get install groff-base)";
  (isThere ? it : it.skip)(`is right, and reads like the help${reason}`, () => {
    const { status, stdout, stderr } = tool("groff", "-man", "-ww", "-Tutf8", "-P-cbou", "-rLL=110n");
    expect({ status, stderr }).to.deep.equal({ status: 0, stderr: "" });
    const text = stdout.replace(/\s+/g, " ");
    const { commands, options, description } = describeProgram();
    expect(text).to.contain(description);
    for (const { name, description: what, options: own } of commands) {
      expect(text).to.contain(`axon-backup ${name}`).and.contain(what.replace(/\s+/g, " "));
      for (const { long, description: meaning } of [...own, ...options])
        expect(text).to.contain(long).and.contain(meaning);
    }
    expect(text).to.contain("axon-backup verify --read-data").and.contain("EXIT STATUS").and.contain("130");
  });

  it("lets no line of text be a request", () => {
    const requests = page.split("\n").filter((line) => /^[.']/.test(line));
    for (const line of requests) expect(line).to.match(/^\.(\\"|TH|nh|ad|SH|SS|B|I|TP|PP|nf|fi|RS|RE)( |$)/);
    expect(page).to.match(/^[\x20-\x7e\n]*$/);
  });

  it("is the one that was built", () => {
    const built = readFileSync(new URL("../man/axon-backup.1", import.meta.url), "utf8");
    expect(built, "build it: node scripts/man.mjs").to.equal(page);
  });
});
