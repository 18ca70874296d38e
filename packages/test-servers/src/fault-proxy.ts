import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type Direction, Pipe, type Rules } from "./pipe.js";

/** A TCP proxy on 127.0.0.1 that makes trouble on demand, for the connections that there are and for those to come. */
export interface FaultProxy {
  readonly host: string;
  readonly port: number;
  /** How many connections are open. */
  readonly connections: number;
  /** How many there have been. */
  readonly accepted: number;
  /** How many cutAfter has cut. */
  readonly cuts: number;
  /** Bytes passed on since the start. */
  readonly bytes: Readonly<Record<Direction, number>>;
  /** Every byte arrives this much later, in each direction. 0 ends it. */
  delay(milliseconds: number): void;
  /** From now on no byte moves. Connections are taken and stay open. */
  stall(): void;
  /** After that many more bytes in one direction (over all connections; `up` is to the server, the default) the connection breaks. Once. */
  cutAfter(bytes: number, options?: { readonly direction?: Direction }): void;
  /** Breaks all connections with a TCP reset. New ones are taken. */
  reset(): void;
  /** Refuses new connections, as a server that isn't running. Open ones stay: call `reset`, too, for a server that is gone. */
  refuse(): Promise<void>;
  /** Ends all trouble: what was held back is passed on. */
  pass(): Promise<void>;
  /** Breaks all connections and stops. May be called twice. */
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  readonly target: { readonly host: string; readonly port: number };
}

export async function startFaultProxy({ target }: FaultProxyOptions): Promise<FaultProxy> {
  const pairs = new Set<Pair>();
  const rules: Rules = { delay: 0, stalled: false, cut: undefined, bytes: { up: 0, down: 0 } };
  const counts = { accepted: 0, cuts: 0 };
  const accept = (client: Socket): void => {
    counts.accepted++;
    const server = connect(target.port, target.host);
    const destroy = (): void => {
      pairs.delete(pair);
      for (const socket of [client, server]) breakOff(socket);
    };
    const onCut = (): void => {
      counts.cuts++;
      destroy();
    };
    const pipes = [
      new Pipe(client, server, "up", rules, onCut),
      new Pipe(server, client, "down", rules, onCut),
    ];
    const pair: Pair = { pipes, destroy };
    pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on("error", destroy);
      socket.on("close", () => {
        if (client.closed && server.closed) pairs.delete(pair);
      });
    }
  };
  // Half-open connections are passed on as such.
  const listener = createServer({ allowHalfOpen: true }, accept);
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address() as AddressInfo;
  const reset = (): void => {
    for (const pair of [...pairs]) pair.destroy();
  };
  const wake = (): void => {
    for (const { pipes } of pairs) for (const pipe of pipes) pipe.wake();
  };
  const refuse = async (): Promise<void> => {
    if (!listener.listening) return;
    // Resolves for the listening socket alone: the connections stay. `close` would wait for them.
    const closed = new Promise<void>((resolve) => listener.close(() => { resolve(); })); // prettier-ignore
    if (pairs.size === 0) await closed;
  };
  return {
    host: "127.0.0.1",
    port,
    get connections() {
      return pairs.size;
    },
    get accepted() {
      return counts.accepted;
    },
    get cuts() {
      return counts.cuts;
    },
    bytes: rules.bytes,
    delay: (milliseconds) => {
      rules.delay = milliseconds;
    },
    stall: () => {
      rules.stalled = true;
    },
    cutAfter: (bytes, { direction = "up" } = {}) => {
      rules.cut = { direction, left: bytes };
    },
    reset,
    refuse,
    pass: async () => {
      Object.assign(rules, { delay: 0, stalled: false, cut: undefined });
      wake();
      if (listener.listening) return;
      listener.listen(port, "127.0.0.1");
      await once(listener, "listening");
    },
    close: async () => {
      reset();
      await refuse();
    },
  };
}

interface Pair {
  readonly pipes: readonly Pipe[];
  readonly destroy: () => void;
}

/**
 * Ends a connection with a reset. Not while its end is on the way: then libuv refuses the reset, and Node gives the socket up with its handle open,
 * which keeps the process alive and, as soon as something arrives there, busy.
 */
function breakOff(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.destroy();
  else socket.resetAndDestroy();
}
