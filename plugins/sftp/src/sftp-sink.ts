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
import { type Tools, withFiles } from "./call.js";
import { foreignError, missing, status, STATUS } from "./errors.js";
import { extendFile } from "./extend.js";
import { getFile } from "./get.js";
import { removeLeftoverFiles } from "./leftovers.js";
import { listFiles } from "./list.js";
import { rejectMissing } from "./missing.js";
import { publishByLink, publishByRename } from "./publish.js";
import { putFile, remove } from "./put.js";

/** Objects as files on an SFTP server: the key is the path below the sink's directory. */
export class SftpSink implements Sink {
  readonly conditional?: ConditionalPut;
  readonly freeBytes?: (options?: CallOptions) => Promise<number>;
  readonly #tools: Tools;

  /** @param can what the server and its file system offer beyond what every sink needs */
  constructor(tools: Tools, can: { readonly links: boolean; readonly statvfs: boolean }) {
    this.#tools = tools;
    if (can.links)
      this.conditional = {
        ifAbsent: (key, source, options) => putFile(tools, publishByLink, key, source, options),
      };
    if (can.statvfs)
      this.freeBytes = ({ signal } = {}) =>
        withFiles(
          tools,
          signal,
          async (files) => (await files.freeBytes(tools.root.path || "/")) ?? Number.MAX_SAFE_INTEGER,
        );
  }

  put(key: ObjectKey, source: Source, options?: CallOptions): Promise<StoredObject> {
    return putFile(this.#tools, publishByRename, key, source, options);
  }

  get(key: ObjectKey, options?: CallOptions & { readonly range?: ByteRange }): AsyncIterable<Uint8Array> {
    return getFile(this.#tools, key, options);
  }

  stat(key: ObjectKey, { signal }: CallOptions = {}): Promise<StoredObject> {
    const { root } = this.#tools;
    return withFiles(this.#tools, signal, async (files) => {
      const { path } = root.place(key);
      const found = await files
        .lstat(path)
        .catch((error: unknown) => rejectMissing(root, files, error, path));
      if (found.isDirectory()) throw missing(path);
      if (!found.isFile()) throw foreignError(path);
      return { key, size: found.size, modified: new Date(found.mtime * 1000) };
    });
  }

  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject> {
    return listFiles(this.#tools, prefix, options);
  }

  /** Directories that become empty stay: removing one would race with a put that has just found it. */
  delete(key: ObjectKey, { signal }: CallOptions = {}): Promise<void> {
    const { root } = this.#tools;
    return withFiles(this.#tools, signal, async (files) => {
      const { path } = root.place(key);
      try {
        if (!(await remove(files, path))) await root.check(files);
      } catch (error) {
        // A directory is no object.
        if (status(error) === STATUS.failure && (await files.lstat(path)).isDirectory()) return;
        throw error;
      }
    });
  }

  extend(key: ObjectKey, keep: number, source: Source, options?: CallOptions): Promise<StoredObject> {
    return extendFile(this.#tools, key, keep, source, options);
  }

  removeLeftovers(options?: LeftoverOptions): Promise<number> {
    return removeLeftoverFiles(this.#tools, options);
  }

  close(): Promise<void> {
    return this.#tools.connections.close();
  }
}
