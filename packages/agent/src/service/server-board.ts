import { AxonServerError, type ServerIdentity } from "@axon-backup/axon-server";
import type { WatchEvent } from "@axon-backup/core";
import { describeError } from "../errors/describe-error.js";
import type { Log } from "../output/log.js";
import { causeOf, cleanDescription } from "./failures.js";
import type { ServerState } from "./model.js";

/** What is known of the server. */
export class ServerBoard {
  #identity: ServerIdentity | undefined;
  #seen: Date | undefined;
  #problem: ServerState["problem"];
  /** The problem that was logged last, until it is over. */
  #told: string | undefined;

  constructor(
    private readonly log: Log,
    private readonly redact: (text: string) => string,
  ) {}

  state(): ServerState | undefined {
    if (this.#identity === undefined || this.#seen === undefined) return undefined;
    const { nodeName: name, version, edition } = this.#identity;
    return { name, version, edition, seen: this.#seen, problem: this.#problem };
  }

  /** Why the server doesn't answer, also as long as it never has. */
  get problem(): ServerState["problem"] {
    return this.#problem;
  }

  /** @returns whether something has become well again that may have kept others from success */
  watched(event: WatchEvent): boolean {
    switch (event.kind) {
      case "server":
        this.#met(event.identity, event.at);
        return false;
      case "problem": {
        const problem = describeError(event.error);
        this.#problem = cleanDescription(problem, this.redact);
        const told = this.#told;
        this.#told = troubleOf(event.error);
        this.log[told === this.#told ? "debug" : "warn"](`the server can't be watched: ${problem.message}`, {
          ...(problem.remedy !== undefined && { remedy: problem.remedy }),
          causes: problem.causes,
        });
        return false;
      }
      case "recovered":
        this.#problem = undefined;
        this.#told = undefined;
        this.log.info("the server can be watched again");
        return true;
      case "warning":
        this.log.warn(event.message);
        return false;
    }
  }

  #met(identity: ServerIdentity, at: Date): void {
    const before = this.#identity;
    const now = `${identity.nodeName}, Axon Server ${identity.edition} ${identity.version}`;
    if (before === undefined) this.log.info(`the server is ${now}`);
    else if (before.version !== identity.version || before.nodeName !== identity.nodeName)
      this.log.info(`the server is another one now: ${now}; it was ${before.nodeName}, ${before.version}`);
    this.#identity = identity;
    this.#seen = at;
  }
}

/** What makes it the same problem: of requests that are made side by side, now one fails first, and now another. */
function troubleOf(error: unknown): string {
  const isOfServer = error instanceof AxonServerError && causeOf(error) === "server";
  return isOfServer ? error.kind : String(error);
}
