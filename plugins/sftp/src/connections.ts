import { SinkError } from "@axon-backup/sink";
import { connect } from "./connect.js";
import { readTrust } from "./host-key.js";
import type { Interrupt } from "./interrupt.js";
import { readLogin } from "./login.js";
import type { Settings } from "./options.js";
import type { Session } from "./session.js";

interface Made {
  readonly session: Promise<Session>;
  /** Ends the connecting; does nothing once it is done. */
  readonly end: AbortController;
  /** Calls that wait for it. */
  waiting: number;
  connected: boolean;
}

/** The sink's connection: made when it is needed, shared by all calls, and made anew by the next call after it was lost. */
export class Connections {
  #current: Made | undefined;
  /** Given up, and not closed yet. */
  #old: readonly Session[] = [];
  #closed = false;

  constructor(private readonly settings: Settings) {}

  /**
   * A session that isn't known to be lost, nor owes an answer to a call that was aborted. Calls that come while one is being made wait for the same one;
   * when the last of them is aborted, the connecting ends.
   */
  async session(interrupt: Interrupt): Promise<Session> {
    for (;;) {
      if (this.#closed) throw closedError();
      const made = (this.#current ??= this.#make());
      const session = await this.#wait(made, interrupt);
      if (await interrupt.race(session.isUsable())) return session;
      if (this.#current === made) {
        this.#current = undefined;
        this.#old = [...this.#old, session].filter(({ isClosed }) => !isClosed);
      }
    }
  }

  async #wait(made: Made, interrupt: Interrupt): Promise<Session> {
    made.waiting++;
    try {
      return await interrupt.race(made.session);
    } catch (error) {
      const unwanted = interrupt.signal?.aborted === true && made.waiting === 1 && !made.connected;
      if (unwanted) made.end.abort(error);
      if (this.#current === made && (unwanted || interrupt.signal?.aborted !== true))
        this.#current = undefined;
      throw error;
    } finally {
      made.waiting--;
    }
  }

  #make(): Made {
    const end = new AbortController();
    const made: Made = { session: this.#connect(end.signal), end, waiting: 0, connected: false };
    made.session.then(
      (session) => {
        made.connected = true;
        // Too late to be ended, and nobody's.
        if (end.signal.aborted) session.close();
      },
      () => undefined,
    );
    return made;
  }

  async #connect(signal: AbortSignal): Promise<Session> {
    const [trust, login] = await Promise.all([readTrust(this.settings), readLogin(this.settings.login)]);
    return connect(this.settings, trust, login, signal);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#current?.end.abort(closedError());
    // One that can't be made needs no closing, and whoever waits for it is told.
    const session = await this.#current?.session.catch(() => undefined);
    for (const each of [session, ...this.#old]) each?.close();
  }
}

function closedError(): SinkError {
  return new SinkError("invalid", "the sink is closed");
}
