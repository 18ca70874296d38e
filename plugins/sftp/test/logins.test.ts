import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect } from "chai";
import { Secret } from "@axon-backup/sink";
import type { SftpOptions } from "@axon-backup/sink-sftp";
import { fingerprint } from "../dist/host-key.js";
import { startStandIn } from "./stand-in.js";
import { refuses, run, serverForTests, works } from "./support-open.js";
import { open, openWith, optionsFor } from "./support.js";

function withoutKey({ private_key_file: key_, ...options }: SftpOptions): SftpOptions {
  expect(key_).to.be.a("string");
  return options;
}

describe("opening an SFTP sink tells logins apart:", function () {
  this.timeout(30_000);
  const at = serverForTests();

  it("a key that the server doesn't know", async () => {
    const file = join(at.dir, "stranger");
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
    await refuses(
      open(at.server, { private_key_file: file }),
      "denied",
      "refuses the key .*stranger for the user",
      "authorized_keys",
    );
  });

  it("a key with a passphrase: right, wrong, none", async () => {
    const file = join(at.dir, "locked");
    await copyFile(at.server.clientKey, file);
    await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "sesame-1234", "-f", file]);
    await works(at.server, { private_key_file: file, passphrase: new Secret("sesame-1234") });
    const wrong = await refuses(
      open(at.server, { private_key_file: file, passphrase: new Secret("sesame-9876") }),
      "invalid",
      "can't be decrypted",
      "Correct passphrase",
    );
    expect(inspect(wrong, { depth: 10 })).not.to.include("sesame");
    await refuses(open(at.server, { private_key_file: file }), "invalid", "no passphrase", "Set passphrase");
  });

  it("a key given as a secret; one that is no key, without showing it", async () => {
    const text = await readFile(at.server.clientKey, "utf8");
    const options = withoutKey(optionsFor(at.server));
    await (await openWith({ ...options, private_key: new Secret(text) })).close();
    const garbage = await refuses(
      openWith({ ...options, private_key: new Secret("garbage-1234") }),
      "invalid",
      "not a private key",
      "ssh-keygen",
    );
    expect(inspect(garbage, { depth: 10 })).not.to.include("garbage-1234");
  });

  it("a key file that isn't there", () =>
    refuses(
      open(at.server, { private_key_file: join(at.dir, "absent") }),
      "invalid",
      "can't read the private key",
      "private_key_file",
    ));

  it("an agent: with the key, without it, and gone", async () => {
    const options = withoutKey(optionsFor(at.server));
    const socket = join(at.dir, "agent.sock");
    const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
    try {
      await once(agent.stdout, "data");
      await refuses(openWith({ ...options, agent: socket }), "denied", "the keys of the agent", "");
      await run("ssh-add", ["-q", at.server.clientKey], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
      await (await openWith({ ...options, agent: socket })).close();
    } finally {
      agent.kill("SIGKILL");
    }
    await refuses(openWith({ ...options, agent: join(at.dir, "no.sock") }), "denied", "agent", "");
  });

  it("nothing to log in with", async () => {
    const options = withoutKey(optionsFor(at.server));
    await refuses(openWith(options), "invalid", "nothing to log in with", "private_key_file");
  });

  for (const asks of [false, true])
    it(`a password${asks ? " that is asked for" : ""}: right and wrong, without showing it`, async () => {
      const other = await startStandIn({ password: "open-sesame", asks });
      const options = {
        host: "127.0.0.1",
        port: other.port,
        user: "backup",
        path: "sink",
        host_key: fingerprint(other.fingerprintKey),
      };
      try {
        const wrong = await refuses(
          openWith({ ...options, password: new Secret("open-barley") }),
          "denied",
          "refuses the password for the user backup",
          "Check user",
        );
        expect(inspect(wrong, { depth: 10, showHidden: true })).not.to.include("barley");
        // It lets in, and then lacks what the contract needs.
        await refuses(
          openWith({ ...options, password: new Secret("open-sesame") }),
          "invalid",
          "posix-rename@openssh.com",
          "OpenSSH",
        );
        await (await openWith({ ...options, password: new Secret("open-sesame") }, "read")).close();
      } finally {
        other.close();
      }
    });
});
