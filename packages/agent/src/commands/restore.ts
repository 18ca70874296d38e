import type { Token } from "@axon-backup/axon-server";
import type { RestoreOptions, RestorePointId } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { exitCodeOf } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { restoreJson, restoreText } from "../views/restore.js";
import { restorePreviewJson, restorePreviewText } from "../views/restore-preview.js";
import { withSink } from "./each-sink.js";

export interface RestoreRequest {
  readonly to: string;
  readonly sink: string | undefined;
  readonly restorePoint: RestorePointId | "latest" | undefined;
  readonly token: Token | undefined;
  readonly exclusive: boolean;
  readonly time: Date | undefined;
  readonly dryRun: boolean;
  readonly context: string | undefined;
}

/** `axon-backup restore`: a store, into an empty directory. */
@injectable()
export class RestoreCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(request: RestoreRequest): Promise<ExitCode> {
    const { to, sink: name, restorePoint, token, exclusive, time, context } = request;
    const named = this.sinks.one(name);
    return withSink(named, "read", async (sink) => {
      const options: RestoreOptions = {
        sink,
        name: named.name,
        ...(named.connections === undefined ? {} : { connections: named.connections }),
        target: to,
        ...(restorePoint === undefined ? {} : { restorePoint }),
        ...(token === undefined ? {} : { token }),
        ...(time === undefined ? {} : { time }),
        ...(context === undefined ? {} : { context }),
        exclusive,
        observer: this.output.observer,
        signal: this.signal,
      };
      return request.dryRun ? this.#preview(options) : this.#restore(options);
    });
  }

  async #restore(options: RestoreOptions): Promise<ExitCode> {
    const report = await this.engine.restore(options);
    this.output.result({ json: restoreJson(options.name, report), text: restoreText(options.name, report) });
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
