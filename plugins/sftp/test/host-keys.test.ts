import { copyFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { refuses, run, serverForTests, works } from "./support-open.js";
import { open } from "./support.js";

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("opening an SFTP sink tells host keys apart:", function () {
  this.timeout(30_000);
  const at = serverForTests();

  it("an unknown host, with the fingerprint that it shows", async () => {
    const file = join(at.dir, "empty");
    await writeFile(file, "");
    const shown = escape(at.server.hostKey);
    await refuses(
      open(at.server, { known_hosts: file }),
      "denied",
      `not in .*empty.*${shown}`,
      `host_key: ${shown}`,
    );
  });

  it("a changed key, with the fingerprint that it shows", async () => {
    const file = join(at.dir, "changed");
    const other = await readFile(`${at.server.clientKey}.pub`, "utf8");
    await writeFile(file, `[127.0.0.1]:${at.server.port} ${other}`);
    await refuses(
      open(at.server, { known_hosts: file }),
      "denied",
      `not the one in .*changed.*${escape(at.server.hostKey)}`,
      "stand between",
    );
  });

  it("a revoked key, even when it is known", async () => {
    const file = join(at.dir, "revoked");
    await writeFile(file, `${at.server.knownHosts}@revoked * ${at.server.hostKeys[0]?.publicKey ?? ""}\n`);
    await refuses(open(at.server, { known_hosts: file }), "denied", "revoked", "Don't connect");
  });

  it("a certificate authority alone, which isn't enough", async () => {
    const file = join(at.dir, "authority");
    await writeFile(file, `@cert-authority * ${at.server.hostKeys[0]?.publicKey ?? ""}\n`);
    await refuses(open(at.server, { known_hosts: file }), "invalid", "cert-authority", "host_key");
  });

  it("a known_hosts file that isn't there", () =>
    refuses(
      open(at.server, { known_hosts: join(at.dir, "absent") }),
      "invalid",
      "can't read known_hosts",
      "host_key",
    ));

  it("a wrong fingerprint", () =>
    refuses(
      open(at.server, { host_key: `SHA256:${"A".repeat(43)}` }),
      "denied",
      `not the one in host_key.*${escape(at.server.hostKey)}`,
      "stand between",
    ));

  it("and takes each of the server's keys, known by known_hosts or by fingerprint", async () => {
    for (const { type, fingerprint: shown, publicKey } of at.server.hostKeys) {
      const file = join(at.dir, `only-${type}`);
      await writeFile(file, `[127.0.0.1]:${at.server.port} ${publicKey}\n`);
      await works(at.server, { known_hosts: file });
      await works(at.server, { host_key: shown });
      await works(at.server, { host_key: [`SHA256:${"A".repeat(43)}`, shown] });
    }
  });

  it("and takes a hashed known_hosts", async () => {
    const file = join(at.dir, "hashed");
    await copyFile(at.server.knownHostsFile, file);
    await run("ssh-keygen", ["-q", "-H", "-f", file]);
    await works(at.server, { known_hosts: file });
  });
});
