import { readdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { toAgentConfiguration } from "./agent-file.js";
import { checkPlaces, placesOf } from "./places.js";
import { type ConfigurationProblem, ConfigurationError } from "./problem.js";
import { realPlaces } from "./real-places.js";
import { loadSinkFile, type SinkPlugins } from "./sink-file.js";
import { AGENT_SCHEMA } from "./agent-schema.js";
import { DEFAULT_SERVICE } from "./service-section.js";
import { DEFAULT_SINK_SERVICE, type SinkService } from "./sink-service.js";
import { type Configuration, DEFAULT_LOG, type SinkConfiguration } from "./types.js";
import { validate } from "./validate.js";
import { readYamlFile } from "./yaml-file.js";

/**
 * Reads `agent.yaml` and `sinks.d/*.yaml` and checks them. Reads only; nothing is ever written there.
 *
 * A folder without `agent.yaml` is right as long as nobody asks for the server: for a restore on a new machine, a sink is enough.
 * @throws ConfigurationError with every problem of every file; the signal's reason
 */
export async function loadConfiguration(
  folder: string,
  plugins: SinkPlugins,
  signal?: AbortSignal,
): Promise<Configuration> {
  const directory = resolve(folder);
  const entries = await readFolder(directory);
  const problems: ConfigurationProblem[] = [];
  const agent = entries.includes("agent.yaml")
    ? await loadAgentFile(join(directory, "agent.yaml"), problems, signal)
    : undefined;
  if (!entries.includes("agent.yaml") && entries.includes("agent.yml"))
    problems.push({
      file: join(directory, "agent.yml"),
      key: "",
      message: "the file must be called agent.yaml",
    });
  const sinks = entries.includes("sinks.d")
    ? await loadSinks(join(directory, "sinks.d"), { plugins, defaults: agent?.sinkService, problems, signal })
    : [];
  const places = await realPlaces(placesOf(sinks, agent?.server));
  problems.push(...checkPlaces(sinks, agent?.server, places));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    directory,
    server: agent?.server,
    contexts: agent?.contexts,
    log: agent?.log ?? DEFAULT_LOG,
    service: agent?.service ?? DEFAULT_SERVICE,
    notifications: agent?.notifications ?? [],
    sinks,
  };
}

async function loadAgentFile(path: string, problems: ConfigurationProblem[], signal?: AbortSignal) {
  const file = await attempt(path, problems, () => readYamlFile(path, signal));
  if (file === undefined) return undefined;
  if (!("content" in file)) {
    problems.push(...file);
    return undefined;
  }
  if (file.content === null || file.content === undefined) {
    problems.push({
      file: path,
      key: "",
      message: `the file is empty; its shortest content is: ${SMALLEST_AGENT}`,
    });
    return undefined;
  }
  const found = validate(file, AGENT_SCHEMA);
  if (found.problems.length > 0) {
    problems.push(...found.problems);
    return undefined;
  }
  const agent = toAgentConfiguration(file);
  if ("problems" in agent) {
    problems.push(...agent.problems);
    return undefined;
  }
  return agent;
}

/** For messages, on one line. */
export const SMALLEST_AGENT = "server: {url: http://localhost:8024}";
/** For messages, on one line. */
export const SMALLEST_SINK = "{type: local, path: /mnt/nas/axon}";

async function loadSinks(
  directory: string,
  {
    plugins,
    defaults = DEFAULT_SINK_SERVICE,
    problems,
    signal,
  }: {
    readonly plugins: SinkPlugins;
    readonly defaults: SinkService | undefined;
    readonly problems: ConfigurationProblem[];
    readonly signal: AbortSignal | undefined;
  },
): Promise<SinkConfiguration[]> {
  const names = (await attempt(directory, problems, () => readdir(directory))) ?? [];
  const sinks: SinkConfiguration[] = [];
  for (const name of names.sort()) {
    // Editors' backups and the like are nobody's sinks; a .yml was meant as one.
    if (name.startsWith(".")) continue;
    const path = join(directory, name);
    if (name.endsWith(".yml"))
      problems.push({ file: path, key: "", message: "the file's name must end in .yaml" });
    if (!name.endsWith(".yaml")) continue;
    const sink = await attempt(path, problems, () =>
      loadSinkFile(path, name.slice(0, -".yaml".length), plugins, defaults, signal),
    );
    if (sink === undefined) continue;
    if ("problems" in sink) problems.push(...sink.problems);
    else sinks.push(sink);
  }
  return sinks;
}

async function readFolder(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    const code = codeOf(error);
    const message =
      code === "ENOENT"
        ? "there is no such folder"
        : code === "ENOTDIR"
          ? "is a file; the folder that holds it is needed"
          : `can't be read (${code})`;
    throw new ConfigurationError(
      [{ file: directory, key: "", message }],
      code === "EACCES"
        ? "Run axon-backup as the user that may read it, or give this user the right to."
        : `Create it with agent.yaml (${SMALLEST_AGENT}) and sinks.d/<name>.yaml (${SMALLEST_SINK}), or name another folder with --config DIR.`,
    );
  }
}

/** Turns "can't be read" into a problem among the others. */
async function attempt<T>(
  path: string,
  problems: ConfigurationProblem[],
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    const advice = code === "EACCES" ? ": let the agent's user read it" : "";
    problems.push({ file: path, key: "", message: `can't be read (${code})${advice}` });
    return undefined;
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && "syscall" in error ? String(error.code) : undefined;
}
