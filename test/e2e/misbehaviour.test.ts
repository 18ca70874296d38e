import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Behaviour } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectNothingCommitted, expectRemedy } from "../support/expectations.js";
import { restorePointsAt } from "../support/repository.js";
import { compareStores, filesBelow, Scene } from "../support/scene.js";

const LISTING = "/v1/backup/eventstore";
const CONTROL_DB = "/createControlDbBackup";

/** Requests for one path so far. */
function asked(scene: Scene, path: string): number {
  return scene.server.requests.filter((request) => request.path === path).length;
}

describe("a server that misbehaves", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
  });
  afterEach(() => scene.close());

  async function expectNextRunWorks(): Promise<void> {
    scene.server.misbehave(undefined);
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    compareStores(join(scene.storage, "default"), scene.path("restored/default"));
  }

  const passing: readonly [string, Behaviour][] = [
    ["503", { kind: "status", status: 503, body: "starting" }],
    [
      "502 of a proxy",
      { kind: "status", status: 502, body: "<html>Bad gateway</html>", contentType: "text/html" },
    ],
    ["a connection that is cut before the answer", { kind: "cut", when: "before-answer" }],
    ["a connection that is cut in the middle of the answer", { kind: "cut", when: "mid-body" }],
  ];
  for (const [name, behaviour] of passing) {
    it(`${name}, twice: asked again, and the backup is whole`, async () => {
      const handle = scene.server.misbehave({ path: LISTING, skip: 1, times: 2, behaviour });
      await scene.expect(0, "backup");
      expect(handle.applied).to.equal(2);
      expect(asked(scene, LISTING)).to.equal(5);
      expect(asked(scene, CONTROL_DB)).to.equal(1);
      await expectNextRunWorks();
    });

    it(`${name}, always: given up after four tries, nothing committed`, async () => {
      scene.server.misbehave({ path: LISTING, skip: 1, behaviour });
      const ended = await scene.expect(1, "backup");
      expect(ended.stderr).to.include("tried 4 times").and.to.include(LISTING);
      expectRemedy(ended);
      expect(asked(scene, LISTING)).to.equal(5);
      expectNothingCommitted(scene);
    });
  }

  // A control DB backup makes a file on the server each time.
  const doubtful: readonly [string, Behaviour][] = [
    ...passing,
    ["500", { kind: "status", status: 500, body: "no space left on device" }],
    ["an HTML page", { kind: "html" }],
    ["JSON", { kind: "wrong-shape" }],
    ["a redirect", { kind: "redirect", location: "/elsewhere" }],
  ];
  for (const [name, behaviour] of doubtful)
    it(`the control DB call, answered by ${name}: called once, never again`, async () => {
      scene.server.misbehave({ path: CONTROL_DB, behaviour });
      const ended = await scene.expect(1, "backup");
      expect(ended.stderr).to.include(CONTROL_DB);
      expectRemedy(ended);
      expect(asked(scene, CONTROL_DB)).to.equal(1);
      expect(asked(scene, "/elsewhere")).to.equal(0);
      expectNothingCommitted(scene);
    });

  const wrong: readonly [string, Behaviour, string][] = [
    ["500", { kind: "status", status: 500, body: "[AXONIQ-0001] internal" }, "AXONIQ-0001"],
    [
      "NODE_NOT_READY_FOR_BACKUP",
      { kind: "status", status: 503, body: "[AXONIQ-7000] not ready" },
      "can't serve a backup now",
    ],
    ["a login page", { kind: "html" }, "HTML page"],
    ["JSON of another shape", { kind: "wrong-shape" }, "lastClosedSegment"],
    [
      "file names that are numbers",
      { kind: "wrong-shape", json: { lastClosedSegment: 5, filenames: [1, 2] } },
      "filenames",
    ],
    ["a redirect", { kind: "redirect", location: "http://127.0.0.1:1/login" }, "redirects"],
    ["an empty list", { kind: "empty-list" }, "no open"],
    ["an empty list, and nothing closed", { kind: "empty-list", lastClosedSegment: -1 }, "no open"],
  ];
  for (const [name, behaviour, text] of wrong)
    for (const which of ["first", "second"] as const)
      it(`a listing that is ${name}, at the ${which} backup: an error, nothing committed`, async () => {
        if (which === "second") await scene.expect(0, "backup");
        const before = restorePointsAt(scene.sinkPath());
        const listings = asked(scene, LISTING);
        scene.server.misbehave({
          path: /eventstore\?type=EVENT&targetContext=default(?!.*9007199254740991)/,
          behaviour,
        });
        const ended = await scene.expect(1, "backup");
        expect(ended.stderr).to.include(text);
        expectRemedy(ended);
        expect(asked(scene, LISTING), "listings").to.be.greaterThan(listings + 2);
        expectNothingCommitted(scene, before);
        if (which === "second") await expectNextRunWorks();
      });

  it("a listing of before, not behind the cursor: harmless, the next run has everything", async () => {
    await scene.expect(0, "backup");
    scene.server.misbehave({ path: LISTING, behaviour: { kind: "stale-list" } });
    scene.server.appendSample("default", 120);
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
    await expectNextRunWorks();
  });

  it("a listing of before, behind the cursor: the files are there, so it is no other history, and nothing is touched", async () => {
    await scene.expect(0, "backup");
    scene.server.misbehave({ path: LISTING, skip: 3, behaviour: { kind: "stale-list" } });
    scene.server.appendSample("default", 120);
    await scene.expect(0, "backup");
    // But for the note on the failure.
    const stored = () =>
      [...filesBelow(scene.sinkPath())]
        .filter(([name]) => name !== "last-failure.json")
        .map(([name, bytes]) => [name, bytes.toString("base64")]);
    const before = stored();
    const ended = await scene.expect(1, "backup");
    expect(ended.stderr).to.include("can't be right");
    expectRemedy(ended);
    expect(stored()).to.deep.equal(before);
    await expectNextRunWorks();
  });
});

