import { chmodSync, existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { Message } from "../../dist/service/notifications/message.js";
import { commandSender } from "../../dist/service/notifications/senders/command.js";
import { DeliveryError } from "../../dist/service/notifications/senders/sender.js";
import { folder, rejection, removeFolders } from "../support.js";
import { eventually, messageNamed } from "./support.js";

const NEVER = new AbortController().signal;
const message = messageNamed("sink nas: fails", { text: "First line.\nSecond line.\n", server: null });

describe("a command", () => {
  afterEach(removeFolders);
  let directory: string;
  const script = (text: string): string => {
    directory = folder({ script: `#!/bin/sh\n${text}\n` });
    const path = join(directory, "script");
    chmodSync(path, 0o700);
    return path;
  };
  const send = (
    path: string,
    args: readonly string[] = [],
    signal = NEVER,
    env: Record<string, string> = {},
  ) =>
    commandSender(
      { kind: "command", run: [path, ...args], timeout: 1000 },
      { PATH: process.env["PATH"], ...env },
    ).send([message], signal);
  const made = (name: string): string => readFileSync(join(directory, name), "utf8");

  it("gets the message as JSON on its standard input, and in variables", async () => {
    const path = script(
      'cd "$(dirname "$0")"\ncat > input\nenv > variables\nprintf %s "$AXON_BACKUP_TEXT" > text\nprintf "%s|" "$@" > args',
    );
    await send(path, ["a b", "$HOME; rm -rf x", "*"], NEVER, {
      AXON_TOKEN: "not-to-be-known",
      LANG: "C.UTF-8",
    });
    expect(JSON.parse(made("input")) as Message).to.deep.equal(message);
    // No shell read them.
    expect(made("args")).to.equal("a b|$HOME; rm -rf x|*|");
    expect(made("text")).to.equal(message.text);
    const variables = made("variables").split("\n");
    expect(variables).to.include.members([
      "AXON_BACKUP_EVENT=failed",
      "AXON_BACKUP_SEVERITY=error",
      "AXON_BACKUP_SINK=nas",
      "AXON_BACKUP_SERVER=",
      "AXON_BACKUP_REMINDER=false",
      "AXON_BACKUP_SUBJECT=sink nas: fails",
      "LANG=C.UTF-8",
    ]);
    expect(made("variables")).not.to.include("not-to-be-known");
  });

  it("need not read", async () => {
    await send(script("exec <&-\nexit 0"));
  });

  it("that fails is told with what it printed at last", async () => {
    const error = await rejection(
      send(script("yes line | head -c 100000\necho 'no route' >&2\nexit 3")),
      DeliveryError,
    );
    expect(error.message).to.match(/ended with exit code 3$/);
    expect(error.output).to.match(/no route/);
    expect(error.output?.length).to.be.at.most(4096);
  });

  it("that isn't there, or can't be run, says so", async () => {
    const missing = await rejection(send("/no/such/program"), DeliveryError);
    expect(missing.message).to.include("/no/such/program can't be started");
    expect(missing.remedy).to.include("may run it");
  });

  it("that takes too long is ended, with what it started", async () => {
    const path = script('cd "$(dirname "$0")"\nsleep 1000 &\necho $! > child\necho $$ > self\nwait');
    const abort = new AbortController();
    const sending = send(path, [], abort.signal);
    await eventually(() => existsSync(join(directory, "self")) && made("self").endsWith("\n"), "it runs");
    abort.abort(new Error("too late"));
    expect((await rejection(sending, DeliveryError)).message).to.include("ended before it was done");
    for (const name of ["self", "child"])
      await eventually(() => !isAlive(Number(made(name))), `${name} is gone`);
  });

  it("that leaves something running behind it is done all the same", async () => {
    const path = script('cd "$(dirname "$0")"\nsleep 1000 &\necho $! > child\nexit 0');
    const started = performance.now();
    await send(path);
    expect(performance.now() - started).to.be.below(8000);
    process.kill(Number(made("child")));
  });
});

/** Whether it runs; one that has ended and that nobody has waited for doesn't. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
