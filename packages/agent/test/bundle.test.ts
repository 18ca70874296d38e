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
  const load = `const { loadBundle } = require(${JSON.stringify(`${BIN}load-bundle.js`)});
    const { script } = loadBundle(${JSON.stringify(fileURLToPath(new URL("../bundle/main.cjs", import.meta.url)))});
    console.log(script.cachedDataRejected);`;

  it("has its compiled code beside it, and Node takes it", () => {
    expect(node("--eval", load)).to.deep.equal({ status: 0, stdout: "false" });
  });

  it("is compiled where that code is of another V8, or of other options", () => {
    expect(node("--no-opt", "--eval", load)).to.deep.equal({ status: 0, stdout: "true" });
    expect(node("--no-opt", `${BIN}axon-backup.js`, "--version")).to.deep.include({ status: 0 });
  });
});
