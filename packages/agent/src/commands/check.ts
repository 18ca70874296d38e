import type { NamedSink } from "@axon-backup/core";
import { inject, injectable } from "tsyringe";
import { failedRow } from "../checks/failed-row.js";
import { checkServer } from "../checks/server.js";
import { checkSink } from "../checks/sink.js";
import { type CheckRow, ok } from "../checks/types.js";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import { CONFIGURATION, ENGINE, OPEN_SOURCE, OUTPUT, SIGNAL, SINKS } from "../composition/tokens.js";
import type { Configuration } from "../config/types.js";
import { exitCodeOf } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { formatBytes, plural } from "../output/units.js";
import { checkJson, checkText } from "../views/check.js";
import { withSink } from "./each-sink.js";

/** `axon-backup check`: every precondition of a backup, each with its remedy. */
@injectable()
export class CheckCommand {
  constructor(
    @inject(CONFIGURATION) private readonly configuration: Configuration,
    @inject(SINKS) private readonly sinks: ConfiguredSinks,
    @inject(OPEN_SOURCE) private readonly openSource: OpenSource,
    @inject(ENGINE) private readonly engine: Engine,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<ExitCode> {
    const { directory, sinks } = this.configuration;
    const rows: CheckRow[] = [ok("configuration", "", `${directory}: ${plural(sinks.length, "sink")}`)];
    let incomplete = false;
    try {
      rows.push(...(await this.#checkServer()));
    } catch (error) {
      this.signal.throwIfAborted();
      incomplete ||= exitCodeOf(error) === EXIT_CODES.configuration;
      rows.push(failedRow("server", "", error));
    }
    try {
      for (const sink of this.sinks.select([])) rows.push(...(await this.#checkSink(sink)));
    } catch (error) {
      this.signal.throwIfAborted();
      incomplete ||= exitCodeOf(error) === EXIT_CODES.configuration;
      rows.push(failedRow("sinks", "", error));
    }
    this.output.result({ json: checkJson(rows), text: checkText(rows) });
    if (!rows.some((row) => row.outcome === "failed")) return EXIT_CODES.ok;
    return incomplete ? EXIT_CODES.configuration : EXIT_CODES.failed;
  }

  async #checkServer(): Promise<readonly CheckRow[]> {
    const source = await this.openSource();
    try {
      const { server } = this.configuration;
      // Without a server, opening has failed.
      return server === undefined ? [] : await checkServer(source, this.configuration, server, this.signal);
    } finally {
      await source.close();
    }
  }

  async #checkSink(named: NamedSink): Promise<readonly CheckRow[]> {
    try {
      return await withSink(named, "write", async (sink) => {
        // First: a place that holds something else is not written to.
        const repository = await this.engine.openRepository(sink, this.signal);
        const points = await repository?.restorePoints();
        const holds = points === undefined ? "no repository yet" : plural(points.length, "restore point");
        const tried = await checkSink(sink, this.signal);
        const free = await sink.freeBytes?.({ signal: this.signal });
        const space = free === undefined ? "" : `; ${formatBytes(free)} free`;
        return [ok("sink", named.name, `${holds}; ${tried}${space}`)];
      });
    } catch (error) {
      this.signal.throwIfAborted();
      return [failedRow("sink", named.name, error)];
    }
  }
}
