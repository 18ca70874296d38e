import type { NodemailerError, SMTPTransportOptions } from "nodemailer";
import type { EmailTarget } from "../../../config/notifications-types.js";
import { resolveSecret, type SecretContext } from "../../../secrets/resolve.js";
import type { Message } from "../message.js";
import { readAuthorities } from "./http.js";
import { DeliveryError, type Sender } from "./sender.js";

/** Sends messages by SMTP: those that come together in one e-mail. */
export function emailSender(target: EmailTarget, secrets: SecretContext): Sender {
  return {
    together: 20,
    async send(messages, signal) {
      const options = await transportOptions(target, secrets, signal);
      // Large, and not needed as long as all is well.
      const { createTransport } = await import("nodemailer");
      const transport = createTransport(options);
      try {
        const { rejected } = await transport.sendMail({
          ...mailOf(messages),
          from: target.from,
          to: [...target.to],
          signal,
        });
        // Trying again would send it again to the others.
        return rejected.length === 0
          ? undefined
          : `${placeOf(target)} doesn't take e-mail for ${rejected.join(", ")}: correct notifications.email.to`;
      } catch (error) {
        signal.throwIfAborted();
        throw deliveryError(target, error);
      } finally {
        transport.close();
      }
    },
  };
}

async function transportOptions(
  target: EmailTarget,
  secrets: SecretContext,
  signal: AbortSignal,
): Promise<SMTPTransportOptions> {
  const { host, port, tls, user, timeout } = target;
  const password =
    target.password &&
    (await resolveSecret(target.password, "notifications.email.password", { ...secrets, signal }));
  const ca = await readAuthorities(target.ca, signal);
  return {
    host,
    port,
    secure: tls === "implicit",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
    tls: { rejectUnauthorized: true, minVersion: "TLSv1.2", ...(ca === undefined ? {} : { ca }) },
    ...(user === undefined || password === undefined ? {} : { auth: { user, pass: password.reveal() } }),
    connectionTimeout: timeout,
    greetingTimeout: timeout,
    socketTimeout: timeout,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/** The subject is the first message's: it is the one that came first, or the worst. */
export function mailOf(messages: readonly [Message, ...Message[]]) {
  const [first] = [...messages].sort((a, b) => RANKS[a.severity] - RANKS[b.severity]);
  const { subject = "", event = "", severity = "info" } = first ?? {};
  const others = messages.length - 1;
  return {
    subject: others === 0 ? subject : `${subject} (and ${others} more)`,
    text: messages
      .map((message) => (others === 0 ? message.text : `${message.subject}\n\n${message.text}`))
      .join(`\n${"-".repeat(60)}\n\n`),
    headers: {
      // Nobody's "I am on holiday" is wanted (RFC 3834).
      "Auto-Submitted": "auto-generated",
      "X-Axon-Backup-Event": event,
      ...(severity === "error" ? { Importance: "high" } : {}),
    },
  };
}

const RANKS = { error: 0, warning: 1, info: 2 };

function placeOf({ host, port }: EmailTarget): string {
  return `the SMTP server ${host}:${port}`;
}

const REMEDIES: Readonly<Record<string, string>> = {
  EAUTH: "Correct notifications.email.user and password.",
  ENOAUTH: "Set notifications.email.user and password.",
  ETLS: "Check that the server's certificate is right for its name, or name its authority with notifications.email.ca; tls: implicit is for servers that are encrypted from the beginning (port 465).",
  EENVELOPE: "Correct notifications.email.from and to.",
};

function deliveryError(target: EmailTarget, error: unknown): DeliveryError {
  const { code = "", permanent = false } = error instanceof Error ? (error as NodemailerError) : {};
  const message = error instanceof Error ? error.message : String(error);
  return new DeliveryError(
    `${placeOf(target)}: ${message}`,
    REMEDIES[code] ?? "Check notifications.email.host, port and tls, and that the server is up.",
    { refused: permanent || code === "EAUTH" || code === "ENOAUTH", cause: error },
  );
}
