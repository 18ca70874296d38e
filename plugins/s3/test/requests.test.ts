import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { inspect } from "node:util";
import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, Secret } from "@axon-backup/sink";
import { pattern } from "@axon-backup/sink-testkit";
import type { S3Options } from "@axon-backup/sink-s3";
import {
  type Answer,
  errorAnswer,
  type Request,
  type ScriptedServer,
  scriptedServer,
} from "./scripted-server.js";
import { caught, open } from "./support.js";

const key = objectKey("head.json");
const SECRET = "the secret, which nobody may see";

function optionsOf(server: ScriptedServer, more: Partial<S3Options> = {}): S3Options {
  return {
    bucket: `bucket-${randomBytes(4).toString("hex")}`,
    endpoint: `http://127.0.0.1:${server.port}`,
    access_key_id: "ID",
    secret_access_key: new Secret(SECRET),
    ...more,
  };
}

async function withServer(
  answer: (request: Request) => Answer | undefined,
  body: (server: ScriptedServer) => Promise<void>,
): Promise<void> {
  const server = await scriptedServer(answer);
  try {
    await body(server);
  } finally {
    await server.close();
  }
}

/** A server that takes everything, and holds three bytes of each object. */
const naive = ({ method }: Request): Answer | undefined =>
  method === "HEAD" ? { headers: { "content-length": "3" } } : undefined;

const last = (server: ScriptedServer): Request => {
  const put = server.requests.findLast(({ method }) => method === "PUT");
  if (put === undefined) throw new Error("there was no put");
  return put;
};

describe("requests", () => {
  it("say how to encrypt, which class, and the tags", () =>
    withServer(naive, async (server) => {
      const kms = { type: "sse-kms", key_id: "alias/k", context: { a: "b" } } as const;
      const sink = await open(optionsOf(server, {
        encryption: kms,
        storage_class: { "closed-segment": "STANDARD_IA", document: "STANDARD" },
        tags: { owner: "me & you", team: "x" },
      })); // prettier-ignore
      await sink.put(key, bytesSource("abc"), { kind: "closed-segment" });
      expect(last(server).headers).to.include({
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": "alias/k",
        "x-amz-server-side-encryption-context": Buffer.from('{"a":"b"}').toString("base64"),
        "x-amz-storage-class": "STANDARD_IA",
        "x-amz-tagging": "owner=me+%26+you&team=x",
      });
      await sink.put(key, bytesSource("abc"), { kind: "open-segment" });
      expect(last(server).headers).not.to.have.property("x-amz-storage-class");
      await sink.close();
      const simple = await open(optionsOf(server, { encryption: { type: "sse-s3" } }));
      await simple.put(key, bytesSource("abc"));
      expect(last(server).headers).to.include({ "x-amz-server-side-encryption": "AES256" });
      await simple.close();
    }));

  it("carry the key of sse-c wherever it is needed", () =>
    withServer(naive, async (server) => {
      const bytes = randomBytes(32);
      const text = bytes.toString("base64");
      const sink = await open(optionsOf(server, { encryption: { type: "sse-c", key: new Secret(text) } }));
      await sink.put(key, bytesSource("abc"));
      await sink.stat(key);
      for await (const chunk of sink.get(key)) expect(chunk.byteLength).to.be.above(0);
      const seen = server.requests.filter(({ url }) => url.includes(key)).map(({ method }) => method);
      expect(seen).to.include.members(["PUT", "HEAD", "GET"]);
      for (const { url, headers } of server.requests)
        if (url.includes(key))
          expect(headers).to.include({
            "x-amz-server-side-encryption-customer-algorithm": "AES256",
            "x-amz-server-side-encryption-customer-key": text,
            "x-amz-server-side-encryption-customer-key-md5": createHash("md5").update(bytes).digest("base64"),
          });
      await sink.close();
    }));

  it("carry CRC32, or MD5 where only that is wanted, and are signed over http", () =>
    withServer(naive, async (server) => {
      const hash = createHash("sha256").update("abc").digest("hex");
      const today = await open(optionsOf(server));
      await today.put(key, bytesSource("abc"));
      expect(last(server).headers).to.include({
        "x-amz-checksum-crc32": "NSRBwg==",
        "x-amz-content-sha256": hash,
      });
      await today.close();
      const old = await open(optionsOf(server, { checksums: "when-required" }));
      await old.put(key, bytesSource("abc"));
      const { headers } = last(server);
      expect(headers).to.include({ "content-md5": "kAFQmDzST7DWlj99KOF/cg==", "x-amz-content-sha256": hash });
      expect(Object.keys(headers).filter((name) => name.includes("checksum"))).to.deep.equal([]);
      await old.close();
    }));

  it("are left unsigned over https when the server checks checksums, with a certificate authority of one's own", async () => {
    const file = (name: string): string => fileURLToPath(new URL(`../test/tls/${name}`, import.meta.url));
    const strict = ({ method, headers, body }: Request): Answer | undefined =>
      method === "PUT" && body.toString() !== "abc"
        ? errorAnswer(headers["if-match"] ?? headers["if-none-match"] ? 412 : 400, headers["if-match"] ?? headers["if-none-match"] ? "PreconditionFailed" : "BadDigest") // prettier-ignore
        : naive({ method, headers, body, url: "" });
    const tls = { cert: await readFile(file("server.pem")), key: await readFile(file("server.key")) };
    const server = await scriptedServer(strict, tls);
    try {
      const endpoint = `https://localhost:${server.port}`;
      const sink = await open(optionsOf(server, { endpoint, ca: file("ca.pem") }));
      expect(sink.conditional).to.have.keys(["ifAbsent", "ifUnchanged"]);
      await sink.put(key, bytesSource("abc"));
      expect(last(server).headers).to.include({
        "x-amz-content-sha256": "UNSIGNED-PAYLOAD",
        "x-amz-checksum-crc32": "NSRBwg==",
      });
      await sink.close();
      const unknown = await caught(open(optionsOf(server, { endpoint })));
      expect(isSinkError(unknown, "invalid"), String(unknown)).to.be.true;
      expect(unknown).to.have.property("remedy").that.includes("as ca");
      const plain = await caught(open(optionsOf(server, { endpoint: `http://localhost:${server.port}` })));
      expect(isSinkError(plain), String(plain)).to.be.true;
    } finally {
      await server.close();
    }
  });

  it("name the bucket in the path, or in the host if asked to", () =>
    withServer(naive, async (server) => {
      const options = optionsOf(server, { prefix: "a/b/" });
      await (await open(options, "read")).close();
      expect(server.requests[0]?.url).to.match(new RegExp(`^/${options.bucket}/?\\?.*prefix=a%2Fb%2F`));
      const host = { ...options, endpoint: "http://no-such-host.invalid", path_style: false };
      const error = await caught(open(host, "read"));
      expect(error)
        .to.have.nested.property("cause.message")
        .that.includes(`${options.bucket}.no-such-host.invalid`);
    }));

  it("of a server that honours no conditions and checks nothing: no conditional put, and every size is looked at", () =>
    withServer(naive, async (server) => {
      const sink = await open(optionsOf(server));
      expect(sink.conditional).to.be.undefined;
      await sink.put(key, bytesSource("abc"));
      const lost = await caught(sink.put(key, bytesSource("abcdef")));
      expect(isSinkError(lost, "transient")).to.be.true;
      expect(lost).to.have.property("message").that.includes("3 of 6 bytes");
      const upload = await caught(sink.put(key, bytesSource(pattern(9_000_000))));
      expect(isSinkError(upload)).to.be.true;
      await sink.close();
    }));
});

