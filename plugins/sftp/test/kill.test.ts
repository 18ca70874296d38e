import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, readAll, type Sink } from "@axon-backup/sink";
import { pendingWithoutServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import { key, keysOf, open, optionsFor, temporaries, until } from "./support.js";

const WRITER = fileURLToPath(new URL("./writer.js", import.meta.url));

describe("an SFTP sink whose writer is killed", function () {
  this.timeout(60_000);
  let server: SshdServer;
  let sink: Sink;
  const close: (() => Promise<void>)[] = [];

  before(async function () {
    await pendingWithoutServer(this, "sshd");
    server = await startSshd();
    close.push(() => server.close());
    sink = await open(server);
    close.push(() => sink.close());
  });
  after(async () => {
    for (const step of close.reverse()) await step();
  });

  async function writer(mode: "put" | "stuck"): Promise<ChildProcess> {
    const options = JSON.stringify(optionsFor(server));
    const child = spawn(process.execPath, [WRITER, options, mode], { stdio: ["ignore", "pipe", "inherit"] });
    // Its first line: it is in the middle of its work.
    await Promise.race([
      once(child.stdout, "data"),
      once(child, "exit").then(([code]) => {
        throw new Error(`the writer ended with ${String(code)}`);
      }),
    ]);
    return child;
  }

  async function kill(child: ChildProcess): Promise<void> {
    const exit = once(child, "exit");
    child.kill("SIGKILL");
    await exit;
  }

  it("has the old object or the new one, whole, and is tidy afterwards", async () => {
    for (let turn = 0; turn < 6; turn++) {
      const child = await writer("put");
      for (let line = 0; line < turn % 3; line++) if (child.stdout) await once(child.stdout, "data");
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 10));
      await kill(child);
      const bytes = await readAll(sink.get(key));
      const [byte = 0] = bytes;
      expect(bytes.byteLength).to.equal(3 * (100_000 + byte));
      expect(bytes.every((other) => other === byte)).to.be.true;
      expect(await keysOf(sink)).to.deep.equal([key]);
      // The server may still be working on what it was sent.
      await until(async () => {
        await sink.removeLeftovers?.();
        return (await temporaries(server.root)).length === 0;
      });
    }
  });

  it("has a temporary file, which is removed once the writer is dead, and not before", async () => {
    const child = await writer("stuck");
    try {
      expect(await temporaries(server.root)).to.have.length(1);
      expect(await sink.removeLeftovers?.()).to.equal(0);
      expect(await temporaries(server.root)).to.have.length(1);
    } finally {
      await kill(child);
    }
    expect(await sink.removeLeftovers?.()).to.equal(1);
    expect(await temporaries(server.root)).to.deep.equal([]);
  });

  it("on another machine: its temporary file goes when it is untouched for a day", async () => {
    await sink.put(key, bytesSource("x"));
    const place = join(server.root, "sink", dirname(key));
    const [young = "", old = ""] = ["1", "2"].map((digit) =>
      join(place, `.tmp-000000000000-${digit}-5-00000000000000ab`),
    );
    const foreign = join(place, ".tmp-by-someone-else");
    for (const path of [young, old, foreign]) await writeFile(path, "x");
    const hours = (count: number): Date => new Date(Date.now() - count * 3_600_000);
    await utimes(young, hours(23), hours(23));
    await utimes(old, hours(25), hours(25));
    await utimes(foreign, hours(1000), hours(1000));
    expect(await sink.removeLeftovers?.()).to.equal(1);
    expect(await temporaries(server.root)).to.have.length(2);
  });
});
