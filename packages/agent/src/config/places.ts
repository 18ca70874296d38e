import { isDeepStrictEqual } from "node:util";
import { relative } from "node:path";
import type { ConfigurationProblem } from "./problem.js";
import type { ServerConfiguration, SinkConfiguration } from "./types.js";

/**
 * Sinks that are in each other's place, or in the server's: two agents on one repository would ruin it, and a backup inside of what it backs up is none.
 * Of sinks that are switched on; of directories, those that stand in the options as `path`.
 */
export function checkPlaces(
  sinks: readonly SinkConfiguration[],
  server: Pick<ServerConfiguration, "storage"> | undefined,
): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const enabled = sinks.filter((sink) => sink.enabled);
  for (const [index, sink] of enabled.entries()) {
    const { file } = sink;
    const twin = enabled.slice(0, index).find((other) => isSamePlace(other, sink));
    if (twin)
      problems.push({
        file,
        key: "",
        message: `this is the same storage as that of sink ${twin.name}; give each a place of its own`,
      });
    const path = localPath(sink);
    for (const root of server?.storage ?? [])
      if (path !== undefined && (isWithin(path, root) || isWithin(root, path)))
        problems.push({
          file,
          key: "path",
          message:
            "the sink and the server's storage (server.storage) are in each other; keep the backup outside of what it backs up",
        });
  }
  return problems;
}

function isSamePlace(one: SinkConfiguration, other: SinkConfiguration): boolean {
  if (one.type !== other.type) return false;
  const [path, otherPath] = [localPath(one), localPath(other)];
  return path === undefined || otherPath === undefined
    ? isDeepStrictEqual(one.options, other.options)
    : relative(path, otherPath) === "";
}

function localPath({ type, options }: SinkConfiguration): string | undefined {
  return type === "local" && typeof options["path"] === "string" ? options["path"] : undefined;
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("../") && way !== "..");
}
