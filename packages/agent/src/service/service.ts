import { isDeepStrictEqual } from "node:util";
import type { Engine } from "../composition/engine.js";
import type { ConfiguredSinks } from "../composition/sinks.js";
import type { OpenSource } from "../composition/source.js";
import type { Configuration } from "../config/types.js";
import { isNothingScheduled, NOTHING_SCHEDULED } from "../config/nothing-scheduled.js";
import { describeError, type ErrorDescription } from "../errors/describe-error.js";
import type { Log } from "../output/log.js";
import { VERSION } from "../version.js";
import { Crew } from "./crew.js";
import { Heartbeats } from "./heartbeats.js";
import { Listeners } from "./listeners.js";
import type { ServiceEvent, ServiceListener, ServiceState, ServiceView } from "./model.js";
import { Punctuality } from "./punctuality.js";
import { ServerBoard } from "./server-board.js";
import { openSite, type Site, siteKey } from "./site.js";
import type { Time } from "./time.js";

/** A configuration that has been checked, and what is made of it. */
export interface ServiceParts {
  readonly configuration: Configuration;
  readonly sinks: ConfiguredSinks;
  readonly openSource: OpenSource;
  /** What the secrets of each sink are known by, and of the server, under "": other ones are another configuration. */
  readonly secrets: ReadonlyMap<string, string>;
}

export interface ServiceOptions {
  readonly engine: Pick<Engine, "backup" | "verify" | "prune" | "openRepository" | "follow" | "watchSource">;
  readonly log: Log;
  readonly redact: (text: string) => string;
  readonly time: Time;
  /** From 0 to below 1. */
  readonly random: () => number;
}

/** How often it is looked whether promises are kept. Milliseconds. */
const LOOK = 1000;

/** Everything that `axon-backup run` does: the server, a worker for each sink, and what is known of them. */
export class Service implements ServiceView {
  readonly #started: Date;
  readonly #server: ServerBoard;
  readonly #crew: Crew;
  readonly #listeners: Listeners;
  readonly #punctuality = new Punctuality();
  readonly #heartbeats = new Heartbeats();
  #site: { readonly key: ReturnType<typeof siteKey>; readonly site: Site } | undefined;
  #rejected: ErrorDescription | undefined;
  #isNothingScheduled = false;
  #isStopping = false;
  #cancelLook = (): void => undefined;
  #break: (error: unknown) => void = () => undefined;

  /** Rejects when something is wrong with the service itself. */
  readonly broken: Promise<never>;

  constructor(private readonly options: ServiceOptions) {
    const { time, log, redact } = options;
    this.#started = time.now();
    this.#server = new ServerBoard(log, redact);
    this.broken = new Promise((_, reject) => {
      this.#break = reject;
    });
    // Whoever waits for it hears of it; nobody has to.
    this.broken.catch(() => undefined);
    this.#crew = new Crew(time, (error) => {
      this.#break(error);
    });
    this.#listeners = new Listeners(
      time.clock,
      () => this.state(),
      (error) => {
        log.error(`a listener of the service failed: ${describeError(error).message}`);
      },
    );
    this.#look();
  }

  state(): ServiceState {
    const now = this.options.time.now();
    return {
      version: VERSION,
      started: this.#started,
      server: this.#server.state(),
      serverProblem: this.#server.problem,
      sinks: this.#crew.workers.map((worker) => worker.state(now)),
      isNothingScheduled: this.#isNothingScheduled,
      rejectedConfiguration: this.#rejected,
      isStopping: this.#isStopping,
    };
  }

  subscribe(listener: ServiceListener): () => void {
    return this.#listeners.add(listener);
  }

  /**
   * Goes by this configuration from now on. Sinks that are the same in it go on undisturbed.
   * @returns the names of the sinks whose work begins anew or has ended, and whether anything has changed
   * @throws ConfigurationError, SecretError; then nothing has changed
   */
  async take(parts: ServiceParts): Promise<readonly string[]> {
    const { engine, time, log, random, redact } = this.options;
    const { configuration, sinks, openSource, secrets } = parts;
    const chosen = sinks.select([]);
    const key = siteKey(configuration, secrets.get(""));
    const before = this.#site;
    const isSame = before !== undefined && isDeepStrictEqual(before.key, key);
    const site = isSame
      ? before.site
      : await openSite(key, openSource, engine, time, (event) => {
          if (this.#server.watched(event)) for (const worker of this.#crew.workers) worker.retryNow();
          this.#listeners.changed();
        });
    this.#site = { key, site };
    const byName = new Map(configuration.sinks.map((sink) => [sink.name, sink]));
    const changed = await this.#crew.assign(
      chosen.map((sink) => {
        const configured = { ...byName.get(sink.name), warnings: [], plugin: undefined };
        return { sink, key: [key, configured, secrets.get(sink.name)] };
      }),
      {
        engine,
        source: site.source,
        watch: site.watch,
        contexts: configuration.contexts,
        removeControlDbZip: configuration.server?.removeControlDbZips === true,
        redact,
        log,
        time,
        random,
        onChange: () => {
          this.#listeners.changed();
        },
        onEvent: (event) => {
          this.#listeners.happened(event);
        },
      },
    );
    if (!isSame) await before?.site.close();
    this.#rejected = undefined;
    this.#isNothingScheduled = isNothingScheduled(chosen);
    if (this.#isNothingScheduled) log.warn(NOTHING_SCHEDULED.message, { remedy: NOTHING_SCHEDULED.remedy });
    this.#listeners.changed();
    return changed;
  }

  /** The configuration on the disk is wrong: the one in use stays. */
  rejected(error: unknown): void {
    const description = describeError(error);
    this.#rejected = description;
    this.tell({ kind: "configuration-rejected", at: this.options.time.now(), error: description });
  }

  /** Tells everybody who listens. */
  tell(event: ServiceEvent): void {
    this.#listeners.happened(event);
  }

  /** Makes a restore point on every sink now. */
  restorePointNow(why: string): void {
    for (const worker of this.#crew.workers) worker.restorePointNow(why);
  }

  /** The sinks whose work gets on nowhere. */
  stuck(): readonly string[] {
    return this.#heartbeats.stuck(this.#crew.workers, this.options.time.clock.now());
  }

  /** Ends everything, within ten seconds. @returns the names of the sinks whose work didn't end in time, and is left to itself */
  async stop(signalName: string): Promise<readonly string[]> {
    this.#isStopping = true;
    this.#cancelLook();
    this.tell({ kind: "stopping", at: this.options.time.now(), signal: signalName });
    const late = await this.#crew.end();
    if (late.length === 0) await this.#site?.site.close();
    this.#listeners.close();
    return late;
  }

  #look(): void {
    const { time } = this.options;
    const facts = this.#crew.workers.map((worker) => worker.facts());
    for (const event of this.#punctuality.look(facts, time.now())) this.tell(event);
    this.#cancelLook = time.clock.after(LOOK, () => {
      this.#look();
    });
  }
}
