import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import { CONFIGURATION, ENGINE, OPEN_SOURCE, OUTPUT, REDACT, SIGNAL, SINKS } from "../composition/tokens.js";
import type { Configuration } from "../config/types.js";
import { exitCodeOfBackup } from "../errors/exit-code-of.js";
import type { ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { VERSION } from "../version.js";
import { backupJson, backupText } from "../views/backup.js";

/** `axon-backup backup`: one restore point on every sink. */
@injectable()
export class BackupCommand {
  constructor(
    @inject(CONFIGURATION) private readonly configuration: Configuration,
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(OPEN_SOURCE) private readonly openSource: OpenSource,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(REDACT) private readonly redact: (text: string) => string,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(options: { readonly sinks: readonly string[] }): Promise<ExitCode> {
    const sinks = this.sinks.select(options.sinks);
    const { contexts, server } = this.configuration;
    const source = await this.openSource();
    try {
      const report = await this.engine.backup({
        source,
        sinks,
        ...(contexts ? { contexts } : {}),
        removeControlDbZip: server?.removeControlDbZips === true,
        agent: VERSION,
        observer: this.output.observer,
        redact: this.redact,
        signal: this.signal,
      });
      this.output.result({ json: backupJson(report), text: backupText(report) });
      for (const sink of report.sinks)
        if (sink.outcome === "failed") this.output.problem(sink.error, sink.sink);
      return exitCodeOfBackup(report);
    } finally {
      await source.close();
    }
  }
}
