import { headProblem, idOfChoice, type RestorePointChoice, type RestorePointDiff } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOfSinks } from "../errors/exit-code-of.js";
import { UsageError } from "../errors/usage-error.js";
import type { ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { diffJson, diffText } from "../views/diff.js";
import { errorsOf, readEachSink, warnOfProblem } from "./each-sink.js";

export interface DiffRequest {
  readonly before: RestorePointChoice;
  readonly after: RestorePointChoice;
  readonly sinks: readonly string[];
}

/** `axon-backup diff`: what came between two restore points, on every sink that has both. */
@injectable()
export class DiffCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run({ before, after, sinks: names }: DiffRequest): Promise<ExitCode> {
    const outcomes = await readEachSink(
      this.sinks.select(names),
      this.signal,
      async (sink, name): Promise<RestorePointDiff | undefined> => {
        const repository = await this.engine.openRepository(sink, this.signal);
        warnOfProblem(repository, name, this.output);
        if (repository === undefined) return undefined;
        const commits = await repository.commits();
        const problem = headProblem(commits.head);
        if (problem && [before, after].includes("head")) throw problem;
        const [one, other] = [idOfChoice(commits, before), idOfChoice(commits, after)];
        if (one === undefined || other === undefined) return undefined;
        return this.engine.diffRestorePoints(repository, one, other, this.signal);
      },
    );
    if (outcomes.every((outcome) => outcome.outcome === "done" && outcome.value === undefined))
      throw new UsageError(
        `no sink has both restore points, ${before} and ${after}`,
        "`axon-backup list` shows the restore points there are.",
      );
    this.output.result({ json: diffJson(outcomes), text: diffText(outcomes) });
    for (const outcome of outcomes)
      if (outcome.outcome === "failed") this.output.problem(outcome.error, outcome.sink);
    return exitCodeOfSinks(errorsOf(outcomes));
  }
}
