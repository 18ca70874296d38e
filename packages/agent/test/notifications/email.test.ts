import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { SMTPServer, type SMTPServerOptions } from "smtp-server";
import type { EmailTarget } from "../../dist/config/notifications-types.js";
import { emailSender } from "../../dist/service/notifications/senders/email.js";
import { DeliveryError } from "../../dist/service/notifications/senders/sender.js";
import { rejection } from "../support.js";
import { certificateFile, messageNamed, secretsOf } from "./support.js";

const NEVER = new AbortController().signal;
const PASSWORD = "not-to-be-known";

interface Mail {
  readonly encrypted: boolean;
  readonly user: string | undefined;
  readonly from: string | undefined;
  readonly to: readonly string[];
  readonly text: string;
}

describe("e-mail", () => {
  let server: SMTPServer;
  let port: number;
  let mails: Mail[];

  async function start(options: SMTPServerOptions = {}): Promise<void> {
    mails = [];
    server = new SMTPServer({
      cert: readFileSync(certificateFile("server.pem")),
      key: readFileSync(certificateFile("server.key")),
      authOptional: true,
      disableReverseLookup: true,
      onAuth: ({ username, password }, _session, done) => {
        if (username === "axon" && password === PASSWORD) done(null, { user: username });
        else done(new Error(`wrong password ${String(password)}`));
      },
      onRcptTo: ({ address }, _session, done) => {
        done(
          address.startsWith("nobody@")
            ? Object.assign(new Error("no such user"), { responseCode: 550 })
            : null,
        );
      },
      onData: (stream, { envelope, secure, user }, done) => {
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          mails.push({
            encrypted: secure,
            user: user as string | undefined,
            from: envelope.mailFrom === false ? undefined : envelope.mailFrom.address,
            to: envelope.rcptTo.map(({ address }) => address),
            text: Buffer.concat(parts).toString("utf8"),
          });
          done();
        });
      },
      ...options,
    });
    // A client that ends the connection within the handshake is what some tests are about.
    server.on("error", () => undefined);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    port = (server.server.address() as AddressInfo).port;
  }
  afterEach(
    () =>
      new Promise<void>((resolve) => {
        server.close(resolve);
      }),
  );

  const ca = certificateFile("ca.pem");
  const send = (
    more: Partial<EmailTarget> = {},
    messages: Parameters<ReturnType<typeof emailSender>["send"]>[0] = [messageNamed("sink nas: fails")],
    signal = NEVER,
  ) =>
    emailSender(
      {
        kind: "email",
        host: "127.0.0.1",
        port,
        tls: "starttls",
        ca,
        from: "Axon Backup <backup@example.org>",
        to: ["ops@example.org", "Second <second@example.org>"],
        timeout: 5000,
        ...more,
      },
      secretsOf({ SMTP_PASSWORD: PASSWORD, WRONG: "another-one" }),
    ).send(messages, signal);

  it("goes to all receivers, encrypted, from who logged in", async () => {
    await start();
    expect(await send({ user: "axon", password: { env: "SMTP_PASSWORD" } })).to.equal(undefined);
    const [mail] = mails as [Mail];
    expect(mail).to.deep.include({
      encrypted: true,
      user: "axon",
      from: "backup@example.org",
      to: ["ops@example.org", "second@example.org"],
    });
    expect(mail.text)
      .to.include("Subject: sink nas: fails\r\n")
      .and.include("Auto-Submitted: auto-generated");
    expect(mail.text).to.include("\r\n\r\nsink nas: fails.");
    expect(mail.text).not.to.include(PASSWORD);
  });

  it("holds several messages, the worst one as its subject", async () => {
    await start();
    await send({}, [
      messageNamed("one is late", { severity: "warning" }),
      messageNamed("one fails"),
      messageNamed("one works", { severity: "info" }),
    ]);
    const [mail] = mails as [Mail];
    expect(mail.text).to.include("Subject: one fails (and 2 more)");
    for (const text of ["one is late.", "one fails.", "one works."]) expect(mail.text).to.include(text);
  });

  it("can't be given other headers by a subject", async () => {
    await start();
    await send({}, [messageNamed("fails\r\nBcc: thief@example.org\r\n\r\nbody", { text: "text" })]);
    expect(mails[0]?.to).to.deep.equal(["ops@example.org", "second@example.org"]);
    expect(mails[0]?.text).not.to.match(/^Bcc:/m);
  });

  it("is encrypted from the beginning with tls: implicit", async () => {
    await start({ secure: true });
    await send({ tls: "implicit" });
    expect(mails[0]?.encrypted).to.equal(true);
  });

  it("isn't encrypted with tls: none, though the server could", async () => {
    await start();
    await send({ tls: "none" });
    expect(mails[0]?.encrypted).to.equal(false);
  });

  it("isn't sent to a server that doesn't encrypt, nor is a password", async () => {
    let authenticated = false;
    await start({
      hideSTARTTLS: true,
      disabledCommands: ["STARTTLS"],
      allowInsecureAuth: true,
      onAuth: (_auth, _session, done) => {
        authenticated = true;
        done(null, { user: "axon" });
      },
    });
    const error = await rejection(send({ user: "axon", password: { env: "SMTP_PASSWORD" } }), DeliveryError);
    expect(error.message).to.match(/STARTTLS/);
    expect(authenticated).to.equal(false);
    expect(mails).to.deep.equal([]);
  });

  for (const tls of ["starttls", "implicit"] as const)
    it(`isn't sent to a server whose certificate nobody vouches for (${tls})`, async () => {
      await start({ secure: tls === "implicit" });
      const error = await rejection(send({ tls, ca: certificateFile("other-ca.pem") }), DeliveryError);
      expect(error.message).to.match(/certificate/);
      expect(error.refused).to.equal(false);
      expect(mails).to.deep.equal([]);
    });

  it("with a wrong password is refused", async () => {
    await start();
    const error = await rejection(send({ user: "axon", password: { env: "WRONG" } }), DeliveryError);
    expect(error.refused).to.equal(true);
    expect(error.remedy).to.include("password");
  });

  it("goes to those who can get it, and tells of the others", async () => {
    await start();
    const warning = await send({ to: ["nobody@example.org", "ops@example.org"] });
    expect(warning).to.include("nobody@example.org").and.include("notifications.email.to");
    expect(mails[0]?.to).to.deep.equal(["ops@example.org"]);
  });

  it("to nobody who can get it is refused", async () => {
    await start();
    const error = await rejection(send({ to: ["nobody@example.org"] }), DeliveryError);
    expect(error.refused).to.equal(true);
  });

  it('to a server that says "later" is to be tried again', async () => {
    await start({
      onMailFrom: (_address, _session, done) => {
        done(Object.assign(new Error("greylisted"), { responseCode: 451 }));
      },
    });
    expect((await rejection(send(), DeliveryError)).refused).to.equal(false);
  });

  it("to a server that says nothing is left when the time is over", async () => {
    const abort = new AbortController();
    await start({
      onData: () => {
        abort.abort(new Error("too late"));
      },
    });
    expect((await rejection(send({}, undefined, abort.signal), Error)).message).to.equal("too late");
  });
});
