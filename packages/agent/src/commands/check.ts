import { inject, injectable } from "tsyringe";
import type { ServerSource } from "@axon-backup/axon-server";
import type { Repository } from "@axon-backup/core";
import { diskRows, type SinkPlace } from "../checks/disk-rows.js";
import { disksOf } from "../checks/disks.js";
import { failedRow } from "../checks/failed-row.js";
import { FIRST_ANSWER, firstAnswer, noAnswer, type Waiting } from "../checks/first-answer.js";
import { checkServer, type ServerCheck } from "../checks/server.js";
import { checkSink } from "../checks/sink.js";
import { historyRows } from "../checks/history-rows.js";
import { lockRows } from "../checks/lock-rows.js";
import { openFileRows } from "../checks/open-files.js";
import { serviceRows } from "../checks/service-rows.js";
import { sinkRows } from "../checks/sink-rows.js";
import { type CheckedSink, type CheckRow, ok } from "../checks/types.js";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSink, ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import { CONFIGURATION, ENGINE, OPEN_SOURCE, OUTPUT, SECRETS, SIGNAL, SINKS } from "../composition/tokens.js";
import type { Configuration } from "../config/types.js";
import { exitCodeOf } from "../errors/exit-code-of.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { formatBytes, plural } from "../output/units.js";
import type { SecretContext } from "../secrets/resolve.js";
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
    @inject(SECRETS) private readonly secrets: SecretContext,
    @inject(OUTPUT) private readonly output: Output,
    @inject(SIGNAL) private readonly signal: AbortSignal,
  ) {}

  async run(): Promise<ExitCode> {
    const { directory, sinks } = this.configuration;
    const checked: CheckedSink[] = [];
    const rows: CheckRow[] = [ok("configuration", "", `${directory}: ${plural(sinks.length, "sink")}`)];
    let incomplete = false;
    let source: ServerSource | undefined;
    let directories: ReadonlySet<string> = new Set();
    try {
      try {
        source = await this.openSource();
        const found = await this.#checkServer(source);
        rows.push(...found.rows);
        directories = found.directories;
      } catch (error) {
        this.signal.throwIfAborted();
        incomplete ||= exitCodeOf(error) === EXIT_CODES.configuration;
        rows.push(failedRow("server", "", error));
      }
      // What is wrong with the server needn't be told once more for each sink.
      const usable = rows.some((row) => row.outcome === "failed") ? undefined : source;
      try {
        const selected = this.sinks.select([]);
        rows.push(...(await openFileRows(selected.map(({ connections }) => connections))));
        for (const sink of selected) rows.push(...(await this.#checkSink(sink, usable, checked)));
        rows.push(...(await this.#checkDisks(selected, directories)));
      } catch (error) {
        this.signal.throwIfAborted();
        incomplete ||= exitCodeOf(error) === EXIT_CODES.configuration;
        rows.push(failedRow("sinks", "", error));
      }
    } finally {
      await source?.close();
    }
    rows.push(...(await serviceRows(this.configuration, this.secrets, this.signal)));
    this.output.result({ json: checkJson(rows, checked), text: checkText(rows, checked) });
    if (!rows.some((row) => row.outcome === "failed")) return EXIT_CODES.ok;
    return incomplete ? EXIT_CODES.configuration : EXIT_CODES.failed;
  }

  async #checkServer(source: ServerSource): Promise<ServerCheck> {
    const { server } = this.configuration;
    // Without a server, opening has failed.
    return server === undefined
      ? { rows: [], directories: new Set() }
      : checkServer(source, this.configuration, server, this.#waiting());
  }

  /** Whether a disk that fails takes the server's files and the backup. */
  async #checkDisks(
    selected: readonly ConfiguredSink[],
    directories: ReadonlySet<string>,
  ): Promise<readonly CheckRow[]> {
    const server = new Set<string>();
    for (const directory of directories) for (const disk of await disksOf(directory)) server.add(disk);
    if (server.size === 0) return [];
    const places: SinkPlace[] = [];
    for (const { name, directory } of selected)
      places.push({ sink: name, disks: directory === undefined ? undefined : await disksOf(directory) });
    return diskRows(server, places);
  }

  /** Whether a backup would go on from what the sink has. */
  async #checkHistory(
    name: string,
    repository: Repository | undefined,
    source: ServerSource | undefined,
  ): Promise<readonly CheckRow[]> {
    if (repository === undefined || source === undefined) return [];
    try {
      const contexts = this.configuration.contexts ?? (await source.identify(this.signal)).contexts;
      const changes = await this.engine.compareHistory(repository, source, contexts, { signal: this.signal });
      return historyRows(name, changes);
    } catch (error) {
      this.signal.throwIfAborted();
      return [failedRow("history", name, error)];
    }
  }

  #waiting(sink?: string): Waiting {
    const say = (text: string): void => {
      this.output.log.info(text, sink === undefined ? {} : { sink });
    };
    return { signal: this.signal, say };
  }

  async #checkSink(
    named: ConfiguredSink,
    source: ServerSource | undefined,
    checked: CheckedSink[],
  ): Promise<readonly CheckRow[]> {
    const { name, connections } = named;
    const { signal } = this;
    // For all of these together: what is reached and then says nothing isn't waited for anew each time.
    const started = performance.now();
    const waiting = (): Waiting => ({
      ...this.#waiting(name),
      patience: Math.max(1, Math.round(FIRST_ANSWER - (performance.now() - started))),
    });
    const open = () =>
      firstAnswer(
        "the storage",
        waiting(),
        (inTime) => named.bare(inTime),
        noAnswer,
        (sink) => sink.close(),
      );
    try {
      return await withSink({ name, open }, "write", async (sink) => {
        // First: a place that holds something else is not written to.
        const [repository, points] = await firstAnswer("the storage", waiting(), async (inTime) => {
          const opened = await this.engine.openRepository(sink, inTime);
          return [opened, await opened?.restorePoints()] as const;
        });
        const holds = points === undefined ? "no repository yet" : plural(points.length, "restore point");
        const found = await checkSink({
          sink,
          reopen: () => named.bare(),
          connections,
          waiting: this.#waiting(name),
        });
        checked.push({ sink: name, capabilities: found.capabilities });
        const free = await sink.freeBytes?.({ signal });
        const space = free === undefined ? "" : `; ${formatBytes(free)} free`;
        return [
          ...sinkRows(name, `${holds}${space}`, found, named.service.continuous.enabled),
          ...lockRows(name, repository && (await this.engine.readLock(sink, { signal }))),
          ...(await this.#checkHistory(name, repository, source)),
        ];
      });
    } catch (error) {
      signal.throwIfAborted();
      return [failedRow("sink", name, error)];
    }
  }
}
