import type { ServerSource } from "@axon-backup/axon-server";
import type { Repository } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import { CONFIGURATION, ENGINE, OPEN_SOURCE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import type { Configuration } from "../config/types.js";
import { exitCodeOfSinks } from "../errors/exit-code-of.js";
import type { ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { type AskedServer, type Behind, type SinkStatus, statusJson, statusText } from "../views/status.js";
import { errorsOf, readEachSink, warnOfProblem } from "./each-sink.js";

/** `axon-backup status`: how each sink stands, and how far it is behind the server. */
@injectable()
export class StatusCommand {
  constructor(
    @inject(CONFIGURATION) private readonly configuration: Configuration,
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(OPEN_SOURCE) private readonly openSource: OpenSource,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(options: { readonly sinks: readonly string[] }): Promise<ExitCode> {
    const sinks = this.sinks.select(options.sinks);
    let source: ServerSource | undefined;
    let server: AskedServer;
    try {
      source = await this.openSource();
      server = { outcome: "done", identity: await source.identify(this.signal) };
    } catch (error) {
      this.signal.throwIfAborted();
      // What the sinks tell is no less true without it.
      server = { outcome: "failed", error };
      this.output.problem(error);
    }
    try {
      const outcomes = await readEachSink(sinks, this.signal, async (sink, name): Promise<SinkStatus> => {
        const repository = await this.engine.openRepository(sink, this.signal);
        warnOfProblem(repository, name, this.output);
        return {
          status: repository && (await this.engine.readStatus(repository, { signal: this.signal })),
          behind: repository && (await this.#behind(repository, name, source, server)),
        };
      });
      const now = new Date();
      this.output.result({
        json: statusJson(server, outcomes, now),
        text: statusText(server, outcomes, now),
      });
      for (const outcome of outcomes)
        if (outcome.outcome === "failed") this.output.problem(outcome.error, outcome.sink);
      return exitCodeOfSinks(errorsOf(outcomes));
    } finally {
      await source?.close();
    }
  }

  /** Undefined when it isn't known: the server doesn't answer, which is told once, or something is in the way, which is told here. */
  async #behind(
    repository: Repository,
    name: string,
    source: ServerSource | undefined,
    server: AskedServer,
  ): Promise<Behind | undefined> {
    if (source === undefined || server.outcome === "failed") return undefined;
    try {
      const contexts = this.configuration.contexts ?? server.identity.contexts;
      return await this.engine.measureBehind(repository, source, contexts, { signal: this.signal });
    } catch (error) {
      this.signal.throwIfAborted();
      this.output.problem(error, name);
      return undefined;
    }
  }
}
