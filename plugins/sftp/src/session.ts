import type { Socket } from "node:net";
import type SftpClient from "ssh2-sftp-client";
import type { SFTPWrapper } from "ssh2";
import { SinkError } from "@axon-backup/sink";
import { lostError, status } from "./errors.js";
import { within } from "./interrupt.js";

/** What ssh2 knows of the server and doesn't say: read here and nowhere else, and checked by a test. */
interface Internals {
  readonly _extensions?: Readonly<Record<string, string>>;
  readonly _maxReadLen?: number;
  readonly _maxWriteLen?: number;
}

/** What the server takes and offers. */
export interface Abilities {
  /** Longest read and write in one request, in bytes. */
  readonly chunkBytes: number;
  readonly posixRename: boolean;
  readonly fsync: boolean;
  readonly hardlink: boolean;
  readonly statvfs: boolean;
}

/** Every server must take this much in a write (draft-ietf-secsh-filexfer-02, section 3). */
const MIN_CHUNK_BYTES = 32_000;

/** How long, in milliseconds, the server has to answer what a call asked that was aborted meanwhile. */
const DOUBT_MS = 2000;

/** How long, in milliseconds, calls on a retired connection may go on. */
const RETIRED_MS = 30_000;

/** How long, in milliseconds, the last bytes may take to leave. */
const GOODBYE_MS = 1000;

export type Done<T> = (error?: Error | null, value?: T) => void;

/** What a request does on the server: those that change something must not arrive after their call has been tried again. */
export type Effect = "looks" | "changes";

interface Pending {
  readonly effect: Effect;
  readonly reject: (error: unknown) => void;
}

/** What nobody waits for any more, and isn't answered. */
interface Doubt {
  readonly effect: Effect;
  readonly answered: Promise<unknown>;
  /** By performance.now(). */
  readonly since: number;
}

/** An SFTP session on a connection of its own. Once lost, or closed, every call that runs and every later one fails. */
export class Session {
  readonly abilities: Abilities;
  /** Those whose close was sent. */
  readonly closedHandles = new WeakSet<Buffer>();
  readonly #pending = new Set<Pending>();
  readonly #doubts = new Set<Doubt>();
  #lost: SinkError | undefined;
  #retired = false;

  constructor(
    private readonly client: SftpClient,
    private readonly sftp: SFTPWrapper,
    private readonly socket: Socket,
    private readonly server: string,
  ) {
    this.abilities = abilities(sftp as SFTPWrapper & Internals);
    const lose = (why: string) => (cause?: unknown) => {
      this.#lose(lostError(server, cause instanceof Error ? cause.message : why, cause));
    };
    client.on("error", lose("it broke"));
    client.on("end", lose("the server ended it"));
    client.on("close", lose("it was closed"));
    sftp.on("error", lose("the server broke the protocol"));
    sftp.on("end", lose("the server's SFTP process ended"));
    sftp.on("close", lose("the server's SFTP process ended"));
    if (socket.destroyed) lose("it was closed")();
  }

  /** Whether the connection itself is gone. */
  get isClosed(): boolean {
    return this.#lost !== undefined;
  }

  /**
   * For a server that doesn't answer what changes nothing: new calls connect anew, and this connection ends after a while, in which those that run
   * may still end well.
   */
  retire(): void {
    if (this.#lost !== undefined || this.#retired) return;
    this.#retired = true;
    setTimeout(() => {
      this.close();
    }, RETIRED_MS).unref();
  }

  /**
   * For a server that doesn't answer what changes something: ends the connection before the call is tried again on another one, so that what waits
   * here to be sent never arrives. Other calls on it fail as `transient`.
   */
  reset(): void {
    this.#lose(lostError(this.server, "the server didn't answer in time"));
  }

  /** A call was aborted while it waited for `answer`. */
  doubt(effect: Effect, answer: Promise<unknown>): void {
    const end = (): void => {
      this.#doubts.delete(doubt);
    };
    const doubt: Doubt = { effect, answered: answer.then(end, end), since: performance.now() };
    this.#doubts.add(doubt);
  }

  /** For the end of an aborted call: resolves when all that it asked to be changed is answered, or else can't arrive any more. */
  async settle(): Promise<void> {
    if (!(await this.#answered("changes"))) this.reset();
  }

  /** For the start of a call: whether it must connect anew. Waits for what aborted calls had asked: a server that doesn't answer that won't answer more. */
  async isUsable(): Promise<boolean> {
    if (this.#doubts.size > 0 && !(await this.#answered("looks", "changes"))) {
      const changing = [...this.#doubts].some(({ effect }) => effect === "changes");
      if (changing) this.reset();
      else this.retire();
    }
    return this.#lost === undefined && !this.#retired;
  }

  /** Whether the server has answered in time what aborted calls had asked. */
  async #answered(...effects: readonly Effect[]): Promise<boolean> {
    const doubts = [...this.#doubts].filter(({ effect }) => effects.includes(effect));
    if (doubts.length === 0) return true;
    const left = Math.min(...doubts.map(({ since }) => since)) + DOUBT_MS - performance.now();
    return (await within(Promise.all(doubts.map(({ answered }) => answered)), left)) !== undefined;
  }

  /** Sends a request. Rejects with the server's answer as ssh2 gives it, or with a `transient` SinkError when the connection is lost first. */
  request<T>(effect: Effect, send: (sftp: SFTPWrapper, done: Done<T>) => void): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      // ssh2 never answers what is asked on a connection that is gone.
      if (this.#lost !== undefined) {
        reject(this.#lost);
        return;
      }
      const pending: Pending = { effect, reject };
      this.#pending.add(pending);
      const done: Done<T> = (error, value) => {
        if (!this.#pending.delete(pending)) return;
        if (error) reject(this.#answer(error));
        else resolve(value as T);
      };
      try {
        send(this.sftp, done);
      } catch (error) {
        // ssh2 throws what it can't send.
        done(error instanceof Error ? error : new Error(String(error)));
      }
    });
  }

  /** An error without a status isn't the server's. */
  #answer(error: Error): Error {
    return status(error) !== undefined ? error : lostError(this.server, error.message, error);
  }

  /** Ends the connection at once. */
  close(): void {
    this.#lose(new SinkError("transient", `the connection to ${this.server} was closed by the sink`));
  }

  #lose(error: SinkError): void {
    if (this.#lost !== undefined) return;
    this.#lost = error;
    const unfinished = [...this.#pending].some(({ effect }) => effect === "changes");
    for (const { reject } of this.#pending) reject(error);
    this.#pending.clear();
    // A goodbye would be sent behind the requests that wait here: their calls have failed, and may be tried again. libuv refuses to reset what is ending.
    if (unfinished && !this.socket.writableEnded) this.socket.resetAndDestroy();
    // Says goodbye, which waits for an answer that may never come.
    this.client.end().catch(() => undefined);
    this.socket.destroySoon();
    setTimeout(() => this.socket.destroy(), GOODBYE_MS).unref();
  }
}

function abilities({ _extensions: offered = {}, _maxReadLen, _maxWriteLen }: Internals): Abilities {
  return {
    chunkBytes: Math.min(_maxReadLen ?? MIN_CHUNK_BYTES, _maxWriteLen ?? MIN_CHUNK_BYTES),
    posixRename: offered["posix-rename@openssh.com"] === "1",
    fsync: offered["fsync@openssh.com"] === "1",
    hardlink: offered["hardlink@openssh.com"] === "1",
    statvfs: offered["statvfs@openssh.com"] === "2",
  };
}
