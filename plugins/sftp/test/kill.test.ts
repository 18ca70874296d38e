import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { bytesSource, type Sink } from "@axon-backup/sink";
import { pendingWithoutServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import {
  leaveTemporaryFiles,
  requireWholePut,
  startWriter,
  temporaryFiles,
  type Writer,
  type WriterMode,
} from "@axon-backup/sink-testkit";
import { key, keysOf, open, optionsFor, until } from "./support.js";

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

  const writer = (mode: WriterMode): Promise<Writer> =>
    startWriter(WRITER, JSON.stringify(optionsFor(server)), mode);

  it("has the old object or the new one, whole, and is tidy afterwards", async () => {
    for (let turn = 0; turn < 6; turn++) {
      const child = await writer("put");
      await child.work(turn % 3, 10);
      await child.kill();
      await requireWholePut(sink, key);
      expect(await keysOf(sink)).to.deep.equal([key]);
      // The server may still be working on what it was sent.
      await until(async () => {
        await sink.removeLeftovers?.();
        return (await temporaryFiles(server.root)).length === 0;
      });
    }
  });

  it("has a temporary file, which is removed once the writer is dead, and not before", async () => {
    const child = await writer("stuck");
    try {
      expect(await temporaryFiles(server.root)).to.have.length(1);
      expect(await sink.removeLeftovers?.()).to.equal(0);
      expect(await temporaryFiles(server.root)).to.have.length(1);
    } finally {
      await child.kill();
    }
    expect(await sink.removeLeftovers?.()).to.equal(1);
    expect(await temporaryFiles(server.root)).to.deep.equal([]);
  });

  it("on another machine: its temporary file goes when it is untouched for a day", async () => {
    await sink.put(key, bytesSource("x"));
    await leaveTemporaryFiles(join(server.root, "sink", dirname(key)));
    expect(await sink.removeLeftovers?.()).to.equal(1);
    expect(await temporaryFiles(server.root)).to.have.length(2);
  });
});