describe("conditional puts whose connection breaks", () => {
  const bytes = Buffer.from("abc");
  /** Hangs up on the put of `key`, and tells of the object that is there: its length, ETag and CRC32. */
  const hangingUp =
    (there?: { readonly length: number; readonly etag: string; readonly crc?: string }) =>
    ({ method, url, headers }: Request): Answer | undefined => {
      if (url.includes("probe"))
        return headers["if-match"] === undefined && headers["if-none-match"] === undefined
          ? undefined
          : errorAnswer(412, "PreconditionFailed");
      if (method === "PUT") return { hangsUp: true };
      if (method !== "HEAD") return undefined;
      if (there === undefined) return { status: 404 };
      const crc: Record<string, string> =
        there.crc === undefined ? {} : { "x-amz-checksum-crc32": there.crc };
      return { headers: { "content-length": String(there.length), etag: there.etag, ...crc } };
    };
  for (const [what, put, kind, there] of [
    ["with another writer's object there", "ifAbsent", "conflict", { length: 5, etag: '"2"' }],
    ["with nothing there", "ifAbsent", "transient", undefined],
    ["with one there that may be their own", "ifAbsent", "transient", { length: 3, etag: '"2"' }],
    ["with one of another checksum", "ifAbsent", "conflict", { length: 3, etag: '"2"', crc: "AAAAAA==" }],
    ["with one of their own checksum", "ifAbsent", "transient", { length: 3, etag: '"2"', crc: "NSRBwg==" }],
    ["with another version there", "ifUnchanged", "conflict", { length: 5, etag: '"2"' }],
    ["with the version that was seen", "ifUnchanged", "transient", { length: 5, etag: '"1"' }],
    ["with the object gone", "ifUnchanged", "conflict", undefined],
  ] as const)
    it(`${put} ${what}: ${kind}`, () =>
      withServer(hangingUp(there), async (server) => {
        const sink = await open(optionsOf(server));
        const { ifAbsent, ifUnchanged } = sink.conditional ?? {};
        const lost =
          put === "ifAbsent"
            ? ifAbsent?.(key, bytesSource(bytes))
            : ifUnchanged?.(key, '"1"', bytesSource(bytes));
        const error = await caught(Promise.resolve(lost));
        expect(isSinkError(error) ? error.kind : String(error)).to.equal(kind);
        await sink.close();
      }));
});

