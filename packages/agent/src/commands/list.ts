import { headProblem, type Repository, type RestorePointId } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf, exitCodeOfSinks } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { type ListedRestorePoint, type ListedSink, listJson, listText } from "../views/list.js";
import { errorsOf, readEachSink, warnOfProblem } from "./each-sink.js";

/** How many manifests are read at a time. */
const CONCURRENCY = 8;

/** `axon-backup list`: the restore points of every sink. */
@injectable()
export class ListCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(options: { readonly sinks: readonly string[] }): Promise<ExitCode> {
    const outcomes = await readEachSink(this.sinks.select(options.sinks), this.signal, async (sink, name) => {
      const repository = await this.engine.openRepository(sink, this.signal);
      warnOfProblem(repository, name, this.output);
      return repository === undefined ? { points: [], head: undefined } : this.#read(repository);
    });
    this.output.result({ json: listJson(outcomes), text: listText(outcomes) });
    let damaged = false;
    for (const outcome of outcomes) {
      if (outcome.outcome === "failed") this.output.problem(outcome.error, outcome.sink);
      else
        for (const point of [...outcome.value.points, ...(outcome.value.head ? [outcome.value.head] : [])])
          if ("error" in point) {
            damaged = true;
            this.output.problem(point.error, outcome.sink);
          }
    }
    return damaged ? EXIT_CODES.damage : exitCodeOfSinks(errorsOf(outcomes));
  }

  async #read(repository: Repository): Promise<ListedSink> {
    const { restorePoints: ids, head } = await repository.commits();
    const problem = headProblem(head);
    const points: ListedRestorePoint[] = [];
    for (let at = 0; at < ids.length; at += CONCURRENCY)
      points.push(
        ...(await Promise.all(ids.slice(at, at + CONCURRENCY).map((id) => this.#readOne(repository, id)))),
      );
    if (head.state === "current") return { points, head: { id: head.manifest.id, manifest: head.manifest } };
    return { points, head: problem && { error: problem } };
  }

  /** One manifest. A damaged one doesn't hide the others. */
  async #readOne(repository: Repository, id: RestorePointId): Promise<ListedRestorePoint> {
    try {
      return { id, manifest: await repository.manifest(id) };
    } catch (error) {
      if (exitCodeOf(error) !== EXIT_CODES.damage) throw error;
      return { id, error };
    }
  }
}
