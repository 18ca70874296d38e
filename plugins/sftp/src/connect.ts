import { connect as connectTcp, type Socket } from "node:net";
import type { SinkError } from "@axon-backup/sink";
import SftpClient from "ssh2-sftp-client";
import { connectError, isDisagreement } from "./connect-errors.js";
import { algorithmsOf, type Trust } from "./host-key.js";
import { blobType } from "./known-hosts.js";
import { Interrupt, within } from "./interrupt.js";
import type { Login } from "./login.js";
import type { Settings } from "./options.js";
import { Session } from "./session.js";

/** How long, in milliseconds, the TCP connection and then the SSH handshake with the login may take. */
const CONNECT_MS = 20_000;
/** A server that has left three of these unanswered, in milliseconds, counts as lost when the next one is due. */
const KEEP_ALIVE_MS = 15_000;

/**
 * Connects, verifies the server's host key, and logs in. Rejects with a SinkError that says which of these failed and what to do; with the signal's
 * reason as soon as it is aborted.
 */
export async function connect(
  settings: Settings,
  trust: Trust,
  login: Login,
  signal: AbortSignal,
): Promise<Session> {
  const interrupt = new Interrupt(signal);
  try {
    return await connectWithKeys(settings, trust, login, interrupt);
  } finally {
    interrupt.release();
  }
}

async function connectWithKeys(
  settings: Settings,
  trust: Trust,
  login: Login,
  interrupt: Interrupt,
): Promise<Session> {
  let algorithms = trust.algorithms;
  let refused: SinkError | undefined;
  for (;;) {
    const shown: { key?: Buffer; error?: SinkError | undefined } = {};
    const judge = (key: Buffer): boolean => {
      Object.assign(shown, { key, error: trust.judge(key) });
      return shown.error === undefined;
    };
    try {
      return await attempt(settings, login, algorithms, judge, interrupt);
    } catch (error) {
      interrupt.signal?.throwIfAborted();
      // No other key to show: the one that was shown first is to be told of.
      if (shown.error === undefined) throw refused !== undefined && isDisagreement(error) ? refused : error;
      refused ??= shown.error;
      // A server with several keys shows one of them, and a fingerprint doesn't tell which to ask for.
      const tried = algorithmsOf([blobType(shown.key ?? Buffer.alloc(0)) ?? ""]);
      const rest = algorithms.filter((name) => !tried.includes(name));
      if (!("fingerprints" in settings.trust) || tried.length === 0 || rest.length === 0) throw refused;
      algorithms = rest;
    }
  }
}

async function attempt(
  settings: Settings,
  login: Login,
  algorithms: Trust["algorithms"],
  judge: (key: Buffer) => boolean,
  interrupt: Interrupt,
): Promise<Session> {
  const { host, port, user } = settings;
  const socket = await openSocket(settings, interrupt);
  const silent = { error: ignore, end: ignore, close: ignore };
  const client = new SftpClient("axon-backup", silent);
  let first: unknown;
  // The client makes other errors from these, without what tells them apart.
  client.on("error", (error: unknown) => (first ??= error));
  client.on("keyboard-interactive", (...args: unknown[]) => {
    answerQuestions(login, args);
  });
  try {
    const connecting = client.connect({
      ...login,
      sock: socket,
      username: user,
      hostVerifier: (key: Buffer) => judge(key),
      algorithms: {
        serverHostKey: [...algorithms],
        // The fastest where the processor knows AES.
        cipher: { prepend: ["aes128-gcm@openssh.com"], append: [], remove: [] },
      },
      readyTimeout: CONNECT_MS,
      keepaliveInterval: KEEP_ALIVE_MS,
      keepaliveCountMax: 3,
    });
    // The client's own time-out ends with the login; SFTP must start then.
    const sftp = await within(interrupt.race(connecting), 2 * CONNECT_MS);
    if (sftp === undefined) throw Object.assign(new Error("SFTP doesn't start"), { level: "client-timeout" });
    return new Session(client, sftp.value, socket, `${host}:${port}`);
  } catch (error) {
    socket.destroy();
    throw connectError(first ?? error, settings);
  }
}

/** A TCP connection without Nagle's delay, which costs 40 ms a request. */
async function openSocket(settings: Settings, interrupt: Interrupt): Promise<Socket> {
  interrupt.signal?.throwIfAborted();
  const { host, port } = settings;
  const socket = connectTcp({ host, port, noDelay: true, keepAlive: true });
  try {
    const connecting = new Promise<void>((resolve, reject) => {
      socket.once("connect", resolve).once("error", reject);
      socket.setTimeout(CONNECT_MS, () => {
        reject(Object.assign(new Error(`no answer in ${CONNECT_MS / 1000} s`), { code: "ETIMEDOUT" }));
      });
    });
    await interrupt.race(connecting);
  } catch (error) {
    socket.on("error", ignore).destroy();
    throw connectError(error, settings);
  }
  socket.setTimeout(0).removeAllListeners("timeout").removeAllListeners("error");
  // Breaks that come between the handlers of the client are no crash.
  return socket.on("error", ignore);
}

/** Servers that ask for the password by a question: one, and not twice. */
function answerQuestions({ password }: Login, args: readonly unknown[]): void {
  const [, , , prompts, finish] = args as [string, string, string, readonly unknown[], (a: string[]) => void];
  finish(prompts.map((_, index) => (index === 0 ? (password ?? "") : "")));
}

// eslint-disable-next-line @typescript-eslint/no-empty-function -- told by the promises
function ignore(): void {}