describe("errors", () => {
  const cases: readonly (readonly [string, number, string, string, string])[] = [
    ["NoSuchBucket", 404, "invalid", "no such bucket", "Create the bucket"],
    ["AccessDenied", 403, "denied", "access denied", "rights"],
    ["InvalidAccessKeyId", 403, "denied", "access key id", "access_key_id"],
    ["SignatureDoesNotMatch", 403, "denied", "signature", "secret_access_key"],
    ["RequestTimeTooSkewed", 403, "invalid", "clock", "NTP"],
    ["ExpiredToken", 400, "denied", "expired", "Renew"],
    ["SlowDown", 503, "transient", "fewer requests", "connections"],
    ["ServiceUnavailable", 503, "transient", "not available", ""],
    ["InternalError", 500, "transient", "failed", ""],
    ["TooManyRequests", 429, "transient", "fewer requests", ""],
    ["QuotaExceeded", 403, "full", "quota", "quota"],
    ["InsufficientStorage", 507, "full", "no space", "quota"],
    ["SomethingNew", 507, "full", "no space", "quota"],
    ["SomethingNew", 502, "transient", "words of the server", ""],
    ["SomethingNew", 400, "invalid", "words of the server", ""],
    ["EntityTooLarge", 400, "invalid", "larger", ""],
    ["InvalidObjectState", 403, "invalid", "archive", "RestoreObject"],
  ];
  for (const [code, status, kind, text, remedy] of cases)
    it(`${code} with ${status} is ${kind}, with its cause, a remedy and no secret`, () =>
      withServer(
        () => errorAnswer(status, code),
        async (server) => {
          const options = optionsOf(server);
          const error = await caught(open(options));
          expect(isSinkError(error) ? error.kind : String(error)).to.equal(kind);
          expect(error)
            .to.have.property("message")
            .that.includes(text)
            .and.includes(options.bucket)
            .and.includes(code);
          expect(error).to.have.property("cause").that.is.instanceOf(Error);
          if (remedy !== "") expect(error).to.have.property("remedy").that.includes(remedy);
          expect(inspect(error, { depth: 20, showHidden: true })).not.to.include(SECRET);
        },
      ));

  it("without a reason name the usual one", () =>
    withServer(
      () => ({ status: 400, body: "" }),
      async (server) => {
        const error = await caught(open(optionsOf(server)));
        expect(isSinkError(error, "denied"), String(error)).to.be.true;
        expect(error).to.have.property("message").that.includes("have expired");
      },
    ));

  it("of a wrong region name the right one", () =>
    withServer(
      () => errorAnswer(400, "AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
      async (server) => {
        const error = await caught(open(optionsOf(server)));
        expect(isSinkError(error, "invalid")).to.be.true;
        expect(error).to.have.property("remedy", "Set region: eu-central-1.");
      },
    ).then(() =>
      withServer(
        () => ({ ...errorAnswer(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-west-3" } }),
        async (server) => {
          expect(await caught(open(optionsOf(server)))).to.have.property("remedy", "Set region: eu-west-3.");
        },
      ),
    ));

  for (const [status, page] of [
    [200, "<!doctype html><html><body>Welcome<br></body></html>"],
    [404, "<!doctype html><html><body>Not found<br></body></html>"],
    [404, "<html><body>Not found</body></html>"],
    [404, "not found"],
    [404, ""],
  ] as const)
    it(`of what isn't an S3 server say so: ${status} ${page}`, () =>
      withServer(
        () => ({ status, body: page }),
        async (server) => {
          const error = await caught(open(optionsOf(server)));
          expect(isSinkError(error, "invalid"), String(error)).to.be.true;
          expect(error).to.have.property("message").that.includes("isn't one of S3");
          expect(error).to.have.property("remedy").that.includes("endpoint");
        },
      ));

  it("of names and certificates name the option to correct", async () => {
    const wrong = { bucket: "abc", access_key_id: "ID", secret_access_key: new Secret(SECRET) };
    const name = await caught(open({ ...wrong, endpoint: "http://no-such-host.invalid" }));
    expect(isSinkError(name, "transient"), String(name)).to.be.true;
    expect(name).to.have.property("remedy").that.includes("DNS");
    const ca = await caught(open({ ...wrong, endpoint: "https://localhost", ca: "/no/such/file" }));
    expect(isSinkError(ca, "invalid")).to.be.true;
    const key = new Secret("short");
    const short = await caught(open({ ...wrong, encryption: { type: "sse-c", key } }));
    expect(short).to.have.property("remedy").that.includes("openssl");
    const clear = { type: "sse-c", key: new Secret(randomBytes(32).toString("base64")) } as const;
    expect(
      isSinkError(
        await caught(open({ ...wrong, endpoint: "http://example.com", encryption: clear })),
        "invalid",
      ),
    ).to.be.true;
  });
});
