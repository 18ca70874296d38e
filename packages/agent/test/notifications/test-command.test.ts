import { chmodSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { folder, json, removeFolders, run } from "../support.js";
import { HttpReceiver } from "./http-receiver.js";

const agent = (notifications: string): string =>
  `server: {url: "http://localhost:8024"}\nnotifications:\n${notifications}`;

describe("axon-backup test-notifications", () => {
  let receiver: HttpReceiver;
  beforeEach(async () => {
    receiver = await HttpReceiver.start();
  });
  afterEach(async () => {
    await receiver.close();
    removeFolders();
  });

  /** A configuration with a command that works, a webhook and a ping whose addresses are secrets. */
  function configured(exitCode = 0): { readonly config: string; readonly env: Record<string, string> } {
    const scripts = folder({
      tell: `#!/bin/sh\ncat > "$(dirname "$0")/told"\necho "the route is closed" >&2\nexit ${exitCode}\n`,
    });
    chmodSync(join(scripts, "tell"), 0o700);
    const config = folder({
      "agent.yaml": agent(`
  - command: {run: [${scripts}/tell]}
  - name: ops
    webhook: {url: {env: HOOK}, secret: {env: HOOK_SECRET}}
  - ping: {url: {env: PING}, fail_url: {env: PING_FAIL}}
`),
    });
    return {
      config,
      env: {
        HOOK: `${receiver.url}/hooks/very-secret-1`,
        HOOK_SECRET: "very-secret-2",
        PING: `${receiver.url}/up/very-secret-3`,
        PING_FAIL: `${receiver.url}/down/very-secret-4`,
        SCRIPTS: scripts,
      },
    };
  }

  it("shows that each channel works", async () => {
    const { config, env } = configured();
    const result = await run(["--config", config, "test-notifications"], env);
    expect(result.code, result.stderr).to.equal(0);
    expect(result.stdout)
      .to.match(/^sent {5}command {2}\/.*\/tell$/m)
      .and.match(/^fetched {2}ping/m);
    expect(result.stdout).to.include("3 channels work");
    expect(result.stdout).not.to.include("very-secret");
    expect(receiver.requests.map(({ path }) => path)).to.have.members([
      "/hooks/very-secret-1",
      "/up/very-secret-3",
    ]);
    const told = JSON.parse(readFileSync(join(env["SCRIPTS"] ?? "", "told"), "utf8")) as object;
    expect(told).to.include({ event: "test", severity: "info" });
  });

  it("tells what fails, what the receiver said, and what to do, without secrets", async () => {
    const { config, env } = configured(4);
    receiver.answer = 404;
    receiver.body = "no /hooks/very-secret-1";
    const argv = ["--config", config, "test-notifications", "--channel", "command", "--channel", "ops"];
    const result = await run(argv, env);
    expect(result.code).to.equal(1);
    expect(result.stdout)
      .to.match(/^FAILED {3}command/m)
      .and.include("ended with exit code 4");
    expect(result.stdout).to.include("| the route is closed").and.include("answers with 404");
    expect(result.stdout).to.include("2 channels fail");
    expect(result.stdout).not.to.include("very-secret");

    const document = json(await run(["--json", ...argv], env));
    expect(document).to.deep.include({ ok: false });
    const [command] = document["channels"] as readonly Record<string, unknown>[];
    expect(command).to.deep.include({
      channel: "command",
      kind: "command",
      outcome: "failed",
      warning: null,
      output: "the route is closed",
    });
    expect(command?.["error"]).to.have.property("remedy").that.includes("Look at what it printed");
    expect(JSON.stringify(document)).not.to.include("very-secret");
  });

  it("tells of a secret that isn't there", async () => {
    const { config, env } = configured();
    const result = await run(["--config", config, "test-notifications"], { ...env, PING_FAIL: undefined });
    expect(result.code).to.equal(1);
    expect(result.stdout).to.include("environment variable PING_FAIL is not set");
  });

  it("knows the channels, and that there are none", async () => {
    const { config, env } = configured();
    const wrong = await run(["--config", config, "test-notifications", "--channel", "opps"], env);
    expect(wrong.code).to.equal(2);
    expect(wrong.stderr).to.include("did you mean ops?").and.include("command, ops, ping");
    const none = folder({ "agent.yaml": 'server: {url: "http://localhost:8024"}\n' });
    const empty = await run(["--config", none, "test-notifications"]);
    expect(empty.code).to.equal(3);
    expect(empty.stderr).to.include("notifications: there is no channel");
  });
});
