import { inspect } from "node:util";
import { expect } from "chai";
import { bytesSource, Secret, type Sink, type SinkError, type SinkErrorKind } from "@axon-backup/sink";
import { type AzureOptions, plugin } from "@axon-backup/sink-azure";
import { type Answer, refusal, startHttpProxy } from "./http-proxy.js";
import { failure, key, keysOf, withAzurite } from "./support.js";

const CANARY_KEY = Buffer.from("canary-key-canary-key-canary-key-canary-key!").toString("base64");
const CANARY_SIG = "canary+signature/canary+signature/canary=";
const SAS = new URLSearchParams({
  sv: "2024-11-04",
  sp: "rcwdl",
  se: "2099-01-01T00:00:00Z",
  sr: "c",
  sig: CANARY_SIG,
});

/** A sink whose service refuses everything once it is open, and what its `put` fails with. */
async function refused(fate: Answer, options?: Partial<AzureOptions>): Promise<SinkError> {
  return withRefusing(fate, options, (sink) => failure(sink.put(key, bytesSource("x"))));
}

async function withRefusing<T>(
  fate: Answer,
  options: Partial<AzureOptions> | undefined,
  body: (sink: Sink) => Promise<T>,
): Promise<T> {
  let open = false;
  const empty = {
    status: 200,
    headers: { "content-type": "application/xml" },
    body: '<?xml version="1.0"?><EnumerationResults ContainerName="c"><Blobs/><NextMarker/></EnumerationResults>',
  };
  const proxy = await startHttpProxy(() => (open ? fate : empty));
  const login = options ?? { account: "account", account_key: new Secret(CANARY_KEY) };
  try {
    const endpoint = `http://127.0.0.1:${proxy.port}/account`;
    const sink = await plugin.open(
      { ...login, endpoint, container: "container" },
      { name: "test", purpose: "write" },
    );
    open = true;
    return await body(sink);
  } finally {
    await proxy.close();
  }
}

