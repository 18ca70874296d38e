import type { FoundLock } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS, STREAMS } from "../composition/tokens.js";
import { UsageError } from "../errors/usage-error.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import { ask } from "../output/ask.js";
import type { Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import { lockText, unlockJson, unlockText } from "../views/unlock.js";
import { withSink } from "./each-sink.js";

export interface UnlockRequest {
  readonly sink: string | undefined;
  /** Remove it without asking. */
  readonly yes: boolean;
}

/** `axon-backup unlock`: explains the lock on a repository, and removes it. */
@injectable()
export class UnlockCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(STREAMS) private readonly streams: Streams,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run({ sink: wanted, yes }: UnlockRequest): Promise<ExitCode> {
    const named = this.sinks.one(wanted);
    const { name } = named;
    const lock = await withSink(named, "read", (sink) => this.#find(sink, name));
    if (lock === undefined) return this.#end(name, undefined, false);
    if (lock.state !== "alive" && lock.state !== "renewing") await this.#confirm(name, lock, yes);
    // Refuses a lock that is in use, and one that is another by now.
    await withSink(named, "write", (sink) => this.engine.removeLock(sink, lock, { signal: this.signal }));
    return this.#end(name, lock, true);
  }

  async #find(sink: Sink, name: string): Promise<FoundLock | undefined> {
    const lock = await this.engine.readLock(sink, { signal: this.signal });
    if (lock?.state !== "unknown") return lock;
    this.output.log.info("watching the lock for up to a minute, to see whether its holder still runs", {
      sink: name,
    });
    return this.engine.watchLock(sink, lock, { signal: this.signal });
  }

  async #confirm(name: string, lock: FoundLock, yes: boolean): Promise<void> {
    if (yes) return;
    const explained = lockText(name, lock, new Date());
    const answer = await ask(this.streams, `${explained}\nRemove the lock? Type yes to do it: `, this.signal);
    if (answer?.trim().toLowerCase() === "yes") return;
    // On a terminal it was shown already.
    if (answer !== undefined) throw new UsageError("the lock was not removed", "Nothing was changed.");
    this.streams.stderr.write(`${explained}\n`);
    throw new UsageError(
      "the lock was not removed: there is no terminal to ask at",
      "If you are sure that the run is dead, say so: --yes.",
    );
  }

  #end(name: string, lock: FoundLock | undefined, removed: boolean): ExitCode {
    const now = new Date();
    this.output.result({ json: unlockJson(name, lock, removed), text: unlockText(name, lock, removed, now) });
    return EXIT_CODES.ok;
  }
}
