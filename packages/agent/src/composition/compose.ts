import "reflect-metadata";
import { container, type DependencyContainer } from "tsyringe";
import type { GlobalOptions } from "../cli/request.js";
import { loadConfiguration } from "../config/load.js";
import type { SinkPlugins } from "../config/sink-file.js";
import { DEFAULT_LOG } from "../config/types.js";
import { createOutput, type Output } from "../output/output.js";
import type { Streams } from "../output/streams.js";
import type { SignalDiverter } from "../process.js";
import type { Redactor } from "../secrets/redactor.js";
import type { SecretContext } from "../secrets/resolve.js";
import { engine } from "./engine.js";
import { installedPlugins } from "./plugins.js";
import { ConfiguredSinks } from "./sinks.js";
import { serverOpener, sourceOpener } from "./source.js";
import {
  COMPOSE,
  CONFIGURATION,
  ENGINE,
  GLOBALS,
  OPEN_SERVER,
  OPEN_SOURCE,
  OUTPUT,
  SECRETS,
  SIGNAL,
  SIGNALS,
  SINKS,
  STREAMS,
  PLUGINS,
  REDACT,
} from "./tokens.js";

/** What a run is composed of. */
export interface Environment {
  readonly globals: GlobalOptions;
  readonly streams: Streams;
  readonly redactor: Redactor;
  readonly signal: AbortSignal;
  /** What else can be told to the process; nothing, if left out. */
  readonly signals?: SignalDiverter;
  /** The ones that are installed, if left out. */
  readonly plugins?: SinkPlugins;
}

/** The container of a command that works without configuration. */
export function composeWithoutConfiguration(environment: Environment): DependencyContainer {
  return composeBasics(environment, createOutput(environment.globals, DEFAULT_LOG, environment.streams));
}

/**
 * The container of a command, with everything that the configuration tells. What is asynchronous is done before it is registered: the
 * container resolves synchronously.
 * @throws ConfigurationError
 */
export async function compose(environment: Environment): Promise<DependencyContainer> {
  const { globals, streams, redactor, signal, plugins = installedPlugins() } = environment;
  const configuration = await loadConfiguration(globals.config, plugins, signal);
  const output = createOutput(globals, configuration.log, streams);
  for (const { name, warnings } of configuration.sinks)
    for (const warning of warnings) output.log.warn(warning, { sink: name });
  const secrets: SecretContext = { env: streams.env, redactor, warn: output.log.warn, signal };
  return composeBasics(environment, output)
    .register(CONFIGURATION, { useValue: configuration })
    .register(SINKS, { useValue: new ConfiguredSinks(configuration, { secrets, log: output.log, signal }) })
    .register(OPEN_SOURCE, { useValue: sourceOpener(configuration, secrets) })
    .register(SECRETS, { useValue: secrets });
}

const DEAF: SignalDiverter = { divert: () => ({ [Symbol.dispose]: () => undefined }) };

function composeBasics(environment: Environment, output: Output): DependencyContainer {
  const { globals, streams, redactor, signal, signals = DEAF, plugins = installedPlugins() } = environment;
  const secrets: SecretContext = { env: streams.env, redactor, warn: output.log.warn, signal };
  return container
    .createChildContainer()
    .register(OUTPUT, { useValue: output })
    .register(SIGNAL, { useValue: signal })
    .register(SIGNALS, { useValue: signals })
    .register(GLOBALS, { useValue: globals })
    .register(STREAMS, { useValue: streams })
    .register(PLUGINS, { useValue: plugins })
    .register(REDACT, { useValue: (text: string) => redactor.redact(text) })
    .register(OPEN_SERVER, { useValue: serverOpener(globals.config, secrets) })
    .register(COMPOSE, { useValue: () => compose(environment) })
    .register(ENGINE, { useValue: engine });
}
