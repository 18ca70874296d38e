/** How many objects go to one sink at a time. */
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
