import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { expect } from "chai";
import { plugin } from "@axon-backup/sink-sftp";
import { startSshd } from "@axon-backup/test-servers";
import { refuses, serverForTests } from "./support-open.js";
import { open, optionsFor } from "./support.js";

describe("opening an SFTP sink tells servers apart:", function () {
  this.timeout(30_000);
  const at = serverForTests();

  it("one that doesn't run", async () => {
    const gone = await startSshd();
    await gone.close();
    await refuses(
      open(gone, { host_key: gone.hostKey, private_key_file: at.server.clientKey }),
      "transient",
      "nothing listens on port .*ECONNREFUSED",
      "Start the SSH server",
    );
  });

  it("a name that isn't one", () =>
    refuses(
      open(at.server, { host: "no-such-host.invalid" }),
      "transient",
      "ENOTFOUND|EAI_AGAIN",
      "name|host",
    ));

  it("one that isn't an SSH server", async () => {
    const other = createServer((socket) => {
      socket.on("error", () => undefined).end("HTTP/1.1 400 Bad Request\r\n\r\n");
    }).listen(0, "127.0.0.1");
    await once(other, "listening");
    try {
      const { port } = other.address() as AddressInfo;
      const opening = open(at.server, { port, host_key: at.server.hostKey });
      await refuses(
        opening,
        "transient",
        "before the server said",
        "host and port are those of an SSH server",
      );
    } finally {
      other.close();
    }
  });

  for (const [title, config] of [
    ["has no SFTP", ["Subsystem other /bin/false"]],
    ["runs a command that isn't SFTP", ["ForceCommand /bin/echo This account is currently not available."]],
  ] as const)
    it(`one that ${title}`, async () => {
      const shell = await startSshd({ config });
      try {
        await refuses(open(shell), "invalid", "doesn't speak SFTP", "Subsystem sftp internal-sftp");
      } finally {
        await shell.close();
      }
    });

  it("and tells what one offers", async () => {
    const said: unknown[] = [];
    const sink = await plugin.open(optionsFor(at.server), {
      name: "test",
      purpose: "write",
      log: (level, message, fields) => said.push([level, message, fields?.["chunkBytes"], fields?.["fsync"]]),
    });
    await sink.close();
    // What limits@openssh.com says: 255 KiB. Without it writes would be eight times as many.
    expect(said).to.deep.equal([["debug", "connected", 255 * 1024, true]]);
  });
});
