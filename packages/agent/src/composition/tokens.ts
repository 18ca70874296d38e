import type { DependencyContainer, InjectionToken } from "tsyringe";
import type { SignalDiverter } from "../process.js";
import type { SecretContext } from "../secrets/resolve.js";
import type { Configuration } from "../config/types.js";
import type { SinkPlugins } from "../config/sink-file.js";
import type { Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import type { GlobalOptions } from "../cli/request.js";
import type { Engine } from "./engine.js";
import type { ConfiguredSinks } from "./sinks.js";
import type { OpenServer, OpenSource } from "./source.js";

/**
 * What commands are given. Whatever holds a resource (the server's connection, a sink) is opened by the command that uses it, and closed
 * there: the container closes nothing.
 */
export const OUTPUT: InjectionToken<Output> = Symbol("Output");
export const SIGNALS: InjectionToken<SignalDiverter> = Symbol("SignalDiverter");
export const SIGNAL: InjectionToken<AbortSignal> = Symbol("AbortSignal");
export const CONFIGURATION: InjectionToken<Configuration> = Symbol("Configuration");
export const SINKS: InjectionToken<ConfiguredSinks> = Symbol("ConfiguredSinks");
export const OPEN_SOURCE: InjectionToken<OpenSource> = Symbol("OpenSource");
export const OPEN_SERVER: InjectionToken<OpenServer> = Symbol("OpenServer");
/** The container of a command that works with the configuration, as it is by then: for one that has written it, or goes on with another. */
export const COMPOSE: InjectionToken<() => Promise<DependencyContainer>> = Symbol("compose");
export const ENGINE: InjectionToken<Engine> = Symbol("Engine");
/** How the configuration's references to secrets are read. */
export const SECRETS: InjectionToken<SecretContext> = Symbol("SecretContext");
export const PLUGINS: InjectionToken<SinkPlugins> = Symbol("SinkPlugins");
/** Takes secrets out of a text that isn't printed: what is, is cleaned by the streams. */
export const REDACT: InjectionToken<(text: string) => string> = Symbol("redact");
export const GLOBALS: InjectionToken<GlobalOptions> = Symbol("GlobalOptions");
export const STREAMS: InjectionToken<Streams> = Symbol("Streams");
