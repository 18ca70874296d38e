import type { Token } from "@axon-backup/axon-server";
import type { RestoreOptions, RestorePointChoice } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { restoreJson, restoreText } from "../views/restore.js";
import { restorePreviewJson, restorePreviewText } from "../views/restore-preview.js";
import { type FirstSink, withFirstSink } from "./first-sink.js";

/** What is restored, of all that is on the sinks. */
export interface WhatToRestore {
  /** In the order in which they are asked; none for the only one. */
  readonly sinks: readonly string[];
  readonly restorePoint: RestorePointChoice | undefined;
  readonly token: Token | undefined;
  readonly exclusive: boolean;
  readonly time: Date | undefined;
  readonly context: string | undefined;
  readonly indexFiles: boolean;
}

export interface RestoreRequest extends WhatToRestore {
  readonly to: string;
  readonly dryRun: boolean;
  readonly resume: boolean;
  readonly delta: boolean;
}

/** The same as the engine takes it. */
export function restoreOptions(
  { restorePoint, token, exclusive, time, context, indexFiles }: WhatToRestore,
  { name, connections, sink, others }: FirstSink,
): Omit<RestoreOptions, "target"> {
  return {
    sink,
    name,
    others,
    ...(connections === undefined ? {} : { connections }),
    ...(restorePoint === undefined ? {} : { restorePoint }),
    ...(token === undefined ? {} : { token }),
    ...(time === undefined ? {} : { time }),
    ...(context === undefined ? {} : { context }),
    exclusive,
    indexFiles,
  };
}

/** `axon-backup restore`: a store, into a directory. */
@injectable()
export class RestoreCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(request: RestoreRequest): Promise<ExitCode> {
    const { to, resume, delta } = request;
    const named = this.sinks.inOrder(request.sinks);
    return withFirstSink(named, this.output, this.signal, async (first) => {
      const options: RestoreOptions = {
        ...restoreOptions(request, first),
        target: to,
        resume,
        delta,
        observer: this.output.observer,
        signal: this.signal,
      };
      return request.dryRun ? this.#preview(options) : this.#restore(options);
    });
  }

  async #restore(options: RestoreOptions): Promise<ExitCode> {
    const report = await this.engine.restore(options);
    this.output.result({ json: restoreJson(report), text: restoreText(report) });
    return EXIT_CODES.ok;
  }

  /** What ends a restore ends a dry run the same way: with a target that would be refused, the exit code says so. */
  async #preview(options: RestoreOptions): Promise<ExitCode> {
    const preview = await this.engine.previewRestore(options);
    this.output.result({ json: restorePreviewJson(preview), text: restorePreviewText(preview) });
    const { problem } = preview.target;
    return problem === undefined ? EXIT_CODES.ok : exitCodeOf(problem);
  }
}
