import type { CheckRestoredReport } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import { ENGINE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { checkRestoredJson, checkRestoredText } from "../views/check-restored.js";
import { withFirstSink } from "./first-sink.js";
import { restoreOptions, type WhatToRestore } from "./restore.js";

/** `axon-backup restore --check-only`: a store that was restored, by itself. */
@injectable()
export class CheckAloneCommand {
  constructor(
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(target: string): Promise<ExitCode> {
    const { signal, output } = this;
    return show(output, await this.engine.checkRestored({ target, signal, observer: output.observer }));
  }
}

/** The same, against a restore point. */
@injectable()
export class CheckRestoredCommand {
  constructor(
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(target: string, what: WhatToRestore): Promise<ExitCode> {
    const { signal, output } = this;
    return withFirstSink(this.sinks.inOrder(what.sinks), output, signal, async (first) => {
      const against = restoreOptions(what, first);
      return show(
        output,
        await this.engine.checkRestored({ target, against, signal, observer: output.observer }),
      );
    });
  }
}

function show(output: Output, report: CheckRestoredReport): ExitCode {
  output.result({ json: checkRestoredJson(report), text: checkRestoredText(report) });
  return report.damaged ? EXIT_CODES.damage : EXIT_CODES.ok;
}
