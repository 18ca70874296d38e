import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { inspect, promisify } from "node:util";
import { expect } from "chai";
import { bytesSource, readAll, Secret, SinkError, type SinkErrorKind } from "@axon-backup/sink";
import { pendingWithoutServer, startSshd, type SshdServer } from "@axon-backup/test-servers";
import { plugin, type SftpOptions } from "@axon-backup/sink-sftp";
import { fingerprint } from "../dist/host-key.js";
import { startStandIn } from "./stand-in.js";
import { caught, key, open, openWith, optionsFor } from "./support.js";

const run = promisify(execFile);

/** That the promise rejects with a SinkError of this kind, with these texts in its message and remedy. */
async function refuses(
  promise: Promise<unknown>,
  kind: SinkErrorKind,
  message: string | RegExp,
  remedy: string | RegExp,
): Promise<SinkError> {
  const error = await caught(promise);
  expect(error).to.be.instanceOf(SinkError);
  const refused = error as SinkError;
  expect(refused.message).to.match(new RegExp(message));
  expect(refused.remedy ?? "").to.match(new RegExp(remedy));
  expect(refused.kind).to.equal(kind);
  return refused;
}

function withoutKey({ private_key_file: key_, ...options }: SftpOptions): SftpOptions {
  expect(key_).to.be.a("string");
  return options;
}

const escape = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

