import type { NamedSink, RestorePointChoice, VerifyOptions, VerifyReport } from "@axon-backup/core";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf, exitCodeOfSinks } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { verifyJson, verifyText } from "../views/verify.js";
import { errorsOf, readEachSink, withSink } from "./each-sink.js";

export interface VerifyRequest {
  readonly sinks: readonly string[];
  readonly restorePoint: RestorePointChoice | undefined;
  readonly readData: boolean;
  /** How much to read of each sink, and for how many milliseconds; no limit if left out. */
  readonly budget?: VerifyOptions["budget"];
  readonly within?: number | undefined;
  /** Whether people want to see when each object was read last. Programs always do. */
  readonly listObjects?: boolean;
}

/** `axon-backup verify`: whether what is stored is what was written. */
@injectable()
export class VerifyCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(request: VerifyRequest): Promise<ExitCode> {
    const sinks = this.sinks.select(request.sinks);
    // Opened for reading first: a sink that isn't there must not be made by looking at it.
    const outcomes = await readEachSink(sinks, this.signal, async (sink, name) => {
      const named = sinks.find((other) => other.name === name);
      return named === undefined
        ? this.#verify(request, sink, { name }, false)
        : this.#verifyWritable(request, named, sink);
    });
    this.output.result({
      json: verifyJson(outcomes),
      text: verifyText(outcomes, request.listObjects === true),
    });
    for (const outcome of outcomes)
      if (outcome.outcome === "failed") this.output.problem(outcome.error, outcome.sink);
    const errors = errorsOf(outcomes);
    const damaged =
      outcomes.some((outcome) => outcome.outcome === "done" && outcome.value.damaged) ||
      errors.some((error) => error !== undefined && exitCodeOf(error) === EXIT_CODES.damage);
    return damaged ? EXIT_CODES.damage : exitCodeOfSinks(errors);
  }

  /** Findings are marked for the next backup to repair, where the sink can be written to. */
  async #verifyWritable(request: VerifyRequest, named: NamedSink, readOnly: Sink): Promise<VerifyReport> {
    let writable: NamedSink;
    try {
      const sink = await named.open("write");
      writable = { name: named.name, open: () => Promise.resolve(sink) };
    } catch (error) {
      if (!isSinkError(error)) throw error;
      this.output.log.warn(
        "the sink can't be written to: what is found is not marked for repair, and what is read not recorded",
        { sink: named.name, reason: error.message },
      );
      return this.#verify(request, readOnly, named, false);
    }
    return withSink(writable, "write", (sink) => this.#verify(request, sink, named, true));
  }

  #verify(
    request: VerifyRequest,
    sink: Sink,
    { name, connections }: Pick<NamedSink, "name" | "connections">,
    mark: boolean,
  ): Promise<VerifyReport> {
    const { restorePoint, readData, budget, within } = request;
    return this.engine.verify({
      sink,
      name,
      ...(connections === undefined ? {} : { connections }),
      ...(restorePoint === undefined ? {} : { restorePoint }),
      readData,
      ...(budget === undefined ? {} : { budget }),
      ...(within === undefined ? {} : { within }),
      mark,
      observer: this.output.observer,
      signal: this.signal,
    });
  }
}
