import type { Token } from "@axon-backup/axon-server";
import type { RestorePointId } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { restoreJson, restoreText } from "../views/restore.js";
import { withSink } from "./each-sink.js";

export interface RestoreRequest {
  readonly to: string;
  readonly sink: string | undefined;
  readonly restorePoint: RestorePointId | "latest" | undefined;
  readonly token: Token | undefined;
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

  async run({ to, sink: name, restorePoint, token, context }: RestoreRequest): Promise<ExitCode> {
    const named = this.sinks.one(name);
    const report = await withSink(named, "read", (sink) =>
      this.engine.restore({
        sink,
        name: named.name,
        ...(named.connections === undefined ? {} : { connections: named.connections }),
        target: to,
        ...(restorePoint === undefined ? {} : { restorePoint }),
        ...(token === undefined ? {} : { token }),
        ...(context === undefined ? {} : { context }),
        observer: this.output.observer,
        signal: this.signal,
      }),
    );
    this.output.result({ json: restoreJson(named.name, report), text: restoreText(named.name, report) });
    return EXIT_CODES.ok;
  }
}
