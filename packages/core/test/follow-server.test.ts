import { expect } from "chai";
import { closeSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { memorySink } from "@axon-backup/sink-testkit";
import { FollowScene, until } from "./follow-scene.js";
import type { Following } from "./follow-scene.js";

async function endOf(following: Following): Promise<string> {
  await until(() => following.result !== undefined);
  if (following.result && "end" in following.result) return following.result.end.reason;
  throw (following.result as { error: Error }).error;
}

describe("following a server that changes", () => {
  let scene: FollowScene;

  beforeEach(async () => {
    scene = await FollowScene.start({ segmentSize: 16_384 });
    scene.standin.appendSample("default", 4);
  });
  afterEach(() => scene.close());

  const append = (count = 1): number => {
    scene.standin.appendSample("default", count);
    return scene.standin.head("default");
  };
  const openFile = (): string => {
    const names = readdirSync(join(scene.storage, "default")).filter((name) => name.endsWith(".events"));
    return join(scene.storage, "default", names.sort().at(-1) ?? "");
  };
  /** Where the last transaction of the open segment ends. */
  const endOfOpen = (): number => {
    const bytes = readFileSync(openFile());
    let end = bytes.length;
    while (end > 0 && bytes[end - 1] === 0) end--;
    return end;
  };
  const write = (bytes: Buffer, position: number): void => {
    const file = openSync(openFile(), "r+");
    writeSync(file, bytes, 0, bytes.length, position);
    closeSync(file);
  };

  it("asks for a restore point when there is none", async () => {
    expect(await endOf(scene.follow({ sink: memorySink() }))).to.equal("no-restore-point");
  });

  it("brings snapshots along", async () => {
    await scene.backup();
    const following = scene.follow();
    scene.standin.appendSnapshots("default", [
      { messageIdentifier: "s", timestamp: 1, payloadType: "p", payload: new Uint8Array(3) },
    ]);
    await until(() => following.stored?.contexts[0]?.snapshots.nextToken === 1);
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("asks for a restore point when there are many segments", async () => {
    await scene.backup();
    const following = scene.follow({ manySegments: 3 });
    append(240);
    expect(await endOf(following)).to.equal("many-segments");
    await scene.backup();
    const again = scene.follow({ manySegments: 3 });
    await again.reaches(append());
  });

  it("asks for a restore point when the server has another context", async () => {
    await scene.backup();
    await scene.stopServer();
    await scene.startServer({ contexts: ["default", "more"] });
    expect(await endOf(scene.follow())).to.equal("contexts-changed");
  });

  it("goes on while the server doesn't answer, and when it was started again", async () => {
    await scene.backup();
    const following = scene.follow();
    await following.reaches(append());
    scene.standin.misbehave({ behaviour: { kind: "status", status: 503 } });
    await following.reaches(append(30));
    scene.standin.misbehave(undefined);
    await scene.stopServer();
    await scene.startServer();
    await following.reaches(append(30));
    expect(await scene.check()).to.equal(scene.standin.head("default"));
    expect(following.count("started")).to.equal(1);
  });

  it("notices that the server lost its last transactions, and wrote others", async () => {
    await scene.backup();
    const following = scene.follow({ idle: 5 });
    const first = endOfOpen();
    await following.reaches(append());
    const stored = await scene.check();
    await scene.stopServer();
    write(Buffer.alloc(endOfOpen() - first), first);
    await scene.startServer();
    scene.standin.appendSample("default", 2, { extraBytes: 3 });
    expect(await endOf(following)).to.equal("changed");
    expect(await endOf(scene.follow())).to.equal("diverged");
    // What was stored of the lost ones stays, and the restore point that is asked for begins another timeline.
    expect(stored).to.equal(4);
    await scene.backup();
    const again = scene.follow();
    await again.reaches(append());
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("notices that the server was wiped", async () => {
    await scene.backup();
    const following = scene.follow();
    await following.reaches(append(20));
    await scene.stopServer();
    rmSync(join(scene.storage, "default"), { recursive: true });
    await scene.startServer();
    append(2);
    expect(await endOf(following)).to.be.oneOf(["changed", "diverged"]);
    expect(await endOf(scene.follow())).to.equal("diverged");
  });

  it("takes what is complete before a transaction that isn't, and that one when it is", async () => {
    await scene.backup();
    const following = scene.follow();
    await following.reaches(append());
    const end = endOfOpen();
    write(Buffer.from([0, 0, 0, 60, 2, 0, 1, 0, 0, 0, 9, 1]), end);
    await until(() => scene.watchEvents.some(({ kind }) => kind === "warning"));
    expect(await scene.check()).to.equal(4);
    write(Buffer.alloc(12), end);
    await following.reaches(append());
    expect(await scene.check()).to.equal(5);
    expect(scene.watchEvents.filter(({ kind }) => kind === "warning")).to.have.length(1);
  });

  it("follows transactions larger than a segment, whose end marker is a file's last bytes", async () => {
    await scene.backup();
    const following = scene.follow();
    scene.standin.appendSample("default", 1, { extraBytes: 5000 });
    await following.reaches(scene.standin.head("default"));
    scene.standin.appendSample("default", 1, { extraBytes: 9000 });
    await following.reaches(append());
    expect(await scene.check()).to.equal(scene.standin.head("default"));
  });

  it("leaves a context alone whose segments are of a format that isn't known", async () => {
    await scene.backup();
    append(60);
    write(Buffer.from([9]), 0);
    const following = scene.follow();
    await until(() => following.count("started") === 1);
    const { reads } = scene;
    await until(() => scene.reads > reads + 20);
    expect(following.count("cycle")).to.equal(0);
    expect(
      scene.watchEvents.some(
        (event) => event.kind === "warning" && event.message.includes("format version 9"),
      ),
    ).to.equal(true);
    write(Buffer.from([2]), 0);
  });
});
