import type { FileEntryWithStats, SFTPWrapper, Stats } from "ssh2";
import { sinkError, status, STATUS } from "./errors.js";
import { Interrupt } from "./interrupt.js";
import type { Abilities, Done, Effect, Session } from "./session.js";

/** An open file or directory on the server. */
export interface OpenFile {
  readonly path: string;
  readonly handle: Buffer;
}

/** The requests of SFTP as promises that reject with SinkErrors; with the signal's reason as soon as it is aborted. */
export class Files {
  constructor(
    readonly session: Session,
    readonly interrupt: Interrupt,
  ) {}

  get abilities(): Abilities {
    return this.session.abilities;
  }

  /** The same without a signal, for what mustn't be left half done. */
  steady(): Files {
    return new Files(this.session, new Interrupt(undefined));
  }

  /** For the answer to what was asked, unless the signal is aborted first. */
  async wait<T>(effect: Effect, answer: Promise<T>): Promise<T> {
    try {
      return await this.interrupt.race(answer);
    } catch (error) {
      if (this.interrupt.signal?.aborted === true) this.session.doubt(effect, answer);
      throw error;
    }
  }

  async #ask<T>(
    effect: Effect,
    action: string,
    path: string,
    send: (sftp: SFTPWrapper, done: Done<T>) => void,
  ): Promise<T> {
    this.interrupt.signal?.throwIfAborted();
    try {
      return await this.wait(effect, this.session.request<T>(effect, send));
    } catch (error) {
      throw sinkError(error, action, path);
    }
  }

  /** @param flags as in Node: "wx" creates, "r" reads, "r+" updates */
  async open(path: string, flags: "wx" | "r" | "r+", mode?: number): Promise<OpenFile> {
    const attributes = mode === undefined ? {} : { mode };
    const action = flags === "wx" ? "create" : "open";
    this.interrupt.signal?.throwIfAborted();
    const effect = flags === "wx" ? "changes" : "looks";
    const sent = this.session.request<Buffer>(effect, (sftp, done) => {
      sftp.open(path, flags, attributes, done);
    });
    try {
      return { path, handle: await this.wait(effect, sent) };
    } catch (error) {
      // Aborted before the answer came: nobody else knows the handle.
      sent.then((handle) => this.steady().close({ path, handle })).catch(() => undefined);
      throw sinkError(error, action, path);
    }
  }

  /**
   * Sent once for each handle; again, it does nothing. The server gives a closed handle's number to the next file that is opened: a second close
   * would be that file's, and what its writer sends would go wherever the number leads then.
   */
  close({ path, handle }: OpenFile): Promise<void> {
    if (this.session.closedHandles.has(handle)) return Promise.resolve();
    this.session.closedHandles.add(handle);
    return this.#ask("looks", "close", path, (sftp, done) => {
      sftp.close(handle, done);
    });
  }

  /** `bytes` are copied before this returns, and are at most `abilities.chunkBytes`. */
  write({ path, handle }: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#ask("changes", "write", path, (sftp, done) => {
      sftp.write(handle, buffer, 0, buffer.byteLength, position, done);
    });
  }

  /** Resolves with the number of bytes read: 0 at the end. */
  read({ path, handle }: OpenFile, into: Buffer, position: number): Promise<number> {
    return this.#ask("looks", "read", path, (sftp, done: Done<number>) => {
      sftp.read(handle, into, 0, into.byteLength, position, done);
    });
  }

  fstat({ path, handle }: OpenFile): Promise<Stats> {
    return this.#ask("looks", "look at", path, (sftp, done: Done<Stats>) => {
      sftp.fstat(handle, done);
    });
  }

  truncate({ path, handle }: OpenFile, size: number): Promise<void> {
    return this.#ask("changes", "cut", path, (sftp, done) => {
      sftp.fsetstat(handle, { size }, done);
    });
  }

  chmodOpen({ path, handle }: OpenFile, mode: number): Promise<void> {
    return this.#ask("changes", "set the mode of", path, (sftp, done) => {
      sftp.fsetstat(handle, { mode }, done);
    });
  }

  /** Where the server offers it: makes a file's bytes durable. */
  async fsync({ path, handle }: OpenFile): Promise<void> {
    if (!this.abilities.fsync) return;
    await this.#ask("looks", "sync", path, (sftp, done) => {
      sftp.ext_openssh_fsync(handle, done);
    });
  }

  lstat(path: string): Promise<Stats> {
    return this.#ask("looks", "look at", path, (sftp, done: Done<Stats>) => {
      sftp.lstat(path, done);
    });
  }

  stat(path: string): Promise<Stats> {
    return this.#ask("looks", "look at", path, (sftp, done: Done<Stats>) => {
      sftp.stat(path, done);
    });
  }

  realpath(path: string): Promise<string> {
    return this.#ask("looks", "find", path, (sftp, done: Done<string>) => {
      sftp.realpath(path, done);
    });
  }

  chmod(path: string, mode: number): Promise<void> {
    return this.#ask("changes", "set the mode of", path, (sftp, done) => {
      sftp.chmod(path, mode, done);
    });
  }

  mkdir(path: string, mode: number): Promise<void> {
    return this.#ask("changes", "create the directory", path, (sftp, done) => {
      sftp.mkdir(path, { mode }, done);
    });
  }

  rmdir(path: string): Promise<void> {
    return this.#ask("changes", "remove the directory", path, (sftp, done) => {
      sftp.rmdir(path, done);
    });
  }

  unlink(path: string): Promise<void> {
    return this.#ask("changes", "remove", path, (sftp, done) => {
      sftp.unlink(path, done);
    });
  }

  /** Replaces `to` in one step. */
  rename(from: string, to: string): Promise<void> {
    return this.#ask("changes", "rename the finished file to", to, (sftp, done) => {
      sftp.ext_openssh_rename(from, to, done);
    });
  }

  /** Fails when `to` is there. */
  link(from: string, to: string): Promise<void> {
    return this.#ask("changes", "link the finished file to", to, (sftp, done) => {
      sftp.ext_openssh_hardlink(from, to, done);
    });
  }

  async opendir(path: string): Promise<OpenFile> {
    const handle = await this.#ask("looks", "open the directory", path, (sftp, done: Done<Buffer>) => {
      sftp.opendir(path, done);
    });
    return { path, handle };
  }

  /** The next names of a directory; undefined when there are no more. */
  async readdir({ path, handle }: OpenFile): Promise<readonly FileEntryWithStats[] | undefined> {
    try {
      return await this.#ask(
        "looks",
        "read the directory",
        path,
        (sftp, done: Done<FileEntryWithStats[]>) => {
          sftp.readdir(handle, done);
        },
      );
    } catch (error) {
      if (status(error) === STATUS.eof) return undefined;
      throw error;
    }
  }

  /** Bytes that an ordinary user can still write on the file system of `path`; undefined where the server doesn't tell. */
  async freeBytes(path: string): Promise<number | undefined> {
    if (!this.abilities.statvfs) return undefined;
    const found = await this.#ask("looks", "ask for the free space of", path, (sftp, done: Done<Space>) => {
      sftp.ext_openssh_statvfs(path, done);
    });
    // Some virtual file systems have no size.
    return found.f_blocks === 0 ? undefined : found.f_bavail * found.f_frsize;
  }
}

interface Space {
  readonly f_frsize: number;
  readonly f_blocks: number;
  readonly f_bavail: number;
}
