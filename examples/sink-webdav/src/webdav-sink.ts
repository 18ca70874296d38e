import {
  type ByteRange,
  type CallOptions,
  isObjectKey,
  type ObjectKey,
  type PutOptions,
  type Sink,
  SinkError,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import type { Connection } from "./connection.js";
import { getFile } from "./get.js";
import { list, walk } from "./list.js";
import { describe, freeBytes, type Resource } from "./propfind.js";
import { Uploads } from "./put.js";

/** A temporary file that is older than this belongs to nobody any more. A running upload changes its file all the time. */
const DEAD_MS = 24 * 60 * 60 * 1000;

/** Objects as files on a WebDAV server: the key is the path below the sink's collection. */
export class WebDavSink implements Sink {
  readonly #connection: Connection;
  readonly #uploads: Uploads;
  readonly freeBytes?: NonNullable<Sink["freeBytes"]>;

  /** @param quota whether the server tells how much space is left: without, the method isn't there */
  constructor(connection: Connection, quota: boolean) {
    this.#connection = connection;
    this.#uploads = new Uploads(connection);
    if (quota) this.freeBytes = (options) => this.#freeBytes(options);
  }

  put(key: ObjectKey, source: Source, { signal }: PutOptions = {}): Promise<StoredObject> {
    return this.#uploads.put(key, source, signal);
  }

  get(key: ObjectKey, options: CallOptions & { readonly range?: ByteRange } = {}): AsyncIterable<Uint8Array> {
    return getFile(this.#connection, this.#connection.url(key), options, () => this.stat(key, options));
  }

  async stat(key: ObjectKey, { signal }: CallOptions = {}): Promise<StoredObject> {
    const found = await describe(this.#connection, this.#connection.url(key), signal);
    // A collection is no object: it is the beginning of a key, or what deleted objects left.
    if (found === undefined || found.collection)
      throw new SinkError("not-found", `${this.#connection.url(key)} doesn't exist`);
    return stored(key, found);
  }

  async *list(prefix: string, { signal }: CallOptions = {}): AsyncGenerator<StoredObject, void, void> {
    for await (const resource of list(this.#connection, prefix, signal))
      if (isObjectKey(resource.path)) yield stored(resource.path, resource);
  }

  async delete(key: ObjectKey, { signal }: CallOptions = {}): Promise<void> {
    const url = this.#connection.url(key);
    // DELETE of a collection would take everything in it along.
    if ((await describe(this.#connection, url, signal))?.collection !== false) return;
    await this.#connection.send("DELETE", url, { accept: [200, 204, 404], signal });
  }

  async removeLeftovers({ signal }: CallOptions = {}): Promise<number> {
    let removed = 0;
    const now = await this.#uploads.serverTime(signal);
    for await (const { path, modified } of walk(this.#connection, "", signal)) {
      if (!this.#uploads.isTemporary(path) || modified === undefined) continue;
      if (now - modified.getTime() < DEAD_MS) continue;
      await this.#connection.send("DELETE", this.#connection.url(path), { accept: [200, 204, 404], signal });
      removed++;
    }
    return removed;
  }

  async #freeBytes({ signal }: CallOptions = {}): Promise<number> {
    const free = await freeBytes(this.#connection, this.#connection.url(""), signal);
    if (free !== undefined) return free;
    throw new SinkError("transient", "the server no longer tells how much space is left");
  }

  close(): Promise<void> {
    return this.#connection.close();
  }
}

/** Without `version`: many servers make the ETag of a time in seconds, and it would stay the same when the object changes. */
function stored(key: ObjectKey, { size, modified }: Resource): StoredObject {
  return { key, size, ...(modified === undefined ? {} : { modified }) };
}
