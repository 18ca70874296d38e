import type { AxonServerClient } from "../client/client.js";
import { AxonServerError } from "../errors.js";
import { normaliseDirectory, type PathMapping } from "../files/path.js";
import { quote } from "../text.js";

/** How to find an Axon Server's files on this machine. */
export interface AxonServerSourceOptions {
  readonly client: AxonServerClient;
  /**
   * Directories of this machine that event stores lie in, each `<root>/<context>/…`; nothing outside of them is read. Without any, files must lie
   * directly in a directory named after their context.
   */
  readonly storageRoots?: readonly string[];
  /** Where the server's paths are on this machine, if not under the same names. The longest prefix that fits counts. */
  readonly paths?: readonly PathMapping[];
  /** Directories of this machine that backups of the control DB are read from. Without any: anywhere, by the name. */
  readonly controlDbRoots?: readonly string[];
  /**
   * EE: directories of this machine that replication logs lie in, each `<root>/<replication group>/…` (the server's `replication.log-storage-folder`); nothing outside of them is read. Without
   * any, logs must lie directly in a directory named after their group, and the log of a young group, which the server doesn't list, can't be found.
   */
  readonly logRoots?: readonly string[];
}

/** The same, checked and normalised. */
export interface Storage {
  readonly roots: readonly string[];
  readonly mappings: readonly PathMapping[];
  readonly controlDbRoots: readonly string[];
  readonly logRoots: readonly string[];
}

/**
 * Checks the options' paths, by their text alone.
 * @throws AxonServerError `configuration`
 */
export function parseStorage(options: Omit<AxonServerSourceOptions, "client">): Storage {
  return {
    roots: (options.storageRoots ?? []).map((path) => directory("server.storage", path)),
    mappings: (options.paths ?? []).map(({ server, local }) => ({
      server: directory("server.paths: server", server),
      local: directory("server.paths: local", local),
    })),
    controlDbRoots: (options.controlDbRoots ?? []).map((path) => directory("server.control_db", path)),
    logRoots: (options.logRoots ?? []).map((path) => directory("server.replication_logs", path)),
  };
}

function directory(setting: string, path: string): string {
  const result = normaliseDirectory(path);
  if (result.ok) return result.path;
  throw new AxonServerError(
    "configuration",
    `${setting}: ${quote(path)} can't be used: ${result.reason}`,
    `Give ${setting} the absolute path of a directory other than /.`,
  );
}
