import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { filesBelow, Scene } from "../support/scene.js";

const canary = "canary-7f3a9c51e8";

describe("access control", () => {
  let scene: Scene;
  beforeEach(async () => {
    scene = await Scene.open({ accessControl: { admin: canary, application: "other" } });
  });
  afterEach(() => scene.close());

  it("a missing token is an error that says how to give one", async () => {
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("401").and.to.include("token");
    expect(filesBelow(scene.sinkPath()).size).to.equal(0);
  });

  it("a wrong token is an error, and is not printed", async () => {
    writeFileSync(scene.path("token"), "wrong-canary\n", { mode: 0o600 });
    scene.writeAgentConfig(["storage: [{storage}]", `token: { file: ${scene.path("token")} }`]);
    const { stdout, stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("403");
    expect(stdout + stderr).to.not.include("wrong-canary");
  });

  for (const source of ["file", "env", "credential"] as const)
    it(`a token from ${source} is used, and appears nowhere`, async () => {
      const credentials = scene.path("credentials");
      mkdirSync(credentials);
      writeFileSync(join(credentials, "axon-token"), `${canary}\n`, { mode: 0o600 });
      const reference = {
        file: join(credentials, "axon-token"),
        env: "AXON_TOKEN",
        credential: "axon-token",
      }[source];
      scene.writeAgentConfig(["storage: [{storage}]", `token: { ${source}: ${reference} }`]);
      const env = { AXON_TOKEN: canary, CREDENTIALS_DIRECTORY: credentials };
      const commands = [
        ["check"],
        ["backup"],
        ["list"],
        ["verify", "--read-data"],
        ["restore", "--to", scene.path("restored")],
      ];
      let output = "";
      for (const command of commands)
        for (const mode of ["--verbose", "--json"]) {
          if (command[0] === "restore" && mode === "--json") continue;
          const { code, stdout, stderr } = await scene.start([...command, mode], env).ended;
          expect(code, `${command.join(" ")} ${mode}\n${stderr}`).to.equal(0);
          output += stdout + stderr;
        }
      // A server that echoes what it was sent, and fails.
      scene.server.misbehave({
        path: "/v1/backup/eventstore",
        behaviour: { kind: "status", status: 400, body: `bad token ${canary}` },
      });
      const failed = await scene.start(["backup", "--verbose"], env).ended;
      expect(failed.code).to.equal(1);
      output += failed.stdout + failed.stderr;
      for (const [name, bytes] of filesBelow(scene.sinkPath()))
        expect(bytes.includes(canary), name).to.be.false;
      expect(output).to.not.include(canary);
    });
});
