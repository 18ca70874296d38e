import { SinkError } from "@axon-backup/sink";
import { connect } from "./connect.js";
import { readTrust } from "./host-key.js";
import { readLogin } from "./login.js";
import type { Settings } from "./options.js";
import type { Session } from "./session.js";

/** The sink's connection: made when it is needed, shared by all calls, and made anew by the next call after it was lost. */
export class Connections {
  #current: Promise<Session> | undefined;
  /** Given up, and not closed yet. */
  #old: readonly Session[] = [];
  #closed = false;

  constructor(private readonly settings: Settings) {}

  /** A session that isn't known to be lost, nor owes an answer to a call that was aborted. Calls that come while one is being made wait for the same one. */
  async session(): Promise<Session> {
    if (this.#closed) throw new SinkError("invalid", "the sink is closed");
    const known = this.#current;
    if (known !== undefined) {
      const session = await known;
      if (await session.isUsable()) return session;
      if (this.#current === known) {
        this.#current = undefined;
        this.#old = [...this.#old, session].filter(({ isClosed }) => !isClosed);
      }
      return this.session();
    }
    const made = this.#connect();
    this.#current = made;
    try {
      return await made;
    } catch (error) {
      if (this.#current === made) this.#current = undefined;
      throw error;
    }
  }

  async #connect(): Promise<Session> {
    const [trust, login] = await Promise.all([readTrust(this.settings), readLogin(this.settings.login)]);
    const session = await connect(this.settings, trust, login);
    if (this.#closed) session.close();
    return session;
  }

  async close(): Promise<void> {
    this.#closed = true;
    // One that can't be made needs no closing, and whoever waits for it is told.
    const session = await this.#current?.catch(() => undefined);
    for (const each of [session, ...this.#old]) each?.close();
  }
}
