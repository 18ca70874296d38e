import { createHmac, timingSafeEqual } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { WebhookTarget } from "../../dist/config/notifications-types.js";
import type { Message } from "../../dist/service/notifications/message.js";
import { DeliveryError } from "../../dist/service/notifications/senders/sender.js";
import { webhookSender } from "../../dist/service/notifications/senders/webhook.js";
import { folder, rejection, removeFolders } from "../support.js";
import { HttpReceiver, type ReceivedRequest } from "./http-receiver.js";
import { certificateFile, messageNamed, secretsOf, START } from "./support.js";

/** As docs/notifications.md tells receivers to do it. */
function isGenuine({ headers, body }: ReceivedRequest, secret: string, now: Date): boolean {
  const timestamp = String(headers["x-axon-backup-timestamp"]);
  if (Math.abs(now.getTime() / 1000 - Number(timestamp)) > 300) return false;
  const expected = `v1=${createHmac("sha256", secret).update(`${timestamp}.${body}`).digest("hex")}`;
  const given = Buffer.from(String(headers["x-axon-backup-signature"]));
  return given.length === expected.length && timingSafeEqual(given, Buffer.from(expected));
}

const NEVER = new AbortController().signal;
const message = messageNamed("sink nas fails: Zürich ✓");

describe("a webhook", () => {
  let receiver: HttpReceiver;
  const start = async (tls = false): Promise<HttpReceiver> => (receiver = await HttpReceiver.start(tls));
  afterEach(async () => {
    await receiver.close();
    removeFolders();
  });
  const send = (
    more: Partial<WebhookTarget>,
    signal = NEVER,
    secrets = secretsOf({ HOOK_SECRET: "not-to-be-known" }),
  ) =>
    webhookSender({ kind: "webhook", url: receiver.url, timeout: 1000, ...more }, secrets, () => START).send(
      [message],
      signal,
    );

  it("gets the message as JSON, signed", async () => {
    await start();
    await send({ url: `${receiver.url}/hooks/1?a=b`, secret: { env: "HOOK_SECRET" } });
    const [request] = receiver.requests as [ReceivedRequest];
    expect(request).to.include({ method: "POST", path: "/hooks/1?a=b" });
    expect(request.headers["content-type"]).to.equal("application/json");
    expect(JSON.parse(request.body) as Message).to.deep.equal(message);
    expect(isGenuine(request, "not-to-be-known", START)).to.equal(true);
    expect(isGenuine(request, "another", START)).to.equal(false);
    expect(
      isGenuine({ ...request, body: request.body.replace("nas", "s3") }, "not-to-be-known", START),
    ).to.equal(false);
    expect(isGenuine(request, "not-to-be-known", new Date(START.getTime() + 600_000))).to.equal(false);
  });

  it("isn't signed without a secret", async () => {
    await start();
    await send({});
    expect(receiver.requests[0]?.headers).not.to.have.property("x-axon-backup-signature");
  });

  for (const [status, refused] of [
    [400, true],
    [404, true],
    [408, false],
    [429, false],
    [500, false],
    [503, false],
  ] as const)
    it(`that answers with ${status} ${refused ? "refuses" : "is to be tried again"}`, async () => {
      await start();
      Object.assign(receiver, { answer: status, body: "no such hook" });
      const error = await rejection(send({}), DeliveryError);
      expect(error).to.include({ refused, output: "no such hook" });
      expect(error.message).to.include(`answers with ${status}`);
    });

  it("isn't followed elsewhere", async () => {
    await start();
    Object.assign(receiver, { answer: 307, headers: { Location: `${receiver.url}/elsewhere` } });
    expect((await rejection(send({}), DeliveryError)).remedy).to.include("redirects aren't followed");
    expect(receiver.requests).to.have.length(1);
  });

  it("with an authority of one's own is verified with it", async () => {
    await start(true);
    await send({ ca: certificateFile("ca.pem") });
    expect(receiver.requests).to.have.length(1);
  });

  it("with a certificate that nobody vouches for gets nothing, whatever the environment says", async () => {
    await start(true);
    const before = process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
    process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = "0";
    try {
      for (const more of [{}, { ca: certificateFile("other-ca.pem") }]) {
        const error = await rejection(send(more), DeliveryError);
        expect(error.message).to.match(/certificate/);
        expect(error.refused).to.equal(false);
      }
    } finally {
      if (before === undefined) delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];
      else process.env["NODE_TLS_REJECT_UNAUTHORIZED"] = before;
    }
    expect(receiver.requests).to.deep.equal([]);
  });

  it("whose address is a secret is never named, and read anew each time", async () => {
    await start();
    const file = join(folder({ url: `${receiver.url}/hooks/T0123/verysecret\n` }), "url");
    const secrets = secretsOf();
    receiver.answer = 404;
    receiver.body = "Cannot POST /hooks/T0123/verysecret";
    const error = await rejection(send({ url: { file } }, NEVER, secrets), DeliveryError);
    expect(error.message).not.to.include("verysecret");
    expect(secrets.redactor.redact(error.output ?? "")).to.equal("Cannot POST [secret]");
    receiver.answer = 204;
    writeFileSync(file, `${receiver.url}/hooks/new`);
    await send({ url: { file } }, NEVER, secrets);
    expect(receiver.requests.at(-1)?.path).to.equal("/hooks/new");
    writeFileSync(file, "ftp://somewhere");
    expect((await rejection(send({ url: { file } }, NEVER, secrets), DeliveryError)).message).to.include(
      "no address",
    );
  });

  it("that nobody listens at is to be tried again", async () => {
    await start();
    await receiver.close();
    const error = await rejection(send({}), DeliveryError);
    expect(error.refused).to.equal(false);
    expect(error.message).to.include("ECONNREFUSED");
  });

  it("that says nothing is left when the time is over", async () => {
    await start();
    receiver.answer = "nothing";
    const reason = new Error("too late");
    const abort = new AbortController();
    const sending = send({}, abort.signal);
    while (receiver.requests.length === 0) await new Promise(setImmediate);
    abort.abort(reason);
    expect(await rejection(sending, Error)).to.equal(reason);
  });

  it("that answers without an end doesn't hold up", async () => {
    await start();
    receiver.server.removeAllListeners("request");
    receiver.server.on("request", (_request, response) => {
      response.writeHead(500);
      response.write("x".repeat(5000));
    });
    expect((await rejection(send({}), DeliveryError)).output).to.have.length(1024);
  });
});
