import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { installedPlugins } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { folder, removeFolders } from "./support.js";

const root = new URL("../../../", import.meta.url);
const page = readFileSync(new URL("docs/configuration.md", root), "utf8");

describe("docs/configuration.md", () => {
  afterEach(removeFolders);

  it("is what its script makes of the schemas", () => {
    const script = fileURLToPath(new URL("scripts/configuration-reference.mjs", root));
    const { status, stdout, stderr } = spawnSync(process.execPath, [script, "--print"], { encoding: "utf8" });
    expect(status, stderr).to.equal(0);
    expect(page, "make it anew: node scripts/configuration-reference.mjs").to.equal(stdout);
  });

  it("begins with a configuration that is right", async () => {
    const files = [...page.matchAll(/^```yaml\n# \/etc\/axon-backup\/(\S+)\n([\s\S]*?)^```$/gm)].map(
      ([, name = "", text = ""]) => [name, text] as const,
    );
    expect(files.map(([name]) => name)).to.deep.equal(["agent.yaml", "sinks.d/nas.yaml"]);
    const { sinks } = await loadConfiguration(folder(Object.fromEntries(files)), installedPlugins());
    expect(sinks.map(({ name }) => name)).to.deep.equal(["nas"]);
  });
});
