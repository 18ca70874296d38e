import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "chai";

const BIN = fileURLToPath(new URL("../bin/", import.meta.url));

function node(...argv: readonly string[]): { readonly status: number | null; readonly stdout: string } {
  const { status, stdout } = spawnSync(process.execPath, argv, {
    encoding: "utf8",
    // V8 takes compiled code for its own options alone.
    env: { PATH: process.env["PATH"] },
  });
  return { status, stdout: stdout.trim() };
}

describe("the bundle", () => {
  const bundle = (name: string): string =>
    JSON.stringify(fileURLToPath(new URL(`../bundle/${name}.cjs`, import.meta.url)));
  const load = (name: string): string => `
    const { loadBundle, loaded } = require(${JSON.stringify(`${BIN}load-bundle.js`)});
    loadBundle(${bundle(name)});
    console.log(loaded.get(${bundle(name)}).cachedDataRejected);`;

  for (const name of ["main", "sink-s3", "sink-azure", "sink-sftp"])
    it(`has its compiled code beside it, and Node takes it (${name})`, () => {
      expect(node("--eval", load(name))).to.deep.equal({ status: 0, stdout: "false" });
    });

  it("is compiled where that code is of another V8, or of other options", () => {
    expect(node("--no-opt", "--eval", load("main"))).to.deep.equal({ status: 0, stdout: "true" });
    expect(node("--no-opt", `${BIN}axon-backup.js`, "--version")).to.deep.include({ status: 0 });
  });
});
