import {
  type ByteRange,
  type CallOptions,
  type ConditionalPut,
  isSinkError,
  type ObjectKey,
  type PutOptions,
  type Sink,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { conditionalPut } from "./conditional.js";
import { extendBlob } from "./extend.js";
import { getBlob } from "./get.js";
import { Link } from "./link.js";
import { listBlobs } from "./list.js";
import { abortBy, putBlob } from "./put.js";
import type { Store } from "./store.js";
import { stored } from "./stored.js";

/**
 * Objects as block blobs: the key is the name below the prefix.
 *
 * There is no `removeLeftovers`: blocks of uploads that were broken off are nowhere to be seen, the service removes them after a week or with the next put of
 * the same object, and offers no way to remove them earlier that doesn't show an empty blob for a moment, or disturb a writer that is still alive.
 */
export class AzureSink implements Sink {
  readonly conditional: Required<ConditionalPut>;
  readonly #store: Store;
  /** Calls that run. */
  readonly #running = new Set<Link>();
  #closed: SinkError | undefined;

  constructor(store: Store) {
    this.#store = store;
    const { ifAbsent, ifUnchanged } = conditionalPut(store);
    this.conditional = {
      ifAbsent: (key, source, options) => this.#call(options, (linked) => ifAbsent(key, source, linked)),
      ifUnchanged: (key, version, source, options) =>
        this.#call(options, (linked) => ifUnchanged(key, version, source, linked)),
    };
  }

  put(key: ObjectKey, source: Source, options?: PutOptions): Promise<StoredObject> {
    return this.#call(options, (linked) => putBlob(this.#store, key, source, linked));
  }

  extend(key: ObjectKey, keep: number, source: Source, options?: PutOptions): Promise<StoredObject> {
    return this.#call(options, (linked) => extendBlob(this.#store, key, keep, source, linked));
  }

  get(key: ObjectKey, options?: CallOptions & { readonly range?: ByteRange }): AsyncIterable<Uint8Array> {
    return this.#iterate(options, (linked) => getBlob(this.#store, key, linked));
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject> {
    return this.#iterate(options, (linked) => listBlobs(this.#store, prefix, linked));
  }

  stat(key: ObjectKey, options?: CallOptions): Promise<StoredObject> {
    return this.#call(options, async ({ signal }) => {
      const facts = await this.#store.attempt("look at", key, signal, () =>
        this.#store.blob(key).getProperties(abortBy(signal)),
      );
      if (facts.contentLength === undefined)
        throw new SinkError("transient", `Azure gives no size of ${this.#store.name}${key}`);
      return stored(key, facts.contentLength, facts);
    });
  }

  delete(key: ObjectKey, options?: CallOptions): Promise<void> {
    return this.#call(options, async ({ signal }) => {
      try {
        await this.#store.attempt("delete", key, signal, () => this.#store.blob(key).delete(abortBy(signal)));
      } catch (error) {
        if (!isSinkError(error, "not-found")) throw error;
      }
    });
  }

  /** Ends what runs. Idle connections keep no process alive, and the service closes them. */
  close(): Promise<void> {
    this.#closed ??= new SinkError("invalid", `the sink ${this.#store.name} is closed`);
    for (const link of this.#running) link.abort(this.#closed);
    return Promise.resolve();
  }

  async #call<T, O extends CallOptions>(
    options: O | undefined,
    body: (linked: O & { readonly signal: AbortSignal }) => Promise<T>,
  ): Promise<T> {
    const link = this.#begin(options);
    try {
      return await body({ ...options, signal: link.signal } as O & { readonly signal: AbortSignal });
    } finally {
      this.#end(link);
    }
  }

  async *#iterate<T, O extends CallOptions>(
    options: O | undefined,
    body: (linked: O & { readonly signal: AbortSignal }) => AsyncIterable<T>,
  ): AsyncGenerator<T, void, void> {
    const link = this.#begin(options);
    try {
      yield* body({ ...options, signal: link.signal } as O & { readonly signal: AbortSignal });
    } finally {
      this.#end(link);
    }
  }

  #begin(options: CallOptions | undefined): Link {
    const link = new Link(options?.signal);
    if (this.#closed) link.abort(this.#closed);
    this.#running.add(link);
    return link;
  }

  #end(link: Link): void {
    link.release();
    this.#running.delete(link);
  }
}
