import { basename, dirname, join, resolve } from "node:path";

import type { StandinOptions } from "../options.js";

/** A directory here, and as the server spells it: real servers give `/./` in some answers and not in others (docs/axon-server.md, section 1). */
export interface ServerDirectory {
  readonly here: string;
  /** The path that a server gives for a file in a subdirectory. */
  spell(dotSlash: boolean, ...parts: string[]): string;
}

/** The directories that answers name. */
export interface ServerPaths {
  readonly storage: ServerDirectory;
  readonly controlDb: ServerDirectory;
  readonly log: ServerDirectory;
}

export function serverPaths(options: StandinOptions): ServerPaths {
  const storage = resolve(options.storage);
  const beside = (name: string): string => join(dirname(storage), name);
  const claimedBeside = (name: string, here: string): string =>
    options.serverPath === undefined ? here : join(dirname(options.serverPath), name);
  const controlDb = resolve(options.controlDbDirectory ?? beside("controldb-backups"));
  const log = resolve(options.logStorage ?? beside("log"));
  const spellsDotSlash = options.spellDotSlash ?? true;
  return {
    storage: directory(storage, options.serverPath ?? storage, spellsDotSlash),
    controlDb: directory(
      controlDb,
      options.serverControlDbPath ?? claimedBeside("controldb-backups", controlDb),
      spellsDotSlash,
    ),
    log: directory(log, options.serverLogPath ?? claimedBeside("log", log), spellsDotSlash),
  };
}

function directory(here: string, claimed: string, spellsDotSlash: boolean): ServerDirectory {
  const parent = dirname(claimed);
  const dotted = `${parent === "/" ? "" : parent}/./${basename(claimed)}`;
  return {
    here,
    spell: (dotSlash, ...parts) => [dotSlash && spellsDotSlash ? dotted : claimed, ...parts].join("/"),
  };
}
