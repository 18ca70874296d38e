import { execFileSync } from "node:child_process";
import { createHmac, randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { findServer } from "@axon-backup/test-servers";
import { blobType, knownHost, matchesHosts, parseKnownHosts } from "../dist/known-hosts.js";

/** A public key in its wire format. */
function blob(type: string, content: Uint8Array): Buffer {
  const field = (bytes: Uint8Array): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.byteLength);
    return Buffer.concat([length, bytes]);
  };
  return Buffer.concat([field(Buffer.from(type)), field(content)]);
}

const [one, two, three] = [1, 2, 3].map((byte) =>
  blob("ssh-ed25519", Buffer.alloc(32, byte)).toString("base64"),
);
const rsa = blob("ssh-rsa", Buffer.alloc(64, 9)).toString("base64");

function keys(text: string, host: string, port = 22): readonly string[] {
  return knownHost(parseKnownHosts(text), host, port).keys.map(({ blob: key }) => key.toString("base64"));
}

function hashed(name: string): string {
  const salt = randomBytes(20);
  return `|1|${salt.toString("base64")}|${createHmac("sha1", salt).update(name).digest("base64")}`;
}

describe("known_hosts", () => {
  it("has comments, empty lines, lists, several keys for a host, and what isn't of the format", () => {
    const text = [
      "# a comment ssh-ed25519 AAAA",
      "",
      `host,other\tssh-ed25519   ${one} someone@somewhere\r`,
      `  host ssh-rsa ${rsa}`,
      `host ssh-ed25519 ${rsa}`,
      "host ssh-ed25519",
      "host ssh-ed25519 not-base64!",
      `@unknown host ssh-ed25519 ${two}`,
      `other ssh-ed25519 ${three}`,
    ].join("\n");
    expect(keys(text, "host")).to.deep.equal([one, rsa]);
    expect(keys(text, "HOST")).to.deep.equal([one, rsa]);
    expect(keys(text, "other")).to.deep.equal([one, three]);
    expect(keys(text, "another")).to.deep.equal([]);
  });

  it("has entries of a port, and those without one count where there are none", () => {
    const text = `host ssh-ed25519 ${one}\n[host]:2222 ssh-ed25519 ${two}\n`;
    expect(keys(text, "host", 22)).to.deep.equal([one]);
    expect(keys(text, "host", 2222)).to.deep.equal([two]);
    expect(keys(text, "host", 2223)).to.deep.equal([one]);
    expect(keys(`[host]:2222 ssh-ed25519 ${two}`, "host", 22)).to.deep.equal([]);
  });

  it("has hashed names, with and without a port", () => {
    const text = `${hashed("host")} ssh-ed25519 ${one}\n${hashed("[host]:2222")} ssh-ed25519 ${two}\n`;
    expect(keys(text, "host")).to.deep.equal([one]);
    expect(keys(text, "host", 2222)).to.deep.equal([two]);
    expect(keys(text, "hos")).to.deep.equal([]);
    expect(keys(`|1|broken ssh-ed25519 ${one}\n|2|a|b ssh-ed25519 ${one}`, "host")).to.deep.equal([]);
  });

  it("has wildcards and negation", () => {
    for (const [pattern, name, matches] of [
      ["*.example.com", "a.example.com", true],
      ["*.example.com", "example.com", false],
      ["host?", "host1", true],
      ["host?", "host", false],
      ["*", "", true],
      ["*.example.com,!bad.example.com", "bad.example.com", false],
      ["!bad.example.com,*.example.com", "good.example.com", true],
      ["!bad.example.com", "good.example.com", false],
      ["[*.example.com]:2222", "[a.example.com]:2222", true],
      ["Host", "host", true],
      ["a*b*c", "aXbYbZc", true],
      ["a*b*c", "aXbYbZ", false],
      ["192.168.0.?", "192.168.0.7", true],
      ["host.", "hostX", false],
    ] as const)
      expect(matchesHosts(pattern, name), `${pattern} and ${name}`).to.equal(matches);
  });

  it("has revoked keys, of the host with or without a port, and certificate authorities", () => {
    const text = `@revoked * ssh-ed25519 ${three}\n@cert-authority *.example.com ssh-rsa ${rsa}\n`;
    const found = knownHost(parseKnownHosts(text), "a.example.com", 2222);
    expect(found.revoked.map(({ blob: key }) => key.toString("base64"))).to.include(three);
    expect(found.authorities).to.equal(1);
    expect(found.keys).to.deep.equal([]);
  });

  it("is read without a failure, whatever it holds", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string(),
        fc.integer({ min: 1, max: 65535 }),
        (text, host, port) => {
          knownHost(parseKnownHosts(text), host, port);
        },
      ),
    );
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        blobType(Buffer.from(bytes));
      }),
    );
  });

  it("matches patterns as a regular expression would", () => {
    const pattern = fc.string({
      unit: fc.constantFrom("a", "b", ".", "*", "?"),
      maxLength: 12,
      minLength: 1,
    });
    const name = fc.string({ unit: fc.constantFrom("a", "b", "."), maxLength: 12 });
    fc.assert(
      fc.property(pattern, name, (wild, text) => {
        const source = wild.replace(/[.*?]/g, (c) => ({ ".": "\\.", "*": ".*", "?": "." })[c] ?? c);
        expect(matchesHosts(wild, text)).to.equal(new RegExp(`^${source}$`).test(text));
      }),
      { numRuns: 2000 },
    );
  });

  it("finds a host among others, hashed or not, whatever their order", () => {
    const host = fc.stringMatching(/^[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?$/);
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.tuple(host, fc.integer({ min: 1, max: 65535 }), fc.boolean()), {
          selector: ([name, port]) => `${name} ${port}`,
          minLength: 1,
          maxLength: 8,
        }),
        (hosts) => {
          const all = hosts.map(([name, port, hash], index) => {
            const full = port === 22 ? name : `[${name}]:${port}`;
            const key = blob("ssh-ed25519", Buffer.alloc(32, index)).toString("base64");
            return { name, port, key, line: `${hash ? hashed(full) : full} ssh-ed25519 ${key}` };
          });
          const text = all.map(({ line }) => line).join("\n");
          for (const { name, port, key } of all) expect(keys(text, name, port)).to.deep.equal([key]);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("is read as ssh-keygen writes it", async function () {
    const found = await findServer("sshd");
    if (!found.available) this.skip();
    const dir = await mkdtemp(join(tmpdir(), "axon-backup-known-hosts-"));
    try {
      const file = join(dir, "known_hosts");
      await writeFile(file, `host ssh-ed25519 ${one}\n[host]:2222,[10.0.0.1]:2222 ssh-ed25519 ${two}\n`);
      execFileSync("ssh-keygen", ["-q", "-H", "-f", file], { stdio: "ignore" });
      const text = await readFile(file, "utf8");
      expect(text)
        .to.match(/^\|1\|/)
        .and.not.include("host");
      expect(keys(text, "host")).to.deep.equal([one]);
      expect(keys(text, "10.0.0.1", 2222)).to.deep.equal([two]);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
