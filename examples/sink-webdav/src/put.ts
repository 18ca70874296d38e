import { randomBytes } from "node:crypto";
import { exactly, type ObjectKey, SinkError, type Source, type StoredObject } from "@axon-backup/sink";
import type { Connection } from "./connection.js";
import { describe } from "./propfind.js";

/** Begins the names of unfinished uploads. Such a name is no key, so that no list shows it. */
const TEMPORARY = ".tmp-";

/** Milliseconds that tidying up after a failure may take. */
const PATIENCE = 10_000;

/** Uploads of one sink. */
export class Uploads {
  /** Collections that are there, each a promise: puts that run at once wait for the one that makes it. */
  readonly #collections = new Map<string, Promise<void>>();

  constructor(private readonly connection: Connection) {}

  /**
   * A PUT that is cut off may leave a part of the file under its name, and a GET meanwhile may see it. So the upload goes to a temporary name,
   * and MOVE, which servers carry out as a rename, puts it in its place in one step.
   */
  async put(key: ObjectKey, source: Source, signal: AbortSignal | undefined): Promise<StoredObject> {
    signal?.throwIfAborted();
    const { connection } = this;
    const parent = parentOf(key);
    await this.#ensure(parent, signal);
    const temporary = connection.url(`${parent}${TEMPORARY}${randomBytes(8).toString("hex")}`);
    try {
      await connection.send("PUT", temporary, {
        accept: [200, 201, 204],
        headers: { "content-length": String(source.size), "content-type": "application/octet-stream" },
        body: exactly(source, signal),
        signal,
      });
      const found = await describe(connection, temporary, signal);
      if (found?.size !== source.size)
        throw new SinkError(
          "transient",
          `the server holds ${found?.size ?? "none"} of ${source.size} bytes of ${key}`,
        );
      signal?.throwIfAborted();
      // Without the signal: a put that rejects must have changed nothing, and nobody knows what a MOVE did that wasn't waited for.
      await connection.send("MOVE", temporary, {
        accept: [200, 201, 204],
        headers: { destination: connection.url(key), overwrite: "T" },
      });
      this.#forget(key);
      const { size, modified } = found;
      return { key, size, ...(modified === undefined ? {} : { modified }) };
    } catch (error) {
      // The first failure is the one to report. Not with the signal, which may be what ended the upload.
      const request = { accept: [200, 204, 404], signal: AbortSignal.timeout(PATIENCE) };
      await connection.send("DELETE", temporary, request).catch(() => undefined);
      if (error instanceof SinkError && error.kind === "transient") this.#collections.clear();
      throw error;
    }
  }

  isTemporary(path: string): boolean {
    return path.slice(path.lastIndexOf("/") + 1).startsWith(TEMPORARY);
  }

  /** The server's time, in milliseconds: that of this machine may be wrong by hours. */
  async serverTime(signal: AbortSignal | undefined): Promise<number> {
    const { headers } = await this.connection.send("OPTIONS", this.connection.url(""), {
      accept: [200, 204],
      signal,
    });
    const time = new Date(String(headers["date"])).getTime();
    if (Number.isNaN(time)) throw new SinkError("invalid", "the server doesn't tell its time");
    return time;
  }

  /** Makes the collection `path` (`a/b/`) and those above it. */
  #ensure(path: string, signal: AbortSignal | undefined): Promise<void> {
    if (path === "") return Promise.resolve();
    const there = this.#collections.get(path);
    if (there !== undefined) return there;
    const made = this.#make(path, signal);
    this.#collections.set(path, made);
    made.catch(() => this.#collections.delete(path));
    return made;
  }

  async #make(path: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#ensure(parentOf(path.slice(0, -1)), signal);
    // 405: it is there already.
    await this.connection.send("MKCOL", this.connection.url(path), { accept: [201, 405], signal });
  }

  /** An object took the place of a collection that deleted objects had left empty. */
  #forget(key: ObjectKey): void {
    for (const path of this.#collections.keys())
      if (path.startsWith(`${key}/`)) this.#collections.delete(path);
  }
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/") + 1);
}
