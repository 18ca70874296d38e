import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startStandin, type Standin } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { filesBelow, Scene } from "../support/scene.js";

/** What a diverged server must leave alone: everything. */
function contents(directory: string): Map<string, string> {
  return new Map([...filesBelow(directory)].map(([name, bytes]) => [name, bytes.toString("base64")]));
}

describe("a server whose history is another one", () => {
  let scene: Scene;
  let replacement: Standin | undefined;
  beforeEach(async () => {
    scene = await Scene.open();
    await scene.expect(0, "backup");
    expect((await scene.expect(0, "check")).stdout).to.match(/^ok +history nas /m);
  });
  afterEach(async () => {
    await replacement?.close();
    replacement = undefined;
    await scene.close();
  });

  /** A new server at the same address, as far as the agent can tell. */
  async function replaceServer(grow: (server: Standin) => void, keep: boolean): Promise<void> {
    const { port, storage } = scene.server;
    await scene.server.close();
    if (!keep) rmSync(join(storage, "default"), { recursive: true });
    replacement = await startStandin({ generation: "2023.2", storage, port, handoverInterval: 0 });
    grow(replacement);
  }

  async function expectRefused(): Promise<void> {
    const before = contents(scene.sinkPath());
    const { stderr } = await scene.expect(7, "backup");
    expect(stderr).to.include("history");
    const { stdout } = await scene.expect(1, "check");
    expect(stdout).to.match(/^FAILED +history nas +.*is not the one that this sink has/m);
    expect(contents(scene.sinkPath()), "the sink is untouched").to.deep.equal(before);
    await scene.expect(0, "verify", "--read-data");
  }

  it("one that was wiped stops the run and touches nothing", async () => {
    await replaceServer((server) => server.appendSample("default", 20), false);
    await expectRefused();
  });

  it("one that was wiped and has grown past the cursor is known by its open segment's bytes", async () => {
    // Sample events go on like the captured ones: other payload lengths make another history.
    await replaceServer((server) => server.appendSample("default", 600, { extraBytes: 3 }), false);
    await expectRefused();
  });

  it("one that lost the end of its open segment and went on is known by the prefix", async () => {
    await replaceServer((server) => server.appendSample("default", 5), true);
    await scene.expect(0, "backup");
    await replacement?.close();
    // After a crash: the last transaction is gone, and others are written in its place.
    const open = join(scene.storage, "default/00000000000000000153.events");
    const bytes = readFileSync(open);
    bytes.fill(0, 9413);
    writeFileSync(open, bytes);
    replacement = await startStandin({
      generation: "2023.2",
      storage: scene.storage,
      port: scene.server.port,
      handoverInterval: 0,
    });
    replacement.appendSample("default", 5, { extraBytes: 1 });
    await expectRefused();
  });
});
