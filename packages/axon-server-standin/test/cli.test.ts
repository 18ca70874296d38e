import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { inspectStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, temporaryDirectory } from "./support.js";

const BIN = fileURLToPath(new URL("../bin/axon-server-standin.js", import.meta.url));

/** Runs the command. `onOutput` gets all that it has printed so far, and may stop it. */
async function run(
  args: readonly string[],
  onOutput: (output: string, stop: () => void) => void = () => undefined,
): Promise<{ readonly code: unknown; readonly output: string }> {
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (data: Buffer) => {
      output += data.toString();
      onOutput(output, () => child.kill("SIGTERM"));
    });
  }
  const [code] = (await once(child, "close")) as [unknown];
  return { code, output };
}

/** Stops the command when it has appended something to the sample. */
function onceGrown(): (output: string, stop: () => void) => void {
  let asked = false;
  return (text, stop) => {
    const url = /http:\/\/\S+:\d+/.exec(text)?.[0];
    if (asked || url === undefined) return;
    asked = true;
    void (async () => {
      while (!/lastEvent":(?!172,)/.test(await (await fetch(`${url}/actuator/health`)).text()));
      stop();
    })();
  };
}

describe("the command", function () {
  // It starts processes.
  this.timeout(30_000);
  afterEach(cleanUp);

  it("serves a copy of the sample, appends at a rate, and stops at SIGTERM", async () => {
    const storage = join(temporaryDirectory(), "data");
    const args = ["--storage", storage, "--sample", "--port", "0", "--rate", "1000", "--generation", "4.6"];
    const { code, output } = await run(args, onceGrown());
    expect(code, output).to.equal(0);
    const last = Number(/last event (\d+)\n$/.exec(output)?.[1]);
    expect(last).to.be.greaterThan(172);
    expect(inspectStore(join(storage, "default"), "events").nextToken).to.equal(last + 1);
  });

  it("goes on with a sample that is there already, and leaves any other store alone", async () => {
    const storage = join(temporaryDirectory(), "data");
    const args = ["--storage", storage, "--sample", "--port", "0"];
    const stopAtOnce = (text: string, stop: () => void): void => {
      if (/^http:.*\n$/.test(text)) stop();
    };
    await run([...args, "--rate", "1000"], onceGrown());
    const { nextToken } = inspectStore(join(storage, "default"), "events");
    const again = await run(args, stopAtOnce);
    expect(again.code, again.output).to.equal(0);
    expect(again.output).to.include(`last event ${nextToken - 1}\n`);
    expect(inspectStore(join(storage, "default"), "events").nextToken).to.equal(nextToken);

    const open = join(storage, "default/00000000000000000153.events");
    const precious = Buffer.concat([Buffer.from("precious"), readFileSync(open).subarray(8)]);
    writeFileSync(open, precious);
    const refused = await run(args, stopAtOnce);
    expect(refused.code).to.equal(2);
    expect(refused.output).to.include(`${storage} is not empty`);
    expect(readFileSync(open).equals(precious)).to.equal(true);
  });

  it("says what is wrong with its arguments", async () => {
    const storage = ["--storage", temporaryDirectory()];
    for (const [args, message] of [
      [[], "Usage:"],
      [[...storage, "--generation", "5"], "none of 4.4, 4.6, 2023.2"],
      [[...storage, "--port", "x"], '--port: "x" is not a number'],
      [[...storage, "--nope"], "Unknown option '--nope'"],
    ] as const) {
      const { code, output } = await run(args);
      expect(output).to.include(message);
      expect(code).to.equal(2);
    }
  });
});
