import { Gate } from "./concurrency.js";

/** How many objects go to or come from one sink at a time. */
export interface AtOnce {
  /** Of whatever size. */
  readonly all: number;
  /** Of these, large ones. */
  readonly large: number;
}

/** Of a sink that doesn't say: sending a small file is mostly waiting, and the more wait together, the fewer syncs it takes. */
const CONNECTIONS = 16;
/** Each large file has a few MiB of buffers: so many, where there are connections for them, */
const LARGE = 4;
/** and one more for each so many connections: who configures more than usual has a fast and distant storage. */
const CONNECTIONS_PER_LARGE = 4;

/**
 * As many as there are connections: with more, sources would be open whose bytes nobody takes; with fewer, connections would lie idle. The
 * large ones bound memory: 4 with up to 16 connections, 16 with 64.
 */
export function atOnce(connections = CONNECTIONS): AtOnce {
  const large = Math.max(LARGE, Math.floor(connections / CONNECTIONS_PER_LARGE));
  return { all: connections, large: Math.min(connections, large) };
}

/** Files up to this size, in bytes, are small: moving one is mostly waiting, and takes little memory. */
export const SMALL_BYTES = 256 * 1024;

/** Lets small objects pass as they come, and large ones a few at a time. */
export class LargeGate {
  readonly #gate: Gate;

  constructor(atOnce: number) {
    this.#gate = new Gate(atOnce);
  }

  async pass<Result>(bytes: number, work: () => Promise<Result>): Promise<Result> {
    return bytes <= SMALL_BYTES ? work() : this.#gate.pass(work);
  }
}
