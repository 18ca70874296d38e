import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyStore, sampleStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { folder, json, removeFolders, run } from "./support.js";

describe("server.remove_control_db_zips", () => {
  let standin: Standin;
  let directory: string;

  beforeEach(async () => {
    directory = folder();
    const storage = join(directory, "store");
    copyStore(sampleStore, storage);
    standin = await startStandin({
      generation: "2023.2",
      storage,
      handoverInterval: 0,
      controlDbDirectory: join(directory, "backups"),
    });
    mkdirSync(join(directory, "backups"), { recursive: true });
    writeFileSync(join(directory, "backups/controldb1.zip"), "somebody else's");
  });
  afterEach(async () => {
    await standin.close();
    removeFolders();
  });

  const zips = () => readdirSync(join(directory, "backups"));
  const config = (more: string, sinks: Readonly<Record<string, string>>) =>
    folder({
      "agent.yaml": `server:\n  url: ${standin.url}\n  storage: [${directory}/store]\n${more}`,
      ...Object.fromEntries(
        Object.entries(sinks).map(([name, path]) => [`sinks.d/${name}.yaml`, `type: local\npath: ${path}\n`]),
      ),
    });
  const removing = () => `  control_db: [${directory}/backups]\n  remove_control_db_zips: true\n`;

  it("removes what the run has asked for, and nothing else", async () => {
    const at = config(removing(), { nas: `${directory}/nas`, other: `${directory}/other` });
    const { code, stderr } = await run(["backup", "--config", at]);
    expect(code, stderr).to.equal(0);
    expect(zips()).to.deep.equal(["controldb1.zip"]);
    expect((await run(["verify", "--read-data", "--config", at])).code).to.equal(0);
  });

  it("leaves it where one sink hasn't got it, and by default", async () => {
    const at = config(removing(), { nas: `${directory}/nas`, bad: "/nonexistent/a/b" });
    expect((await run(["backup", "--config", at])).code).to.equal(4);
    expect(zips()).to.have.length(2);
    expect((await run(["backup", "--config", config("", { nas: `${directory}/nas` })])).code).to.equal(0);
    expect(zips()).to.have.length(3);
  });

  it("needs the directory to be named", async () => {
    const at = config("  remove_control_db_zips: true\n", { nas: `${directory}/nas` });
    const result = await run(["backup", "--json", "--config", at]);
    expect(result.code).to.equal(3);
    expect(json(result)).to.have.nested.property("error.problems[0].key", "server.remove_control_db_zips");
    expect(result.stderr).to.contain("needs server.control_db");
  });
});