describe("an error of the service", () => {
  const cases: readonly (readonly [number, string, SinkErrorKind, RegExp])[] = [
    [403, "AuthenticationFailed", "denied", /account key or the SAS/],
    [403, "AuthorizationFailure", "denied", /isn't allowed to use the account/],
    [403, "AuthorizationPermissionMismatch", "denied", /lacks a permission/],
    [403, "AuthorizationResourceTypeMismatch", "denied", /account SAS/],
    [403, "UnauthorizedBlobOverwrite", "denied", /not overwrite/],
    [403, "KeyBasedAuthenticationNotPermitted", "denied", /doesn't allow keys/],
    [403, "AccountIsDisabled", "denied", /disabled/],
    [409, "PublicAccessNotPermitted", "denied", /anonymous/],
    [409, "BlobImmutableDueToPolicy", "denied", /immutability policy/],
    [409, "BlobImmutableDueToLegalHold", "denied", /legal hold/],
    [409, "SnapshotsPresent", "denied", /snapshots/],
    [412, "LeaseIdMissing", "denied", /lease/],
    [404, "ContainerNotFound", "invalid", /container doesn't exist/],
    [409, "ContainerBeingDeleted", "invalid", /being deleted/],
    [409, "BlobArchived", "invalid", /archive tier/],
    [409, "InvalidBlobType", "invalid", /page or append blob/],
    [404, "ResourceNotFound", "invalid", /isn't a blob service/],
    [412, "ConditionNotMet", "conflict", /condition/],
    [409, "BlobAlreadyExists", "conflict", /exists already/],
    [507, "InsufficientStorage", "full", /no space left/],
    [409, "AccountQuotaExceeded", "full", /quota/],
    [503, "ServerBusy", "transient", /busy/],
    [429, "TooManyRequests", "transient", /It isn't so/],
    [400, "Md5Mismatch", "transient", /MD5/],
    [400, "SomethingNew", "invalid", /It isn't so/],
  ];
  for (const [status, code, kind, text] of cases)
    it(`${status} ${code} is ${kind}, and says what to do`, async () => {
      const error = await refused(refusal(status, code));
      expect(error.kind).to.equal(kind);
      expect(error.message).to.match(text);
      expect(error.message).to.include(code).and.to.include(key);
      expect(error.message).not.to.include("RequestId");
      if (kind === "denied" || (kind === "invalid" && code !== "SomethingNew"))
        expect(error.remedy).to.be.a("string");
      expect(error.cause).to.be.an("error").with.property("code", code);
    });

  it("tells a wrong clock from a wrong key, by the service's time", async () => {
    const date = new Date(Date.now() - 40 * 60_000).toUTCString();
    const error = await refused(refusal(403, "AuthenticationFailed", undefined, { headers: { date } }));
    expect(error.kind).to.equal("denied");
    expect(error.message).to.match(/clock is 40 minutes ahead/);
    expect(error.remedy).to.include("NTP");
  });

  it("tells an expired SAS from a wrong one, by what the service adds", async () => {
    const detail = "Signature not valid in the specified time frame: Start [a] - Expiry [b] - Current [c]";
    const error = await refused(refusal(403, "AuthenticationFailed", "No.", { detail }));
    expect(error.kind).to.equal("denied");
    expect(error.message).to.match(/SAS isn't valid at this time.*Expiry/);
  });

  it("of a missing container is never taken for a missing object", () =>
    withRefusing(refusal(404, "ContainerNotFound"), undefined, async (sink) => {
      for (const call of [sink.stat(key), sink.delete(key), keysOf(sink)])
        expect((await failure(call)).kind).to.equal("invalid");
    }));

  it("of something else that answers 404 isn't taken for a missing object, either", () =>
    withRefusing({ status: 404, body: "<html>" }, undefined, async (sink) => {
      for (const call of [sink.stat(key), sink.delete(key), keysOf(sink)])
        expect((await failure(call)).kind).to.equal("invalid");
    }));
});

describe("an error of the connection", () => {
  const open = (endpoint: string): Promise<SinkError> =>
    failure(
      plugin.open(
        { account: "account", account_key: new Secret(CANARY_KEY), endpoint, container: "container" },
        { name: "test", purpose: "write" },
      ),
    );

  it("to nobody is transient", async () => {
    const error = await open("http://127.0.0.1:1/account");
    expect(error.kind).to.equal("transient");
    expect(error.message).to.include("nothing takes connections");
    expect(error.remedy).to.be.a("string");
  });

  it("to a name that nobody has says that the account may not exist", async () => {
    const error = await open("http://account.invalid");
    expect(error.kind).to.equal("transient");
    expect(error.remedy).to.include("account");
  });

  it("to a server without TLS is invalid", async () => {
    const proxy = await startHttpProxy(() => ({ status: 200 }));
    try {
      expect((await open(`https://127.0.0.1:${proxy.port}/account`)).kind).to.equal("invalid");
    } finally {
      await proxy.close();
    }
  });
});

describe("secrets", () => {
  const logins: Readonly<Record<string, Partial<AzureOptions>>> = {
    key: { account: "account", account_key: new Secret(CANARY_KEY) },
    SAS: { sas_token: new Secret(SAS.toString()) },
  };
  const quoted: Readonly<Record<string, readonly string[]>> = {
    key: [CANARY_KEY, `AccountKey=${CANARY_KEY};`],
    SAS: [CANARY_SIG, encodeURIComponent(CANARY_SIG), SAS.toString(), `https://a/b?${SAS.toString()}`],
  };
  for (const [name, login] of Object.entries(logins)) {
    const quoting = quoted[name]?.join(" and ").replaceAll("&", "&amp;") ?? "";
    for (const fate of [
      refusal(403, "AuthenticationFailed", `I don't like ${quoting}`, { detail: quoting }),
      refusal(500, "InternalError"),
      { status: 200, body: "<not xml" },
      { status: 302, headers: { location: `http://127.0.0.1:1/?${SAS.toString()}` } },
    ])
      it(`aren't in an error, however it is printed: ${name}, ${fate.status}`, () =>
        withRefusing(fate, login, async (sink) => {
          const errors = await Promise.allSettled([
            sink.put(key, bytesSource("x")),
            sink.put(key, bytesSource(new Uint8Array(5_000_000))),
            sink.stat(key),
            sink.extend?.(key, 0, bytesSource("x")),
            keysOf(sink),
            sink.get(key)[Symbol.asyncIterator]().next(),
            sink.delete(key),
          ]);
          expect(errors.some(({ status }) => status === "rejected")).to.be.true;
          for (const thing of [
            sink,
            ...errors.map((one) => (one.status === "rejected" ? (one.reason as unknown) : undefined)),
          ]) {
            const printed = [
              inspect(thing, { depth: Infinity, showHidden: true, getters: true, maxStringLength: null }),
              JSON.stringify(thing) as string | undefined,
              String((thing as Error | undefined)?.stack),
            ].join("\n");
            for (const secret of [
              CANARY_KEY,
              CANARY_SIG,
              encodeURIComponent(CANARY_SIG),
              SAS.get("sig") ?? "",
            ])
              expect(printed.includes(secret), printed.slice(0, 2000)).to.be.false;
            expect(printed).not.to.match(/SharedKey account:[A-Za-z0-9+/=]{8}/);
          }
        }));
  }

  it("aren't in the error of a connection string that can't be read", async () => {
    const text = `AccountName=;AccountKey=${CANARY_KEY};Nonsense`;
    const error = await failure(
      plugin.open(
        { connection_string: new Secret(text), container: "container" },
        { name: "test", purpose: "write" },
      ),
    );
    expect(error.kind).to.equal("invalid");
    expect(inspect(error, { depth: Infinity, showHidden: true })).not.to.include(CANARY_KEY);
  });
});

withAzurite("Azurite", (storage) => {
  it("refuses a wrong key, and so does the sink, when it is opened", async () => {
    const error = await failure(storage().open({ account_key: new Secret(CANARY_KEY) }));
    expect(error.kind).to.equal("denied");
    expect(error.message).to.include("account key or the SAS");
  });

  it("has no such container", async () => {
    const error = await failure(storage().open({ container: "no-such-container" }, "read"));
    expect(error.kind).to.equal("invalid");
    expect(error.remedy).to.include("Create the container");
  });
});
