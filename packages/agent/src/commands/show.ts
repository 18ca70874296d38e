import { headProblem, idOfChoice, knownProblems, type RestorePointChoice } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOfSinks } from "../errors/exit-code-of.js";
import { UsageError } from "../errors/usage-error.js";
import type { ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { type ShownRestorePoint, showJson, showText } from "../views/show.js";
import { errorsOf, readEachSink, warnOfProblem } from "./each-sink.js";

/** `axon-backup show`: a restore point in detail, on every sink that has it. */
@injectable()
export class ShowCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(options: {
    readonly restorePoint: RestorePointChoice;
    readonly sinks: readonly string[];
  }): Promise<ExitCode> {
    const { restorePoint } = options;
    const sinks = this.sinks.select(options.sinks);
    const outcomes = await readEachSink(
      sinks,
      this.signal,
      async (sink, name): Promise<ShownRestorePoint | undefined> => {
        const repository = await this.engine.openRepository(sink, this.signal);
        warnOfProblem(repository, name, this.output);
        if (repository === undefined) return undefined;
        const commits = await repository.commits();
        const problem = headProblem(commits.head);
        if (restorePoint === "head" && problem) throw problem;
        if (restorePoint === "latest" && problem) this.output.log.warn(problem.message, { sink: name });
        const id = idOfChoice(commits, restorePoint);
        if (id === undefined) return undefined;
        const manifest = await repository.manifest(id);
        const isHead = commits.head.state === "current" && commits.head.manifest.id === id;
        return { manifest, isHead, problems: await knownProblems(repository, manifest) };
      },
    );
    const nowhere = outcomes.every((outcome) => outcome.outcome === "done" && outcome.value === undefined);
    if (nowhere)
      throw new UsageError(
        restorePoint === "latest"
          ? "there are no restore points yet"
          : restorePoint === "head"
            ? "no sink has a head: nothing was stored after the newest restore point"
            : `no sink has a restore point ${restorePoint}`,
        restorePoint === "latest"
          ? "`axon-backup backup` makes one."
          : "`axon-backup list` shows the restore points there are.",
      );
    this.output.result({ json: showJson(outcomes), text: showText(outcomes) });
    for (const outcome of outcomes)
      if (outcome.outcome === "failed") this.output.problem(outcome.error, outcome.sink);
    return exitCodeOfSinks(errorsOf(outcomes));
  }
}
