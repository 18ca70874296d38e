import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { Redactor } from "../dist/secrets/redactor.js";
import { secretReferenceProblem } from "../dist/secrets/reference.js";
import { resolveSecret } from "../dist/secrets/resolve.js";
import { SecretError } from "../dist/secrets/secret-error.js";
import { folder, rejection, removeFolders } from "./support.js";

function context(env: Readonly<Record<string, string>> = {}) {
  const warnings: string[] = [];
  return { env, redactor: new Redactor(), warn: (message: string) => void warnings.push(message), warnings };
}

describe("secrets", () => {
  afterEach(removeFolders);

  it("come from a file, the environment or a systemd credential, without the trailing line break", async () => {
    const directory = folder({ token: "s3cret \n\r\n", credential: "fr0m-systemd\n" });
    const at = context({ TOKEN: "fr0m-env", CREDENTIALS_DIRECTORY: directory });
    const values = [
      await resolveSecret({ file: join(directory, "token") }, "server.token", at),
      await resolveSecret({ env: "TOKEN" }, "server.token", at),
      await resolveSecret({ credential: "credential" }, "server.token", at),
    ];
    expect(values.map((value) => value.reveal())).to.deep.equal(["s3cret ", "fr0m-env", "fr0m-systemd"]);
    expect(at.warnings).to.deep.equal([]);
    expect(inspect(values) + JSON.stringify(values)).not.to.match(/s3cret|fr0m/);
  });

  it("are read anew each time", async () => {
    const path = join(folder({ token: "before" }), "token");
    const at = context();
    await resolveSecret({ file: path }, "server.token", at);
    writeFileSync(path, "after");
    expect((await resolveSecret({ file: path }, "server.token", at)).reveal()).to.equal("after");
  });

  it("warn when everybody can read them, naming the remedy", async () => {
    const path = join(folder({ token: "value" }), "token");
    chmodSync(path, 0o644);
    const at = context();
    await resolveSecret({ file: path }, "server.token", at);
    expect(at.warnings).to.have.length(1);
    expect(at.warnings[0]).to.contain(`chmod o-r ${path}`);
  });

  it("fail when they are missing or empty, naming the setting and the source", async () => {
    const directory = folder({ empty: "\n" });
    const cases = [
      [{ file: join(directory, "absent") }, "absent"],
      [{ file: directory }, "can't read"],
      [{ file: join(directory, "empty") }, "is empty"],
      [{ env: "ABSENT" }, "ABSENT is not set"],
      [{ env: "EMPTY" }, "is empty"],
      [{ credential: "name" }, "CREDENTIALS_DIRECTORY is not set"],
    ] as const;
    for (const [reference, text] of cases) {
      const error = await rejection(
        resolveSecret(reference, "server.token", context({ EMPTY: "" })),
        SecretError,
      );
      expect(error.message).to.contain("server.token").and.contain(text);
      expect(error.remedy).not.to.equal("");
    }
  });

  it("are read from regular files alone: a FIFO that nobody writes to holds nothing up", async () => {
    const directory = folder({ log: "x".repeat(3 * 1024 * 1024) });
    execFileSync("mkfifo", [join(directory, "fifo")]);
    for (const [file, text] of [
      [join(directory, "fifo"), "is a FIFO"],
      [directory, "is a directory"],
      ["/dev/zero", "is a device"],
      [join(directory, "log"), "has 3145728 bytes"],
    ] as const) {
      const error = await rejection(resolveSecret({ file }, "server.token", context()), SecretError);
      expect(error.message).to.contain(text);
      expect(error.remedy).to.contain("nothing else");
    }
  });

  it("are references of exactly one known kind", () => {
    for (const value of [{ file: "/x" }, { env: "A_1" }, { credential: "axon.token" }])
      expect(secretReferenceProblem(value, false)).to.equal(undefined);
    for (const value of [
      {},
      { file: "x" },
      { env: "a b" },
      { credential: "../x" },
      { vault: "x" },
      { file: "/x", env: "X" },
      [],
      null,
      5,
      true,
      "text",
      { file: 5 },
    ])
      expect(secretReferenceProblem(value, false), JSON.stringify(value)).to.be.a("string");
    expect(secretReferenceProblem("/key.pem", true)).to.equal(undefined);
    expect(secretReferenceProblem("-----BEGIN KEY-----", true)).to.be.a("string");
  });
});

describe("redaction", () => {
  it("takes a secret out of any text around it, as it is and as JSON", () => {
    const secret = fc.string({ minLength: 3 }).map((text) => `§${text}`);
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (value, before, after) => {
        const redactor = new Redactor();
        redactor.add(value);
        for (const text of [before + value + after, JSON.stringify({ message: before + value + after })])
          expect(redactor.redact(text)).to.contain("[secret]");
        expect(redactor.redact(`begin:${value}:end`)).to.equal("begin:[secret]:end");
      }),
    );
  });

  it("takes longer secrets out as a whole, and other spellings", () => {
    const redactor = new Redactor();
    redactor.add("token");
    redactor.add("token-long/+");
    expect(redactor.redact("token-long/+ token dG9rZW4tbG9uZy8r token-long%2F%2B")).to.equal(
      "[secret] [secret] [secret] [secret]",
    );
    expect(redactor.redact("nothing here")).to.equal("nothing here");
  });
});
