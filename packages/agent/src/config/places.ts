import { isDeepStrictEqual } from "node:util";
import { relative } from "node:path";
import type { ConfigurationProblem } from "./problem.js";
import type { ServerConfiguration, SinkConfiguration } from "./types.js";

type Server = Pick<ServerConfiguration, "storage">;

/** The directories that `checkPlaces` compares. */
export function placesOf(sinks: readonly SinkConfiguration[], server: Server | undefined): readonly string[] {
  const paths = sinks.filter((sink) => sink.enabled).flatMap((sink) => localPath(sink) ?? []);
  return [...new Set([...paths, ...(server?.storage ?? [])])];
}

/**
 * Sinks that are in each other's place, or in the server's: two agents on one repository would ruin it, and a backup inside of what it backs up is none.
 * Of sinks that are switched on; of directories, those that stand in the options as `path`.
 * @param real where directories lead, for those that lead elsewhere than they say
 */
export function checkPlaces(
  sinks: readonly SinkConfiguration[],
  server: Server | undefined,
  real: ReadonlyMap<string, string> = new Map(),
): ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  const enabled = sinks.filter((sink) => sink.enabled);
  const place = (path: string): string => real.get(path) ?? path;
  for (const [index, sink] of enabled.entries()) {
    const { file } = sink;
    const path = localPath(sink);
    for (const other of enabled.slice(0, index)) {
      const otherPath = localPath(other);
      if (path === undefined || otherPath === undefined) {
        if (other.type === sink.type && isDeepStrictEqual(other.options, sink.options))
          problems.push({ file, key: "", message: sameStorage(other) });
      } else if (relative(place(path), place(otherPath)) === "")
        problems.push({ file, key: "path", message: sameStorage(other) });
      else if (areNested(place(path), place(otherPath)))
        problems.push({
          file,
          key: "path",
          message: `this directory and that of sink ${other.name} are in each other; give each a place of its own`,
        });
    }
    for (const root of server?.storage ?? [])
      if (path !== undefined && areNested(place(path), place(root)))
        problems.push({
          file,
          key: "path",
          message:
            "the sink and the server's storage (server.storage) are in each other; keep the backup outside of what it backs up",
        });
  }
  return problems;
}

function sameStorage(other: SinkConfiguration): string {
  return `this is the same storage as that of sink ${other.name}; give each a place of its own`;
}

/** The directory of this machine that a sink is; undefined when it is none. */
export function localPath({ type, options }: SinkConfiguration): string | undefined {
  return type === "local" && typeof options["path"] === "string" ? options["path"] : undefined;
}

function areNested(one: string, other: string): boolean {
  return isWithin(one, other) || isWithin(other, one);
}

function isWithin(path: string, directory: string): boolean {
  const way = relative(directory, path);
  return way === "" || (!way.startsWith("../") && way !== "..");
}
