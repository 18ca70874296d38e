import type { PruneReport } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink, ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf, exitCodeOfSinks } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { VERSION } from "../version.js";
import { type PrunedSink, pruneJson, pruneText } from "../views/prune.js";
import { readEachSink, withSink } from "./each-sink.js";
import { noteRemoved } from "./note-removed.js";
import { problemsOf } from "./prune-problems.js";

export interface PruneRequest {
  readonly sinks: readonly string[];
  readonly dryRun: boolean;
}

/** `axon-backup prune`: retention. */
@injectable()
export class PruneCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run({ sinks: names, dryRun }: PruneRequest): Promise<ExitCode> {
    const sinks = this.sinks.select(names);
    const byName = new Map(sinks.map((sink) => [sink.name, sink]));
    const outcomes = await readEachSink(sinks, this.signal, async (sink, name): Promise<PrunedSink> => {
      const configured = byName.get(name);
      const hasRules = configured?.retention !== undefined;
      return { hasRules, report: await this.#prune(sink, name, configured, dryRun) };
    });
    this.output.result({ json: pruneJson(outcomes, dryRun), text: pruneText(outcomes, dryRun) });
    const errors = outcomes.map((outcome) =>
      outcome.outcome === "failed" ? [outcome.error] : problemsOf(outcome.value.report),
    );
    for (const [index, ofSink] of errors.entries())
      for (const error of ofSink) this.output.problem(error, outcomes[index]?.sink);
    const damaged = errors.flat().some((error) => exitCodeOf(error) === EXIT_CODES.damage);
    return damaged ? EXIT_CODES.damage : exitCodeOfSinks(errors.map(([first]) => first));
  }

  /** Opened for reading first: a sink that isn't there must not be made by looking at it. */
  async #prune(
    readOnly: Sink,
    name: string,
    configured: ConfiguredSink | undefined,
    dryRun: boolean,
  ): Promise<PruneReport> {
    const run = (sink: Sink, isDry: boolean): Promise<PruneReport> =>
      this.engine.prune({
        sink,
        name,
        dryRun: isDry,
        ...(configured?.retention && { rules: configured.retention }),
        ...(configured && { connections: configured.connections }),
        agent: VERSION,
        observer: this.output.observer,
        signal: this.signal,
      });
    if (dryRun || configured === undefined) return run(readOnly, true);
    const repository = await this.engine.openRepository(readOnly, this.signal);
    if (repository === undefined) return run(readOnly, true);
    return withSink(configured, "write", async (sink) => {
      const report = await run(sink, false);
      if (problemsOf(report).length === 0) await noteRemoved(sink, report, new Date(), this.signal);
      return report;
    });
  }
}
