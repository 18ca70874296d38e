import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Misbehaviour } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectNothingCommitted, expectRemedy } from "../support/expectations.js";
import { filesBelow, Scene } from "../support/scene.js";

const CANARY = "canary-2b9d04c7f1";

describe("a hostile list", () => {
  let scene: Scene;
  let outside: string;
  const segment = (number: number, version = ""): string =>
    `${String(number).padStart(20, "0")}${version}.events`;

  beforeEach(async () => {
    scene = await Scene.open();
    // A segment to look at, with something in it that nobody outside of the storage may see.
    outside = scene.path("outside/default");
    mkdirSync(outside, { recursive: true });
    const content = Buffer.concat([
      filesBelow(join(scene.storage, "default")).get(segment(0)) ?? Buffer.of(),
      Buffer.from(CANARY),
    ]);
    for (const name of [segment(17, "_00001"), segment(900)]) writeFileSync(join(outside, name), content);
  });
  afterEach(() => scene.close());

  /** What the list gets more: of the closed segments, and of the open ones. */
  const additions: readonly [string, (name: string) => string][] = [
    ["a path outside", (name) => join(outside, name)],
    ["a traversal", (name) => `${scene.storage}/default/../../../outside/default/${name}`],
    [
      "a traversal behind a spelling",
      (name) => `${scene.storage}/./default/.././../../outside/default/${name}`,
    ],
    [
      "a symbolic link to a file outside",
      (name) => {
        symlinkSync(join(outside, name), join(scene.storage, "default", name));
        return join(scene.storage, "default", name);
      },
    ],
    [
      "a symbolic link to a directory outside",
      (name) => {
        symlinkSync(scene.path("outside"), join(scene.storage, "linked"));
        return join(scene.storage, "linked/default", name);
      },
    ],
    [
      "a FIFO",
      (name) => {
        execFileSync("mkfifo", [join(scene.storage, "default", name)]);
        return join(scene.storage, "default", name);
      },
    ],
    [
      "a directory",
      (name) => {
        mkdirSync(join(scene.storage, "default", name));
        return join(scene.storage, "default", name);
      },
    ],
    ["a device", () => "/dev/zero"],
    ["a name with a line break", (name) => `${scene.storage}/default/${name}\n${join(outside, name)}`],
    ["a name with terminal escapes", (name) => `${scene.storage}/default/\u001b]0;pwned\u0007${name}`],
    ["a key of the repository", () => `${scene.storage}/default/repository.json`],
  ];
  const kinds: readonly [string, string][] = [
    ["closed", segment(17, "_00001")],
    ["open", segment(900)],
  ];
  for (const [what, add] of additions)
    for (const [kind, name] of kinds)
      it(`with ${what} among the ${kind} segments: refused, nothing of it read, no hang`, async () => {
        const path = add(name);
        const rule: Misbehaviour = {
          path: /type=EVENT(?!.*9007199254740991)/,
          behaviour: { kind: "hostile-list", add: [path] },
        };
        scene.server.misbehave(rule);
        const ended = await scene.expect(1, "backup", "--verbose");
        expectRemedy(ended);
        expect(ended.stdout + ended.stderr).to.not.include(CANARY);
        for (const control of ["\u0007", "\u001b"])
          expect(ended.stdout + ended.stderr).to.not.include(control);
        for (const [key, bytes] of filesBelow(scene.sinkPath()))
          expect(bytes.includes(CANARY), key).to.equal(false);
        expectNothingCommitted(scene);
      });

  it("without configured roots, a directory of another name is outside as well", async () => {
    scene.writeAgentConfig([]);
    const elsewhere = scene.path("elsewhere");
    mkdirSync(elsewhere);
    writeFileSync(join(elsewhere, segment(17, "_00001")), CANARY);
    const add = [join(elsewhere, segment(17, "_00001"))];
    scene.server.misbehave({ path: "/v1/backup/eventstore", behaviour: { kind: "hostile-list", add } });
    const ended = await scene.expect(1, "backup");
    expectRemedy(ended);
    expect(ended.stderr).to.include("server.storage");
    expectNothingCommitted(scene);
  });

  it("a control DB elsewhere is not fetched when its directory is configured", async () => {
    const backups = scene.path("server/controldb-backups");
    mkdirSync(backups, { recursive: true });
    scene.writeAgentConfig(["storage: [{storage}]", `control_db: [${backups}]`]);
    writeFileSync(join(outside, "controldb1.zip"), CANARY);
    const body = join(outside, "controldb1.zip");
    scene.server.misbehave({
      path: "/createControlDbBackup",
      behaviour: { kind: "status", status: 200, body },
    });
    const ended = await scene.expect(1, "backup");
    expectRemedy(ended);
    expect(ended.stderr).to.include("server.control_db");
    for (const [key, bytes] of filesBelow(scene.sinkPath()))
      expect(bytes.includes(CANARY), key).to.equal(false);
    expectNothingCommitted(scene);
    scene.server.misbehave(undefined);
    await scene.expect(0, "backup");
  });
});
