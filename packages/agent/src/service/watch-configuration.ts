import { basename, dirname } from "node:path";
import type { Clock } from "@axon-backup/core";
import { watch } from "chokidar";
import type { Log } from "../output/log.js";

/** Whoever edits a configuration writes several files, and each in several steps. Milliseconds without a further change. */
const SETTLED = 1000;

/**
 * Calls `onChange` when `agent.yaml` or a file of `sinks.d` has changed, once for all that change together.
 * @param since milliseconds since 1970: what has changed between then and now counts, too. It was read before it could be watched
 */
export function watchConfiguration(
  directory: string,
  clock: Clock,
  log: Log,
  onChange: () => void,
  since: number,
): { close(): Promise<void> } {
  const settle = debounced(clock, SETTLED, onChange);
  let isWatched = false;
  const watcher = watch(directory, {
    alwaysStat: true,
    depth: 1,
    ignored: (path) => path !== directory && !isConfiguration(path, directory),
  });
  watcher.on("all", (_event, _path, stats) => {
    // A file that was removed has changed its folder.
    if (isWatched || (stats?.ctimeMs ?? 0) > since) settle.call();
  });
  watcher.on("ready", () => {
    isWatched = true;
  });
  // SIGHUP still does it.
  watcher.on("error", (error) => {
    log.warn(`the configuration's folder can't be watched: ${String(error)}`, { folder: directory });
  });
  return {
    close: async () => {
      settle.cancel();
      await watcher.close();
    },
  };
}

/** Whether a path is `agent.yaml`, `sinks.d`, or a file of it that is read. */
export function isConfiguration(path: string, directory: string): boolean {
  const name = basename(path);
  const parent = dirname(path);
  if (parent === directory) return name === "agent.yaml" || name === "sinks.d";
  return (
    dirname(parent) === directory &&
    basename(parent) === "sinks.d" &&
    !name.startsWith(".") &&
    /\.ya?ml$/.test(name)
  );
}

/** Calls `run` when it hasn't been called for that many milliseconds. */
export function debounced(
  clock: Clock,
  milliseconds: number,
  run: () => void,
): { readonly call: () => void; readonly cancel: () => void } {
  let cancel = (): void => undefined;
  return {
    call: () => {
      cancel();
      cancel = clock.after(milliseconds, run);
    },
    cancel: () => {
      cancel();
    },
  };
}
