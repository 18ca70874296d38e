import type { SinkPlugin } from "@axon-backup/sink";
import type { RetentionRules, SinkPolicy } from "@axon-backup/core";
import type { SecretReference } from "../secrets/reference.js";
import type { NotificationChannel } from "./notifications-types.js";
import type { ServiceConfiguration } from "./service-section.js";
import type { SinkService } from "./sink-service.js";

/** What the operator configured: checked, defaults filled in, secrets still references. */
export interface Configuration {
  /** Absolute path of the folder that it comes from. */
  readonly directory: string;
  /** Undefined when there is no agent.yaml: reading commands work without a server. */
  readonly server: ServerConfiguration | undefined;
  /** The contexts to back up; undefined is every one that the server stores. */
  readonly contexts: readonly string[] | undefined;
  readonly log: LogConfiguration;
  /** The service's HTTP server. */
  readonly service: ServiceConfiguration;
  /** Whom the service tells of what happens. */
  readonly notifications: readonly NotificationChannel[];
  /** Sorted by name; those that are switched off as well. */
  readonly sinks: readonly SinkConfiguration[];
}

export interface ServerConfiguration {
  readonly url: string;
  readonly token?: SecretReference;
  readonly tls?: TlsConfiguration;
  /** Directories, on this machine, that the server keeps its segments in. */
  readonly storage?: readonly string[];
  /** Directories, on this machine, that the server writes its control DB backups to. */
  readonly controlDb?: readonly string[];
  /** Whether a backup removes the control DB zip that the server wrote for it, once every sink has it. */
  readonly removeControlDbZips?: boolean;
  /** What is `server` there is `local` here. */
  readonly paths: readonly PathMapping[];
  /** Milliseconds; the client's defaults where left out. */
  readonly timeouts: { readonly connect?: number; readonly request?: number; readonly controlDb?: number };
}

export interface PathMapping {
  readonly server: string;
  readonly local: string;
}

/** Paths of PEM files, or references. */
export interface TlsConfiguration {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: SecretReference;
  readonly serverName?: string;
}

export interface LogConfiguration {
  readonly level: "debug" | "info" | "warn" | "error";
  /** `auto` is text on a terminal and JSON elsewhere. */
  readonly format: "auto" | "json" | "text";
}

/** One file of `sinks.d`. */
export interface SinkConfiguration {
  /** The file's name without `.yaml`. */
  readonly name: string;
  readonly file: string;
  readonly type: string;
  readonly enabled: boolean;
  /** Connections, limits, time-outs and retries. */
  readonly policy: SinkPolicy;
  /** Which restore points to keep. All, if left out. */
  readonly retention?: RetentionRules;
  /** What the service does for it, and when: agent.yaml's sections, with its own in their place. */
  readonly service: SinkService;
  /** The plugin's own options: they have passed its schema. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Where in `options` secrets are, as JSON pointers; there stands a reference. */
  readonly secrets: readonly string[];
  /** Left out when the sink is switched off and its plugin isn't one that comes with the agent. */
  readonly plugin?: SinkPlugin;
  /** What an operator should mend although it works. */
  readonly warnings: readonly string[];
}

/** The logging of an agent without `agent.yaml`. */
export const DEFAULT_LOG: LogConfiguration = { level: "info", format: "auto" };
