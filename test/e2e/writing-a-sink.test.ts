import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { repositoryRoot } from "../support/packages.js";

const PAGE = "docs/writing-a-sink.md";
const page = readFileSync(join(repositoryRoot, PAGE), "utf8");
const snippets = [...page.matchAll(/<!-- (\S+) -->\n\n```\w+\n([\s\S]*?)\n```/g)].map(
  ([, file = "", code = ""]) => ({ file, code }),
);

/** Whether a file has these lines, in one piece, all indented by as much. */
function has(file: string, code: string): boolean {
  const text = readFileSync(join(repositoryRoot, file), "utf8");
  return Array.from({ length: 9 }, (_, width) => " ".repeat(width)).some((indent) => {
    const lines = code.split("\n").map((line) => (line === "" ? "" : indent + line));
    return `\n${text}`.includes(`\n${lines.join("\n")}\n`);
  });
}

describe("the page on writing a sink", () => {
  it("has all its code marked with the file of the example that it is from", () => {
    const fences = page.match(/^```(ts|json)$/gm) ?? [];
    expect(snippets).to.have.length(fences.length).and.length.above(10);
  });

  for (const [index, { file, code }] of snippets.entries())
    it(`has the code of ${file} as it is (${index + 1}: ${code.split("\n")[0]?.trim() ?? ""})`, () => {
      expect(has(file, code), code).to.equal(true);
    });

  it("leads to files that are there", () => {
    const links = [...page.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, target = ""]) => target);
    expect(links).to.have.length.above(3);
    for (const link of links)
      expect(existsSync(join(repositoryRoot, dirname(PAGE), link)), link).to.equal(true);
  });

  it("speaks of every member of the contract that an author writes", () => {
    const contract = readFileSync(join(repositoryRoot, "packages/sink/src/sink.ts"), "utf8");
    const methods = [...contract.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, name = ""]) => name);
    for (const method of [
      "put",
      "get",
      "stat",
      "list",
      "delete",
      "extend",
      "conditional",
      "removeLeftovers",
      "freeBytes",
    ]) {
      expect(methods).to.include(method);
      expect(page).to.match(new RegExp(`\`${method}|${method}\\(`));
    }
  });
});
