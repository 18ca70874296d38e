import {
  AxonServerClient,
  AxonServerSource,
  type AxonServerTls,
  type ServerSource,
} from "@axon-backup/axon-server";
import { SMALLEST_AGENT } from "../config/load.js";
import { ConfigurationError } from "../config/problem.js";
import type { Configuration, ServerConfiguration, TlsConfiguration } from "../config/types.js";
import { readSmallFile, UnsuitableFile } from "../files/read-small-file.js";
import { resolveSecret, type SecretContext } from "../secrets/resolve.js";

/** A system's whole collection of certificate authorities has a quarter of this. */
const MAX_CERTIFICATES_BYTES = 1024 * 1024;

/** Of a configuration, what the server is opened by. */
type ConfiguredServer = Pick<Configuration, "directory" | "server">;

/** Opens the server that is configured. Whoever calls it closes what it gives. */
export type OpenSource = () => Promise<ServerSource>;

/** Opens a server that isn't in the configuration yet. Whoever calls it closes what it gives. */
export type OpenServer = (server: ServerConfiguration) => Promise<ServerSource>;

/** How to open any server. Secrets are read when it is opened. @param directory the configuration's folder, for messages */
export function serverOpener(directory: string, secrets: SecretContext): OpenServer {
  return (server) => sourceOpener({ directory, server }, secrets)();
}

/**
 * How to open the server of this configuration. Secrets are read when it is opened.
 * The result rejects with ConfigurationError when no server is configured, or a file of its isn't there; SecretError
 */
export function sourceOpener(configuration: ConfiguredServer, secrets: SecretContext): OpenSource {
  return async () => {
    const { server, directory } = configuration;
    if (server === undefined)
      throw new ConfigurationError(
        [
          {
            file: `${directory}/agent.yaml`,
            key: "",
            message: "there is no such file, and this command needs the server",
          },
        ],
        `Write it; its shortest content is: ${SMALLEST_AGENT}`,
      );
    const token = server.token && (await resolveSecret(server.token, "server.token", secrets));
    const { connect, request, controlDb } = server.timeouts;
    const client = new AxonServerClient({
      url: server.url,
      ...(token ? { accessToken: () => token.reveal() } : {}),
      ...(server.tls ? { tls: await readTls(server.tls, configuration, secrets) } : {}),
      ...(connect === undefined ? {} : { connectTimeout: connect }),
      ...(request === undefined ? {} : { requestTimeout: request }),
      ...(controlDb === undefined ? {} : { controlDbTimeout: controlDb }),
    });
    return new AxonServerSource({
      client,
      paths: server.paths,
      storageRoots: server.storage ?? [],
      controlDbRoots: server.controlDb ?? [],
    });
  };
}

async function readTls(
  tls: TlsConfiguration,
  configuration: ConfiguredServer,
  secrets: SecretContext,
): Promise<AxonServerTls> {
  const read = async (key: string, path: string) => {
    try {
      return (await readSmallFile(path, MAX_CERTIFICATES_BYTES, secrets.signal)).bytes.toString("utf8");
    } catch (error) {
      secrets.signal?.throwIfAborted();
      const message =
        error instanceof UnsuitableFile
          ? `${path} ${error.message}`
          : `can't read ${path} (${error instanceof Error && "code" in error ? String(error.code) : "error"})`;
      throw new ConfigurationError([
        { file: `${configuration.directory}/agent.yaml`, key: `server.tls.${key}`, message },
      ]);
    }
  };
  return {
    ...(tls.ca === undefined ? {} : { ca: await read("ca", tls.ca) }),
    ...(tls.cert === undefined ? {} : { certificate: await read("cert", tls.cert) }),
    ...(tls.key === undefined
      ? {}
      : { key: (await resolveSecret(tls.key, "server.tls.key", secrets)).reveal() }),
    ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
  };
}
