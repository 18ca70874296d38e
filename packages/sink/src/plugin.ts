import type { JsonSchema } from "./json-schema.js";
import type { Sink } from "./sink.js";

/** The version of this contract. It changes when a sink written for the old one would no longer work. */
export const CONTRACT_VERSION = 1;

/**
 * What a plugin's package exports as `plugin` (or as its default):
 *
 * ```ts
 * export const plugin: SinkPlugin<Options> = { contract: CONTRACT_VERSION, type: "webdav", optionsSchema, open };
 * ```
 */
export interface SinkPlugin<Options = unknown> {
  /** The contract that the plugin was written for: `CONTRACT_VERSION` at that time. */
  readonly contract: number;
  /**
   * The sink's short name: lower-case letters, digits and `-`. Operators write as `type:` the name of the package; for one called
   * `axon-backup-sink-<type>` this name alone will do.
   */
  readonly type: string;
  /** One line for people: "Directories on this machine". */
  readonly description: string;
  /**
   * How many calls at a time this storage takes well, if the operator doesn't say (`connections`). Default 4. The engine keeps to it: a sink needn't.
   */
  readonly connections?: number;
  /** Schema of the options: all keys of the sink's YAML that aren't the agent's own (`type`, `enabled`, `retention`, `limits`, …). */
  readonly optionsSchema: JsonSchema;
  /**
   * Opens the sink. `options` have passed the schema, defaults are filled in, secrets are `Secret`s.
   * Rejects with a `SinkError` when the storage can't be had, or can't keep the contract: better now than in mid-run.
   */
  open(options: Options, context: OpenContext): Promise<Sink>;
}

/** What the agent gives a plugin besides its options. */
export interface OpenContext {
  /** The sink's name: that of its YAML file. */
  readonly name: string;
  /** Reading commands open with `read`: nothing may be created or changed then, and the storage may be read-only. */
  readonly purpose: "read" | "write";
  /** Ends the opening early, with its reason; each call has a signal of its own. */
  readonly signal?: AbortSignal;
  /** For facts worth keeping (connected, chose a part size). Errors are returned, never logged. */
  readonly log?: SinkLog;
}

/** Structured logging: a message and its fields. */
export type SinkLog = (
  level: "debug" | "info" | "warn",
  message: string,
  fields?: Readonly<Record<string, unknown>>,
) => void;
