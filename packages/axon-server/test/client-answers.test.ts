import { expect } from "chai";

import { type AxonServerErrorKind } from "@axon-backup/axon-server";

import { withClient } from "./support/client.js";
import { failure } from "./support/failure.js";
import { identityReply, type Reply, type SeenRequest } from "./support/test-server.js";

const TOKEN = "canary-token-5d1f";

describe("the client, on answers that are wrong", () => {
  const page = "<!DOCTYPE html><html><body>Log in</body></html>";
  const cases: readonly (readonly [string, Reply, AxonServerErrorKind, RegExp])[] = [
    ["not JSON", { body: "hello" }, "unexpected", /not JSON: "hello"/],
    ["empty", { body: "" }, "unexpected", /not JSON/],
    ["cut JSON", { body: '["/a' }, "unexpected", /not JSON/],
    ["a login page", { body: page, contentType: "text/html" }, "unexpected", /an HTML page/],
    [
      "a login page that says it is JSON",
      { body: page, contentType: "application/json" },
      "unexpected",
      /an HTML page/,
    ],
    ["not UTF-8", { body: Buffer.from([0x5b, 0x22, 0xff, 0x22, 0x5d]) }, "unexpected", /not UTF-8/],
    ["null", { json: null }, "unexpected", /should be a list of strings and is "null"/],
    ["an object", { json: { filenames: [] } }, "unexpected", /should be a list of strings/],
    ["a number among strings", { json: ["/a", 7] }, "unexpected", /should be a string and is "7"/],
    [
      "a redirect",
      {
        status: 302,
        body: "",
        headers: { location: "https://user:secret@sso.example.com/login?session=hidden" },
      },
      "unexpected",
      /redirects to "https:\/\/sso.example.com\/login", which is not followed/,
    ],
    ["204", { status: 204, body: "" }, "unexpected", /status 204/],
    ["400", { status: 400, json: {} }, "server-error", /status 400/],
    [
      "400 of a server with TLS",
      { status: 400, body: "This combination of host and port requires TLS." },
      "server-error",
      /requires TLS/,
    ],
    ["401", { status: 401, json: {} }, "unauthorized", /status 401/],
    ["403", { status: 403, body: "Invalid token\r\n" }, "forbidden", /Invalid token/],
    ["404", { status: 404, json: {} }, "unsupported", /status 404/],
    ["405", { status: 405, json: {} }, "unsupported", /status 405/],
    ["407", { status: 407, body: "" }, "forbidden", /proxy/],
    [
      "500",
      { status: 500, json: { error: "Internal Server Error" } },
      "server-error",
      /Internal Server Error/,
    ],
    ["500 with AXONIQ-7000", { status: 500, body: "[AXONIQ-7000] not ready" }, "not-ready", /AXONIQ-7000/],
    ["502", { status: 502, body: page, contentType: "text/html" }, "unreachable", /an HTML page/],
    ["503", { status: 503, body: "" }, "not-ready", /status 503/],
    [
      "503 with AXONIQ-7000",
      { status: 503, body: "[AXONIQ-7000] not ready" },
      "not-ready",
      /can't serve a backup now/,
    ],
    ["504", { status: 504, body: "" }, "unreachable", /status 504/],
    ["a reset", "reset", "unreachable", /broke off/],
    ["a reset in the middle", "cut", "unreachable", /broke off|terminated/],
  ];
  for (const [title, reply, kind, message] of cases)
    it(`turns ${title} into ${kind}`, async () => {
      await withClient(
        () => reply,
        async (client, server) => {
          const error = await failure(client.listFilenames("d", "events"), kind);
          expect(error.message).to.match(
            /^GET http:\/\/127\.0\.0\.1:\d+\/v1\/backup\/filenames\?type=EVENT&context=d: /,
          );
          expect(error.message).to.match(message);
          expect(error.message).to.not.match(/secret|hidden/);
          const passing = kind === "unreachable" || kind === "not-ready";
          expect(server.seen).to.have.lengthOf(passing ? 3 : 1);
          expect(error.message.includes("(tried 3 times)")).to.equal(passing);
        },
        { attempts: 3 },
      );
    });

  for (const [path, json] of [
    ["/v1/public/version", { productName: "Axon Server" }],
    ["/v1/public/version", { productName: 7, version: "4.6.1" }],
    ["/v1/public/version", { productName: "Axon Server", version: "new" }],
    ["/v1/public/me", { name: "n", clustered: "false", authentication: false }],
    ["/v1/public/me", { name: "n", clustered: false }],
    ["/v1/public/me", []],
    ["/v1/public/mycontexts", { default: true }],
  ] as const)
    it(`refuses ${JSON.stringify(json)} as ${path}`, async () => {
      const reply = (request: SeenRequest): Reply =>
        request.url === path ? { json } : (identityReply(request) ?? { status: 404, json: {} });
      await withClient(reply, async (client) => {
        await failure(client.identify(), "unexpected");
      });
    });

  for (const json of [
    {},
    { lastClosedSegment: 1 },
    { lastClosedSegment: "1", filenames: [] },
    { lastClosedSegment: -2, filenames: [] },
    { lastClosedSegment: 1.5, filenames: [] },
    { lastClosedSegment: null, filenames: [] },
    { lastClosedSegment: 1, filenames: "/a" },
    [],
  ])
    it(`refuses ${JSON.stringify(json)} as an eventstore listing`, async () => {
      await withClient(
        () => ({ json }),
        async (client) => {
          await failure(client.listEventstore("d", "events"), "unexpected");
        },
      );
    });

  it("refuses a segment number that JSON can't carry", async () => {
    await withClient(
      () => ({ body: '{"lastClosedSegment":9007199254740993,"filenames":[]}' }),
      async (client) => {
        await failure(client.listEventstore("d", "events"), "unexpected");
      },
    );
  });

  for (const body of ["controldb1.zip", "", "<html></html>", "/a\n/b", "C:\\axon\\controldb1.zip"])
    it(`refuses ${JSON.stringify(body)} as the path of the control DB's backup`, async () => {
      await withClient(
        () => ({ body }),
        async (client, server) => {
          await failure(client.createControlDbBackup("SE"), "unexpected");
          expect(server.seen).to.have.lengthOf(1);
        },
      );
    });

  it("reads no more of a small answer than it should be", async () => {
    const reply = (): Reply => ({ body: "x".repeat(2 * 1024 * 1024) });
    await withClient(reply, async (client) => {
      const error = await failure(client.identify(), "unexpected");
      expect(error.message).to.contain("larger than");
      expect(error.message).to.have.length.below(300);
    });
  });

  it("knows EE by `clustered`, and no context at all", async () => {
    const reply = (request: SeenRequest): Reply => {
      if (request.url === "/v1/public/me")
        return { json: { name: "n", clustered: true, authentication: true } };
      const unknown = { status: 503, body: "[AXONIQ-6000] Missing worker" };
      return identityReply(request, []) ?? unknown;
    };
    await withClient(reply, async (client) => {
      expect(await client.identify()).to.include({
        edition: "EE",
        listing: "eventstore",
        authentication: true,
      });
    });
  });

  it("never shows the access token, even if the server repeats it", async () => {
    const replies: readonly Reply[] = [
      { status: 403, body: `Invalid token ${TOKEN}` },
      { status: 500, json: { message: TOKEN } },
      { body: `not JSON ${TOKEN}` },
      { json: { [TOKEN]: TOKEN } },
      { json: [{ token: TOKEN }] },
      "reset",
    ];
    for (const reply of replies)
      await withClient(
        () => reply,
        async (client) => {
          for (const call of [
            client.identify(),
            client.listFilenames("d", "events"),
            client.createControlDbBackup("SE"),
          ])
            try {
              await call;
              expect.fail("should reject");
            } catch (error) {
              expect(inspectDeep(error)).to.not.contain(TOKEN);
            }
        },
        { accessToken: () => TOKEN, attempts: 1 },
      );
  });
});

/** Everything that a log could show of an error. */
function inspectDeep(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.stack ?? ""} ${JSON.stringify(error)} ${"cause" in error ? inspectDeep(error.cause) : ""}`;
}
