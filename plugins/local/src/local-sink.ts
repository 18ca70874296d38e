import { lstat, unlink } from "node:fs/promises";
import type {
  ByteRange,
  CallOptions,
  ConditionalPut,
  LeftoverOptions,
  ObjectKey,
  Sink,
  Source,
  StoredObject,
} from "@axon-backup/sink";
import { errno, foreignError, sinkError } from "./errors.js";
import { extendFile } from "./extend.js";
import { getFile } from "./get.js";
import { removeLeftoverFiles } from "./leftovers.js";
import { listFiles } from "./list.js";
import { missing, rejectMissing } from "./missing.js";
import type { Settings } from "./options.js";
import { publishByLink, publishByRename, putFile, type PutTools, putTools } from "./put.js";
import { type Root, syncDirectory } from "./root.js";
import { freeBytes } from "./space.js";

/** Objects as files: the key is the path below the sink's directory. Holds nothing open between calls. */
export class LocalSink implements Sink {
  readonly conditional?: ConditionalPut;
  readonly #root: Root;
  readonly #settings: Settings;
  readonly #putTools: PutTools;

  /** @param links whether the file system has hard links, which `ifAbsent` needs */
  constructor(root: Root, settings: Settings, links: boolean) {
    this.#root = root;
    this.#settings = settings;
    const tools = (this.#putTools = putTools(root, settings));
    if (links)
      this.conditional = {
        ifAbsent: (key, source, options) => putFile(tools, publishByLink, key, source, options),
      };
  }

  put(key: ObjectKey, source: Source, options?: CallOptions): Promise<StoredObject> {
    return putFile(this.#putTools, publishByRename, key, source, options);
  }

  get(key: ObjectKey, options?: CallOptions & { readonly range?: ByteRange }): AsyncIterable<Uint8Array> {
    return getFile(this.#root, key, options);
  }

  async stat(key: ObjectKey, { signal }: CallOptions = {}): Promise<StoredObject> {
    signal?.throwIfAborted();
    const { path, dir } = this.#root.place(key);
    if (!(await this.#root.has(dir))) throw missing(path);
    const found = await lstat(path).catch((error: unknown) =>
      rejectMissing(this.#root, error, "look at", path),
    );
    if (found.isDirectory()) throw missing(path);
    if (!found.isFile()) throw foreignError(path, "a symbolic link, or not a regular file");
    return { key, size: found.size, modified: found.mtime };
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject> {
    return listFiles(this.#root, prefix, options);
  }

  /** Directories that become empty stay: removing one would race with a put that has just found it. */
  async delete(key: ObjectKey, { signal }: CallOptions = {}): Promise<void> {
    signal?.throwIfAborted();
    const { path, dir } = this.#root.place(key);
    if (!(await this.#root.has(dir))) return;
    try {
      await unlink(path);
    } catch (error) {
      const code = errno(error);
      // A directory is no object. Linux says EISDIR, other systems EPERM.
      if (code === "ENOENT" || code === "ENOTDIR" || code === "EISDIR") return this.#root.check();
      throw sinkError(error, "remove", path);
    }
    await syncDirectory(dir);
  }

  extend(key: ObjectKey, keep: number, source: Source, options?: CallOptions): Promise<StoredObject> {
    return extendFile(this.#root, this.#settings, key, keep, source, options);
  }

  removeLeftovers(options?: LeftoverOptions): Promise<number> {
    return removeLeftoverFiles(this.#root, this.#putTools.own, options);
  }

  async freeBytes({ signal }: CallOptions = {}): Promise<number> {
    signal?.throwIfAborted();
    return (await freeBytes(this.#root.path, this.#settings.minFree)) ?? Number.MAX_SAFE_INTEGER;
  }

  // eslint-disable-next-line @typescript-eslint/no-empty-function -- every call closes what it opened
  async close(): Promise<void> {}
}
