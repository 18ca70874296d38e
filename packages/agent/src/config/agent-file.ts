import { toSecretReference, type SecretReference } from "../secrets/reference.js";
import { parseDuration } from "./duration.js";
import { type NotificationKeys, toNotifications } from "./notifications.js";
import type { NotificationChannel } from "./notifications-types.js";
import type { ConfigurationProblem } from "./problem.js";
import { SectionReader } from "./section-reader.js";
import { type ServiceConfiguration, type ServiceKeys, toServiceConfiguration } from "./service-section.js";
import {
  DEFAULT_SINK_SERVICE,
  type SinkService,
  type SinkServiceKeys,
  toSinkService,
} from "./sink-service.js";
import {
  DEFAULT_LOG,
  type LogConfiguration,
  type PathMapping,
  type ServerConfiguration,
  type TlsConfiguration,
} from "./types.js";
import type { YamlFile } from "./yaml-file.js";

/** `agent.yaml` as it is written, after the schema has been checked. */
interface AgentFile extends SinkServiceKeys {
  readonly server: {
    readonly url: string;
    readonly token?: SecretReference;
    readonly tls?: {
      readonly ca?: string;
      readonly cert?: string;
      readonly key?: SecretReference | string;
      readonly server_name?: string;
    };
    readonly storage?: readonly string[];
    readonly control_db?: readonly string[];
    readonly remove_control_db_zips?: boolean;
    readonly paths?: readonly PathMapping[];
    readonly timeouts?: Readonly<Partial<Record<"connect" | "request" | "control_db", string>>>;
  };
  readonly contexts?: readonly string[];
  readonly log?: Partial<LogConfiguration>;
  readonly service?: ServiceKeys;
  readonly notifications?: readonly NotificationKeys[];
}

export interface AgentConfiguration {
  readonly server: ServerConfiguration;
  readonly contexts: readonly string[] | undefined;
  readonly log: LogConfiguration;
  readonly service: ServiceConfiguration;
  readonly notifications: readonly NotificationChannel[];
  /** What sinks do that say nothing themselves. */
  readonly sinkService: SinkService;
}

/** The content of a file that fits the schema, with what a schema can't say checked as well. */
export function toAgentConfiguration(
  file: YamlFile,
): AgentConfiguration | { readonly problems: readonly ConfigurationProblem[] } {
  const {
    server,
    contexts,
    log,
    service: serviceKeys = {},
    notifications = [],
    ...keys
  } = file.content as AgentFile;
  const problems: ConfigurationProblem[] = [];
  const complain = (path: readonly string[], message: string) =>
    problems.push({ file: file.path, ...file.position(path, "value"), key: path.join("."), message });

  if (!URL.canParse(server.url)) complain(["server", "url"], "isn't a URL; write http://host:8024");
  if (server.tls && server.url.startsWith("http:"))
    complain(["server", "tls"], "is for https, and server.url begins with http://; one of them is wrong");
  for (const [path, directory] of directoriesOf(server))
    if (directory.split("/").includes(".."))
      complain(["server", ...path], "must be without `..`: write the directory that it leads to");
  if (server.remove_control_db_zips === true && server.control_db === undefined)
    complain(
      ["server", "remove_control_db_zips"],
      "needs server.control_db: nothing outside of the directories that it names is ever removed",
    );
  const timeouts = readTimeouts(server.timeouts ?? {}, complain);
  const service = toServiceConfiguration(new SectionReader(file, ["service"], problems), serviceKeys);
  const notified = toNotifications(new SectionReader(file, ["notifications"], problems), notifications);
  const sinkService = toSinkService(file, keys, DEFAULT_SINK_SERVICE);
  if ("problems" in sinkService) problems.push(...sinkService.problems);
  if (problems.length > 0 || "problems" in sinkService) return { problems };

  return {
    server: {
      url: server.url,
      ...(server.token ? { token: server.token } : {}),
      ...(server.tls ? { tls: toTls(server.tls) } : {}),
      ...(server.storage ? { storage: server.storage } : {}),
      ...(server.control_db ? { controlDb: server.control_db } : {}),
      ...(server.remove_control_db_zips === true ? { removeControlDbZips: true } : {}),
      paths: server.paths ?? [],
      timeouts,
    },
    contexts,
    log: { ...DEFAULT_LOG, ...log },
    service,
    notifications: notified,
    sinkService,
  };
}

/** Every directory of the section `server`, with its path below it. */
function directoriesOf({
  storage = [],
  control_db = [],
  paths = [],
}: AgentFile["server"]): readonly (readonly [path: readonly string[], directory: string])[] {
  return [
    ...storage.map((directory, at) => [["storage", String(at)], directory] as const),
    ...control_db.map((directory, at) => [["control_db", String(at)], directory] as const),
    ...paths.flatMap(({ server, local }, at) => [
      [["paths", String(at), "server"], server] as const,
      [["paths", String(at), "local"], local] as const,
    ]),
  ];
}

function toTls(tls: NonNullable<AgentFile["server"]["tls"]>): TlsConfiguration {
  return {
    ...(tls.ca === undefined ? {} : { ca: tls.ca }),
    ...(tls.cert === undefined ? {} : { cert: tls.cert }),
    ...(tls.key === undefined ? {} : { key: toSecretReference(tls.key) }),
    ...(tls.server_name === undefined ? {} : { serverName: tls.server_name }),
  };
}

function readTimeouts(
  texts: NonNullable<AgentFile["server"]["timeouts"]>,
  complain: (path: readonly string[], message: string) => unknown,
): ServerConfiguration["timeouts"] {
  const read = (key: "connect" | "request" | "control_db") => {
    const text = texts[key];
    if (text === undefined) return undefined;
    try {
      return parseDuration(text);
    } catch (error) {
      complain(["server", "timeouts", key], error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const [connect, request, controlDb] = [read("connect"), read("request"), read("control_db")];
  return {
    ...(connect === undefined ? {} : { connect }),
    ...(request === undefined ? {} : { request }),
    ...(controlDb === undefined ? {} : { controlDb }),
  };
}
