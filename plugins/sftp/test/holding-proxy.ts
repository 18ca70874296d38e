import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { SshdServer } from "@axon-backup/test-servers";

/** How long, in milliseconds, a server on the same machine has nothing more to say when it has worked off its requests. */
const QUIET_MS = 200;

/** A TCP proxy that holds back what its first connection sends and gets, and lets all others pass: a path that has broken down for one connection. */
export interface HoldingProxy {
  readonly port: number;
  /** How many connections there have been. */
  readonly accepted: number;
  /** How many had been reset by the client when the second one was accepted. */
  readonly resetBeforeSecond: number | undefined;
  /** Bytes from the first connection's client that were held back. */
  readonly held: number;
  /** Holds back what the first connection's client sends after that many more bytes, and the answers from then on unless they are to pass. */
  holdAfter(bytes: number, answers?: "pass"): void;
  /** Passes on what the client has sent, as a network does that was only slow. Resolves when the server has worked it off: it answers no more. */
  release(): Promise<void>;
  close(): Promise<void>;
}

export async function startHoldingProxy(target: SshdServer): Promise<HoldingProxy> {
  const sockets: Socket[] = [];
  const held: Buffer[] = [];
  let left = Infinity;
  let answersPass = false;
  let accepted = 0;
  let resets = 0;
  let resetBeforeSecond: number | undefined;
  let first: Socket | undefined;
  const listener = createServer((client) => {
    accepted++;
    if (accepted === 2) resetBeforeSecond = resets;
    const server = connect(target.port, target.host);
    sockets.push(client, server);
    for (const socket of [client, server]) socket.setNoDelay(true).on("error", () => undefined);
    if (first !== undefined) {
      client.pipe(server).pipe(client);
      return;
    }
    first = server;
    client.on("data", (bytes: Buffer) => {
      const pass = Math.min(left, bytes.byteLength);
      left -= pass;
      if (pass > 0) server.write(bytes.subarray(0, pass));
      if (pass < bytes.byteLength) held.push(bytes.subarray(pass));
    });
    client.on("error", () => resets++);
    client.on("close", () => {
      if (left > 0) server.destroy();
    });
    server.on("data", (bytes: Buffer) => {
      if (left > 0 || answersPass) client.write(bytes);
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return {
    port: (listener.address() as AddressInfo).port,
    get accepted() {
      return accepted;
    },
    get resetBeforeSecond() {
      return resetBeforeSecond;
    },
    get held() {
      return held.reduce((sum, { byteLength }) => sum + byteLength, 0);
    },
    holdAfter: (bytes, answers) => {
      left = bytes;
      answersPass = answers === "pass";
    },
    release: async () => {
      if (first === undefined || first.destroyed) return;
      // sshd drops what it has read as soon as it sees the connection's end: so it doesn't end.
      first.write(Buffer.concat(held.splice(0)));
      await once(first, "data");
      await new Promise<void>((resolve) => {
        const quiet = setTimeout(resolve, QUIET_MS);
        first?.on("data", () => quiet.refresh());
      });
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      listener.close();
      await once(listener, "close");
    },
  };
}
