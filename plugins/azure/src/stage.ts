import { createHash } from "node:crypto";
import type { BlockBlobClient } from "@azure/storage-blob";
import type { ObjectKey } from "@axon-backup/sink";
import type { BlockIds } from "./block-ids.js";
import { Link } from "./link.js";
import type { Store } from "./store.js";

/** Blocks of one put that are under way at a time, at most. */
const PARALLEL = 4;

/** What is staged, and where. */
export interface Staging {
  readonly key: ObjectKey;
  readonly blob: BlockBlobClient;
  readonly ids: BlockIds;
  /** Bytes of a block. The last one may have fewer. */
  readonly blockBytes: number;
  /** Bytes that come. */
  readonly size: number;
  /** The bytes; given a signal that is aborted as soon as staging fails. */
  readonly open: (signal: AbortSignal) => AsyncIterable<Uint8Array>;
  /** Called whenever bytes of a block have gone out. */
  readonly onProgress: (() => void) | undefined;
}

/**
 * Sends bytes as blocks, several at a time, each with its MD5, which Azure compares. They aren't part of the blob before they are committed. Resolves with
 * their IDs, in order, when all of them and the end of the bytes have arrived; when it rejects, nothing is under way any more.
 */
export async function stageBlocks(
  store: Store,
  staging: Staging,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const link = new Link(signal);
  const length = Math.max(1, Math.min(staging.blockBytes, staging.size));
  const sender = new Sender(store, staging, link, length);
  try {
    let buffer = await sender.buffer();
    let filled = 0;
    for await (const chunk of staging.open(link.signal)) {
      for (let taken = 0; taken < chunk.byteLength;) {
        const part = chunk.subarray(taken, taken + length - filled);
        buffer.set(part, filled);
        filled += part.byteLength;
        taken += part.byteLength;
        if (filled === length) {
          sender.send(buffer, filled);
          buffer = await sender.buffer();
          filled = 0;
        }
      }
    }
    if (filled > 0) sender.send(buffer, filled);
  } catch (error) {
    link.abort(error);
  }
  try {
    await sender.end();
    link.signal.throwIfAborted();
    return sender.sent;
  } finally {
    sender.release();
    link.release();
  }
}

/** Sends blocks, and bounds how many buffers there are. */
class Sender {
  readonly sent: string[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #free: Buffer[] = [];
  readonly #owned: Buffer[] = [];

  constructor(
    private readonly store: Store,
    private readonly staging: Staging,
    private readonly link: Link,
    private readonly length: number,
  ) {}

  /** A buffer to be filled: a new one as long as there may be more, otherwise the next that becomes free. */
  async buffer(): Promise<Buffer> {
    for (;;) {
      const free = this.#free.pop();
      if (free !== undefined) return free;
      this.link.signal.throwIfAborted();
      const another = this.#another();
      if (another !== undefined) {
        this.#owned.push(another);
        return another;
      }
      await Promise.race(this.#running);
    }
  }

  #another(): Buffer | undefined {
    const { spare } = this.store;
    if (this.#owned.length === 0) return spare.first(this.length);
    return this.#owned.length <= PARALLEL ? spare.another(this.length) : undefined;
  }

  /** Starts sending. A failure shows in the link's signal. */
  send(buffer: Buffer, filled: number): void {
    const id = this.staging.ids.next();
    this.sent.push(id);
    const task = this.#stage(id, buffer.subarray(0, filled))
      .then(
        () => void this.#free.push(buffer),
        (error: unknown) => {
          this.link.abort(error);
        },
      )
      .finally(() => this.#running.delete(task));
    this.#running.add(task);
  }

  async end(): Promise<void> {
    await Promise.all(this.#running);
  }

  release(): void {
    this.store.spare.giveBack(this.#owned);
  }

  async #stage(id: string, bytes: Buffer): Promise<void> {
    const { signal } = this.link;
    const { onProgress } = this.staging;
    const options = {
      abortSignal: signal,
      transactionalContentMD5: md5(bytes),
      ...(onProgress && { onProgress }),
    };
    await this.store.attempt("put a block of", this.staging.key, signal, () =>
      this.staging.blob.stageBlock(id, bytes, bytes.byteLength, options),
    );
  }
}

export function md5(bytes: Uint8Array): Buffer {
  return createHash("md5").update(bytes).digest();
}