describe("files that are listed and gone", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ rebuildIndexes: true });
  });
  afterEach(() => scene.close());

  function vanish(names: RegExp, stillListed = false): void {
    const behaviour: Behaviour = { kind: "vanish", names, stillListed };
    scene.server.misbehave({ path: /type=EVENT(?!.*9007199254740991)/, times: 1, behaviour });
  }

  it("index files: a warning, and a backup without them", async () => {
    vanish(/^0{18}34\.(index|bloom)$/, true);
    const { stdout, stderr } = await scene.expect(0, "backup");
    expect(stdout + stderr)
      .to.include("00000000000000000034.bloom")
      .and.to.include("left out");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    compareStores(join(scene.storage, "default"), scene.path("restored/default"));
  });

  it("the oldest segment, not listed any more: a warning, and a backup of what there is", async () => {
    vanish(/^0{20}\./);
    const { stdout, stderr } = await scene.expect(0, "backup");
    expect(stdout + stderr)
      .to.include("00000000000000000000.events")
      .and.to.include("gone");
    await scene.expect(0, "verify", "--read-data");
    await scene.expect(0, "restore", "--to", scene.path("restored"));
    compareStores(join(scene.storage, "default"), scene.path("restored/default"));
  });

  it("a segment that every listing has still: an error, nothing committed, and the next run works when it is back", async () => {
    const name = "00000000000000000034.events";
    const bytes = filesBelow(join(scene.storage, "default")).get(name) ?? Buffer.of();
    expect(bytes.byteLength).to.be.greaterThan(0);
    vanish(/^0{18}34\.events$/, true);
    const ended = await scene.expect(1, "backup");
    expect(ended.stderr).to.include(name).and.to.include("missing");
    expectRemedy(ended);
    expectNothingCommitted(scene);
    writeFileSync(join(scene.storage, "default", name), bytes);
    scene.server.misbehave(undefined);
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
  });
});

describe("a server that is slow", () => {
  let scene: Scene;
  afterEach(() => scene.close());
  const never: Behaviour = { kind: "hold" };

  it("is not waited for longer than timeouts.request, and the remedy names the setting", async () => {
    scene = await Scene.open({ server: ["storage: [{storage}]", "timeouts: { request: 300ms }"] });
    scene.server.misbehave({ path: LISTING, skip: 1, behaviour: never });
    const ended = await scene.expect(1, "backup");
    expect(ended.stderr).to.include("within 300 ms").and.to.include("server.timeouts");
    expectRemedy(ended);
    expectNothingCommitted(scene);
  });

  it("has timeouts.control_db for the control DB, and is asked for one once", async () => {
    scene = await Scene.open({
      server: ["storage: [{storage}]", "timeouts: { request: 30s, control_db: 300ms }"],
    });
    scene.server.misbehave({ path: CONTROL_DB, behaviour: never });
    const ended = await scene.expect(1, "backup");
    expect(ended.stderr).to.include("within 300 ms").and.to.include(CONTROL_DB);
    expect(asked(scene, CONTROL_DB)).to.equal(1);
    expectNothingCommitted(scene);
  });

  it("within the time-out, is merely slow", async () => {
    scene = await Scene.open({ server: ["storage: [{storage}]", "timeouts: { request: 60s }"] });
    const handle = scene.server.misbehave({
      path: /^\/v1\/backup/,
      behaviour: { kind: "delay", milliseconds: 200 },
    });
    await scene.expect(0, "backup");
    expect(handle.applied).to.be.greaterThan(2);
    await scene.expect(0, "verify", "--read-data");
  });
});
