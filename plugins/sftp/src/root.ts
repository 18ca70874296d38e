import { type ObjectKey, SinkError } from "@axon-backup/sink";
import { foreignError, status, STATUS } from "./errors.js";
import type { Files } from "./files.js";
import type { Session } from "./session.js";

/** An object's place: its file and the file's directory, absolute. */
export interface Place {
  readonly path: string;
  readonly dir: string;
}

interface Known {
  readonly there: Promise<void>;
  /** On which it is being made. */
  session: Session | undefined;
}

/** The sink's directory, and the directories below it. */
export class Root {
  /** Directories that are there, as far as is known: whoever finds one missing tells. */
  readonly #known = new Map<string, Known>();

  /** @param path absolute, without a slash at its end ("" is the server's root) */
  constructor(
    readonly path: string,
    private readonly dirMode: number,
  ) {}

  place(key: ObjectKey): Place {
    const path = `${this.path}/${key}`;
    return { path, dir: path.slice(0, path.lastIndexOf("/")) };
  }

  /** Rejects with `transient` when the sink's directory is gone: a server whose disk isn't mounted must not look like an empty sink. */
  async check(files: Files): Promise<void> {
    try {
      if ((await files.stat(this.#top)).isDirectory()) return;
    } catch (error) {
      if (status(error) !== STATUS.noSuchFile) throw error;
    }
    throw this.#gone();
  }

  /** What requests can name. */
  get #top(): string {
    return this.path === "" ? "/" : this.path;
  }

  #gone(): SinkError {
    return new SinkError("transient", `${this.#top} is no longer there on the server`, {
      remedy: "See whether its file system is still mounted on the server.",
    });
  }

  /** Makes `dir` and its parents below the root where they are missing. Calls that need the same one wait for the same requests. */
  async ensure(files: Files, dir: string): Promise<void> {
    if (dir === this.path) return;
    let known = this.#known.get(dir);
    // One that is being made on a connection given up is waited for in vain.
    if (known === undefined || (known.session !== undefined && known.session !== files.session)) {
      // Not ended by one call's signal: others may wait for it.
      const made: Known = { session: files.session, there: this.#make(files.steady(), dir) };
      this.#known.set(dir, (known = made));
      made.there.then(
        () => {
          made.session = undefined;
        },
        () => {
          if (this.#known.get(dir) === made) this.#known.delete(dir);
        },
      );
    }
    await files.wait("changes", known.there);
  }

  /** The directory, or one of its parents, is missing after all. */
  forget(dir: string): void {
    for (const known of this.#known.keys())
      if (known === dir || known.startsWith(`${dir}/`) || dir.startsWith(`${known}/`))
        this.#known.delete(known);
  }

  async #make(files: Files, dir: string): Promise<void> {
    try {
      await files.mkdir(dir, this.dirMode);
    } catch (error) {
      const code = status(error);
      if (code === STATUS.noSuchFile) {
        const parent = dir.slice(0, dir.lastIndexOf("/"));
        if (parent === this.path) throw this.#gone();
        this.#known.delete(parent);
        await this.ensure(files, parent);
        await this.#make(files, dir);
        return;
      }
      // Status 4 for what is there already, as for everything else.
      if (code !== STATUS.failure) throw error;
      const found = await files.lstat(dir).catch((other: unknown) => {
        throw status(other) === STATUS.noSuchFile ? error : other;
      });
      if (!found.isDirectory() && !found.isSymbolicLink()) throw foreignError(dir);
      return;
    }
    await applyMode(() => files.chmod(dir, this.dirMode));
  }
}

/** Sets a mode whatever the server's umask is. Servers that know no modes, or fix them, have their own. */
export async function applyMode(chmod: () => Promise<void>): Promise<void> {
  try {
    await chmod();
  } catch (error) {
    const code = status(error);
    if (code !== STATUS.unsupported && code !== STATUS.permissionDenied) throw error;
  }
}
