import {
  type NamedSink,
  openSink,
  type RetentionRules,
  SinkCounters,
  type SinkCounts,
} from "@axon-backup/core";
import type { Sink, SinkLog } from "@axon-backup/sink";
import { SMALLEST_SINK } from "../config/load.js";
import { localPath } from "../config/places.js";
import { ConfigurationError } from "../config/problem.js";
import { nearest } from "../config/suggest.js";
import type { SinkService } from "../config/sink-service.js";
import type { Configuration, SinkConfiguration } from "../config/types.js";
import { UsageError } from "../errors/usage-error.js";
import type { Log } from "../output/log.js";
import type { SecretReference } from "../secrets/reference.js";
import { resolveSecret, type SecretContext } from "../secrets/resolve.js";
import { Retries, type RetriedNow } from "./retries.js";
import { sinkHooks } from "./sink-hooks.js";

/** What opening sinks needs. */
export interface SinkEnvironment {
  readonly secrets: SecretContext;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** A sink of the configuration, not open yet. */
export interface ConfiguredSink extends NamedSink {
  /** How many calls at a time its storage takes well. */
  readonly connections: number;
  /** The directory of this machine that it is, if it is one. */
  readonly directory: string | undefined;
  /** Which restore points to keep on it. All, if left out. */
  readonly retention?: RetentionRules;
  /** `local`, `s3`, … */
  readonly type: string;
  /** What the service does for it, and when. */
  readonly service: SinkService;
  /** The signal is the command's, if left out. */
  open(purpose: "read" | "write", signal?: AbortSignal): Promise<Sink>;
  /** What went on at it so far; undefined if it was never opened. */
  counts(): SinkCounts | undefined;
  /** A call to it that fails, and is made again now. */
  retrying(): RetriedNow | undefined;
  /** The sink as its plugin opens it, for writing: for `check`, which is after what the storage itself does. The signal is the command's, if left out. */
  bare(signal?: AbortSignal): Promise<Sink>;
}

/** The sinks of the configuration, not open yet. */
export class ConfiguredSinks {
  readonly #counters = new Map<string, SinkCounters>();
  readonly #retries = new Map<string, Retries>();

  constructor(
    private readonly configuration: Configuration,
    private readonly environment: SinkEnvironment,
  ) {}

  /**
   * The sinks of these names; all that are enabled, without names.
   * @throws UsageError for a name that isn't there; ConfigurationError when there is no sink at all
   */
  select(names: readonly string[]): readonly ConfiguredSink[] {
    const enabled = this.configuration.sinks.filter((sink) => sink.enabled);
    if (enabled.length === 0) throw this.#noSinks();
    const chosen = names.length === 0 ? enabled : [...new Set(names)].map((name) => this.#find(name));
    return chosen.map((sink) => ({
      name: sink.name,
      connections: sink.policy.connections,
      directory: localPath(sink),
      ...(sink.retention && { retention: sink.retention }),
      type: sink.type,
      service: sink.service,
      open: (purpose, signal = this.environment.signal) => this.#open(sink, purpose, signal),
      counts: () => this.#counters.get(sink.name)?.snapshot(),
      retrying: () => this.#retries.get(sink.name)?.oldest,
      bare: (signal = this.environment.signal) => this.#openBare(sink, "write", signal),
    }));
  }

  /** The sink of this name; the only one, without a name. @throws UsageError when there are several */
  one(name: string | undefined): NamedSink {
    const [only] = this.inOrder(name === undefined ? [] : [name]);
    if (only === undefined) throw this.#noSinks();
    return only;
  }

  /** The sinks of these names, in their order; the only one, without names. @throws UsageError when there are several: the order matters, and nobody has said it */
  inOrder(names: readonly string[]): readonly NamedSink[] {
    const chosen = this.select(names);
    if (names.length > 0 || chosen.length === 1) return chosen;
    const all = chosen.map(({ name }) => name);
    throw new UsageError(
      "there are several sinks",
      `Name the one to restore from with --sink: ${all.join(", ")}. Or several, the first one first: the others stand in for what is damaged there.`,
    );
  }

  /** What went on at the sinks that were opened, so far, by name. */
  counts(): Readonly<Record<string, SinkCounts>> {
    return Object.fromEntries([...this.#counters].map(([name, counters]) => [name, counters.snapshot()]));
  }

  #find(name: string): SinkConfiguration {
    const { sinks } = this.configuration;
    const found = sinks.find((sink) => sink.name === name);
    if (found?.enabled === true) return found;
    if (found)
      throw new UsageError(`the sink ${name} is switched off`, `Set enabled: true in ${found.file}.`);
    const names = sinks.map((sink) => sink.name);
    const near = nearest(name, names);
    throw new UsageError(
      `there is no sink ${JSON.stringify(name)}`,
      near === undefined ? `The sinks are: ${names.join(", ")}.` : `Did you mean ${near}?`,
    );
  }

  #log(name: string): SinkLog {
    return (level, message, fields) => {
      this.environment.log[level](message, Object.assign({}, fields, { sink: name }));
    };
  }

  /** Every command's way to a sink: what wraps it is the same for all. */
  #open(sink: SinkConfiguration, purpose: "read" | "write", outer: AbortSignal): Promise<Sink> {
    const counters = this.#counters.get(sink.name) ?? new SinkCounters();
    this.#counters.set(sink.name, counters);
    const retries = this.#retries.get(sink.name) ?? new Retries();
    this.#retries.set(sink.name, retries);
    return openSink(
      (signal) => this.#openBare(sink, purpose, signal),
      sink.policy,
      sinkHooks(this.#log(sink.name), counters, retries),
      outer,
    );
  }

  async #openBare(
    { name, plugin, options, secrets }: SinkConfiguration,
    purpose: "read" | "write",
    signal: AbortSignal,
  ): Promise<Sink> {
    if (plugin === undefined) throw new Error(`the sink ${name} is switched off`);
    const resolved = await withSecrets(options, secrets, (reference, pointer) =>
      resolveSecret(
        reference,
        `${name}.yaml: ${pointer.slice(1).replaceAll("/", ".")}`,
        this.environment.secrets,
      ),
    );
    return plugin.open(resolved, { name, purpose, signal, log: this.#log(name) });
  }

  #noSinks(): ConfigurationError {
    const { directory, sinks } = this.configuration;
    const message =
      sinks.length === 0 ? "there is no sink: no file sinks.d/<name>.yaml" : "every sink is switched off";
    return new ConfigurationError(
      [{ file: directory, key: "", message }],
      `Write one: a file sinks.d/<name>.yaml with ${SMALLEST_SINK}, for instance.`,
    );
  }
}

/** A copy of `options` with the values of the secrets at these JSON pointers. */
export async function withSecrets(
  options: Readonly<Record<string, unknown>>,
  pointers: readonly string[],
  resolve: (reference: SecretReference, pointer: string) => Promise<unknown>,
): Promise<unknown> {
  const copy = structuredClone(options) as Record<string, unknown>;
  for (const pointer of pointers) {
    const parts = pointer
      .split("/")
      .slice(1)
      .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = parts.pop();
    let at = copy;
    for (const part of parts) at = at[part] as Record<string, unknown>;
    if (last !== undefined) at[last] = await resolve(at[last] as SecretReference, pointer);
  }
  return copy;
}
