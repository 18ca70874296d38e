import { EngineError, type PruneReport } from "@axon-backup/core";
import type { Sink } from "@axon-backup/sink";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink, ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf, exitCodeOfSinks } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { plural } from "../output/units.js";
import { VERSION } from "../version.js";
import { type PrunedSink, pruneJson, pruneText } from "../views/prune.js";
import { readEachSink, withSink } from "./each-sink.js";

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
    return withSink(configured, "write", (sink) => run(sink, false));
  }
}

/** What went wrong in a run that went to its end. */
export function problemsOf(report: PruneReport): EngineError[] {
  return [brokenOf(report), refusalsOf(report)].filter((error) => error !== undefined);
}

/** Restore points that stay, and can't be restored. */
function brokenOf({ broken }: PruneReport): EngineError | undefined {
  if (broken.length === 0) return undefined;
  const shown = broken.slice(0, 3).map(({ id, problem }) => `${id}: ${problem}`);
  const more = broken.length > shown.length ? [`and ${broken.length - shown.length} more`] : [];
  return new EngineError(
    "damage",
    `${plural(broken.length, "restore point")} that the rules keep can't be restored from this sink: ${[...shown, ...more].join("; ")}`,
    "What would be kept without them was kept, too. A backup stores again what is missing or damaged, if the server still has it: run one, then `axon-backup verify` and prune again. What stays damaged, another sink may have; a restore point that is lost, restore-points/<id>.json, can be removed by hand.",
  );
}

/** What a sink didn't let go, as an error. */
function refusalsOf({ failed, notTried }: PruneReport): EngineError | undefined {
  const [first] = failed;
  if (first === undefined) return undefined;
  const { error } = first;
  const remedy = "remedy" in error && typeof error.remedy === "string" ? `${error.remedy} ` : "";
  const untried = notTried > 0 ? `, and ${notTried} more were not tried` : "";
  return new EngineError(
    "failed",
    `${plural(failed.length, "object")} could not be removed${untried}`,
    `${remedy}The restore points that are left are whole; the next prune tries again.`,
    error,
  );
}