describe("opening an SFTP sink", function () {
  this.timeout(30_000);
  let server: SshdServer;
  let started: SshdServer | undefined;
  /** A folder for files of a test: it goes with the server. */
  let dir: string;

  before(async function () {
    await pendingWithoutServer(this, "sshd");
    server = started = await startSshd();
    dir = join(server.root, "..");
  });
  after(() => started?.close());

  async function works(options: Parameters<typeof open>[1]): Promise<void> {
    const sink = await open(server, options);
    try {
      await sink.put(key, bytesSource("abc"));
      expect(Buffer.from(await readAll(sink.get(key))).toString()).to.equal("abc");
    } finally {
      await sink.close();
    }
  }

  describe("tells host keys apart:", () => {
    it("an unknown host, with the fingerprint that it shows", async () => {
      const file = join(dir, "empty");
      await writeFile(file, "");
      const shown = escape(server.hostKey);
      await refuses(
        open(server, { known_hosts: file }),
        "denied",
        `not in .*empty.*${shown}`,
        `host_key: ${shown}`,
      );
    });

    it("a changed key, with the fingerprint that it shows", async () => {
      const file = join(dir, "changed");
      const other = await readFile(`${server.clientKey}.pub`, "utf8");
      await writeFile(file, `[127.0.0.1]:${server.port} ${other}`);
      await refuses(
        open(server, { known_hosts: file }),
        "denied",
        `not the one in .*changed.*${escape(server.hostKey)}`,
        "stand between",
      );
    });

    it("a revoked key, even when it is known", async () => {
      const file = join(dir, "revoked");
      await writeFile(file, `${server.knownHosts}@revoked * ${server.hostKeys[0]?.publicKey ?? ""}\n`);
      await refuses(open(server, { known_hosts: file }), "denied", "revoked", "Don't connect");
    });

    it("a certificate authority alone, which isn't enough", async () => {
      const file = join(dir, "authority");
      await writeFile(file, `@cert-authority * ${server.hostKeys[0]?.publicKey ?? ""}\n`);
      await refuses(open(server, { known_hosts: file }), "invalid", "cert-authority", "host_key");
    });

    it("a known_hosts file that isn't there", () =>
      refuses(
        open(server, { known_hosts: join(dir, "absent") }),
        "invalid",
        "can't read known_hosts",
        "host_key",
      ));

    it("a wrong fingerprint", () =>
      refuses(
        open(server, { host_key: `SHA256:${"A".repeat(43)}` }),
        "denied",
        `not the one in host_key.*${escape(server.hostKey)}`,
        "stand between",
      ));

    it("and takes each of the server's keys, known by known_hosts or by fingerprint", async () => {
      for (const { type, fingerprint: shown, publicKey } of server.hostKeys) {
        const file = join(dir, `only-${type}`);
        await writeFile(file, `[127.0.0.1]:${server.port} ${publicKey}\n`);
        await works({ known_hosts: file });
        await works({ host_key: shown });
        await works({ host_key: [`SHA256:${"A".repeat(43)}`, shown] });
      }
    });

    it("and takes a hashed known_hosts", async () => {
      const file = join(dir, "hashed");
      await copyFile(server.knownHostsFile, file);
      await run("ssh-keygen", ["-q", "-H", "-f", file]);
      await works({ known_hosts: file });
    });
  });

  describe("tells logins apart:", () => {
    it("a key that the server doesn't know", async () => {
      const file = join(dir, "stranger");
      await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
      await refuses(
        open(server, { private_key_file: file }),
        "denied",
        "refuses the key .*stranger for the user",
        "authorized_keys",
      );
    });

    it("a key with a passphrase: right, wrong, none", async () => {
      const file = join(dir, "locked");
      await copyFile(server.clientKey, file);
      await run("ssh-keygen", ["-q", "-p", "-P", "", "-N", "sesame-1234", "-f", file]);
      await works({ private_key_file: file, passphrase: new Secret("sesame-1234") });
      const wrong = await refuses(
        open(server, { private_key_file: file, passphrase: new Secret("sesame-9876") }),
        "invalid",
        "can't be decrypted",
        "Correct passphrase",
      );
      expect(inspect(wrong, { depth: 10 })).not.to.include("sesame");
      await refuses(open(server, { private_key_file: file }), "invalid", "no passphrase", "Set passphrase");
    });

    it("a key given as a secret; one that is no key, without showing it", async () => {
      const text = await readFile(server.clientKey, "utf8");
      const options = withoutKey(optionsFor(server));
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
        open(server, { private_key_file: join(dir, "absent") }),
        "invalid",
        "can't read the private key",
        "private_key_file",
      ));

    it("an agent: with the key, without it, and gone", async () => {
      const options = withoutKey(optionsFor(server));
      const socket = join(dir, "agent.sock");
      const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "ignore"] });
      try {
        await once(agent.stdout, "data");
        await refuses(openWith({ ...options, agent: socket }), "denied", "the keys of the agent", "");
        await run("ssh-add", ["-q", server.clientKey], { env: { ...process.env, SSH_AUTH_SOCK: socket } });
        await (await openWith({ ...options, agent: socket })).close();
      } finally {
        agent.kill("SIGKILL");
      }
      await refuses(openWith({ ...options, agent: join(dir, "no.sock") }), "denied", "agent", "");
    });

    it("nothing to log in with", async () => {
      const options = withoutKey(optionsFor(server));
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

  describe("tells servers apart:", () => {
    it("one that doesn't run", async () => {
      const gone = await startSshd();
      await gone.close();
      await refuses(
        open(gone, { host_key: gone.hostKey, private_key_file: server.clientKey }),
        "transient",
        "nothing listens on port .*ECONNREFUSED",
        "Start the SSH server",
      );
    });

    it("a name that isn't one", () =>
      refuses(
        open(server, { host: "no-such-host.invalid" }),
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
        const opening = open(server, { port, host_key: server.hostKey });
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
  });

  it("tells what the server offers", async () => {
    const said: unknown[] = [];
    const sink = await plugin.open(optionsFor(server), {
      name: "test",
      purpose: "write",
      log: (level, message, fields) => said.push([level, message, fields?.["chunkBytes"], fields?.["fsync"]]),
    });
    await sink.close();
    // What limits@openssh.com says: 255 KiB. Without it writes would be eight times as many.
    expect(said).to.deep.equal([["debug", "connected", 255 * 1024, true]]);
  });

  describe("tells directories apart:", () => {
    it("one whose parent isn't there", () =>
      refuses(open(server, { path: `${server.path}/a/b` }), "invalid", "neither does", "Mount"));

    it("one that isn't there, to read", () =>
      refuses(
        open(server, { path: `${server.path}/absent` }, "read"),
        "not-found",
        "doesn't exist on the server",
        "path",
      ));

    it("a file", async () => {
      await writeFile(join(server.root, "file"), "");
      await refuses(open(server, { path: `${server.path}/file` }), "invalid", "not a directory", "directory");
    });

    it("one that the user may not write", async () => {
      const path = join(server.root, "sealed");
      await mkdir(path);
      await chmod(path, 0o555);
      await refuses(open(server, { path }), "denied", "can't create .*permission denied", "write access");
      await (await open(server, { path }, "read")).close();
    });

    it("and finds a relative one, with modes as they were asked for", async () => {
      const sink = await open(server, { path: "~/relative/", file_mode: "0640", dir_mode: "0750" });
      await sink.put(key, bytesSource("abc"));
      await sink.close();
      const { stdout } = await run("find", [join(server.root, "relative"), "-printf", "%y%m\\n"]);
      expect([...new Set(stdout.trim().split("\n"))]).to.have.members(["d750", "f640"]);
    });
  });
});

describe("options of an SFTP sink", () => {
  const options = { host: "h", user: "u", path: "p", private_key_file: "/k" };
  for (const [name, wrong] of Object.entries({
    "two private keys": { private_key: new Secret("k") },
    "known_hosts and host_key": { known_hosts: "/f", host_key: `SHA256:${"A".repeat(43)}` },
    "a fingerprint of another kind": { host_key: "MD5:00:11" },
    "a port that is none": { port: 70_000 },
    "a mode without access": { file_mode: "0000" },
    "an empty path": { path: "" },
  }))
    it(`refuse ${name}, before anything is connected`, () =>
      refuses(openWith({ ...options, ...wrong }), "invalid", "", ""));
});
