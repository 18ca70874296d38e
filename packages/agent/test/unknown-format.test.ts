import { closeSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { copyStore, sampleStore, type Standin, startStandin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { folder, json, removeFolders, run } from "./support.js";

describe("a store whose last segment is of a format that isn't known", () => {
  let standin: Standin;
  let directory: string;
  let config: string;

  beforeEach(async () => {
    directory = folder();
    const storage = join(directory, "store");
    copyStore(sampleStore, storage);
    standin = await startStandin({ generation: "2023.2", storage, handoverInterval: 0 });
    const handle = openSync(join(storage, "default", `${"153".padStart(20, "0")}.events`), "r+");
    writeSync(handle, Buffer.of(3), 0, 1, 0);
    closeSync(handle);
    config = folder({
      "agent.yaml": `server:\n  url: ${standin.url}\n  storage: [${directory}/store]\n`,
      "sinks.d/nas.yaml": `type: local\npath: ${directory}/nas\n`,
    });
  });

  afterEach(async () => {
    await standin.close();
    removeFolders();
  });

  const agent = (...argv: readonly string[]) => run([...argv, "--config", config]);

  it("has a head that people are told is the least that it can be", async () => {
    expect((await agent("backup")).stdout).to.match(/^nas +default .* at least 152$/m);
    expect((await agent("list")).stdout).to.match(/ default: at least 152 /);
    expect((await agent("show", "latest")).stdout)
      .to.match(/^default +events +at least 152 /m)
      .and.match(/^default +snapshots +39 /m);
    const restored = (await agent("restore", "--to", join(directory, "restored"))).stdout;
    expect(restored)
      .to.contain("which token the last event has can't be told, but 152 is the least")
      .and.not.contain("the last event has token");
    const cut = (await agent("restore", "--to", join(directory, "cut"), "--token", "140")).stdout;
    expect(cut).to.match(
      /^Context default: the last event has token 14\d, of \S+ \S+ UTC; cut off: at least \d+ events/m,
    );
  });

  it("has one that programs are told is not exact, in each document that has a head", async () => {
    const exact = { lastEventToken: 152, lastEventTokenExact: false, lastSnapshotTokenExact: true };
    expect(json(await agent("backup", "--json")))
      .to.have.nested.property("sinks[0].contexts[0]")
      .that.includes(exact);
    expect(json(await agent("list", "--json")))
      .to.have.nested.property("sinks[0].restorePoints[0].contexts[0]")
      .that.includes(exact);
    const events = { lastToken: 152, lastTokenExact: false };
    const shown = json(await agent("show", "latest", "--json"));
    const store = "sinks[0].restorePoint.contexts[0].events";
    expect(shown).to.have.nested.property(store).that.includes(events);
    expect(shown).to.have.nested.property(`${store}.open[0].unknownFormat`, 3);
    expect(json(await agent("restore", "--to", join(directory, "restored"), "--json")))
      .to.have.nested.property("contexts[0].events")
      .that.includes(events);
  });

  it("can't be restored to a token that may be in that segment: exit code 2, with the reason", async () => {
    await agent("backup");
    const refused = await agent("restore", "--to", join(directory, "cut"), "--token", "160");
    expect(refused.code).to.equal(2);
    expect(refused.stderr)
      .to.contain("format version 3")
      .and.contain("the last token that can be told is 152");
  });
});
