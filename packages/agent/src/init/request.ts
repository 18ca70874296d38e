import { resolve } from "node:path";
import { UsageError } from "../errors/usage-error.js";
import { parseSinks } from "./sink-spec.js";

/** What `axon-backup init` was told. What it wasn't is asked, or found out. */
export interface InitRequest {
  readonly server: string | undefined;
  readonly tokenFile: string | undefined;
  readonly ca: string | undefined;
  readonly sinks: readonly string[];
  /** Undefined: not said. `all`: every one that the server stores. */
  readonly contexts: readonly string[] | "all" | undefined;
  readonly storage: readonly string[];
  readonly controlDb: readonly string[];
  readonly paths: readonly { readonly server: string; readonly local: string }[];
  /** Nothing is asked. */
  readonly yes: boolean;
  /** Whether `check` runs afterwards; undefined: it is asked. */
  readonly check: boolean | undefined;
}

/** The options as they come from the command line. */
export interface InitFlags {
  readonly server?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
  readonly sink?: readonly string[];
  readonly contexts?: string;
  readonly storage?: readonly string[];
  readonly controlDb?: readonly string[];
  readonly path?: readonly string[];
  readonly yes?: boolean;
  readonly check?: boolean;
}

/** Where Axon Server is when nobody says. */
export const DEFAULT_SERVER = "http://localhost:8024";

/** @throws UsageError */
export function toInitRequest(flags: InitFlags, json: boolean): InitRequest {
  const sinks = flags.sink ?? [];
  parseSinks(sinks);
  if (flags.server !== undefined) checkUrl(flags.server);
  if (json && flags.check === true)
    throw new UsageError(
      "--json and --check contradict each other: each has a document of its own",
      "Run `axon-backup check --json` afterwards.",
    );
  return {
    server: flags.server,
    tokenFile: absolute("--token-file", flags.tokenFile),
    ca: absolute("--ca", flags.ca),
    sinks,
    contexts: flags.contexts === undefined ? undefined : parseContexts(flags.contexts),
    storage: (flags.storage ?? []).map((path) => directory("--storage", path)),
    controlDb: (flags.controlDb ?? []).map((path) => directory("--control-db", path)),
    paths: (flags.path ?? []).map(parseMapping),
    yes: flags.yes === true || json,
    check: flags.check ?? (json ? false : undefined),
  };
}

/** `http://host:8024` and the like. @throws UsageError */
export function checkUrl(url: string): string {
  if (/^https?:\/\/[^/@\s?#]+(\/[^\s?#]*)?$/.test(url) && URL.canParse(url)) return url;
  throw new UsageError(
    "--server: that is not the address of an Axon Server",
    "Write its HTTP address, without user and password: http://host:8024.",
  );
}

/** `default,orders`, or `all`. */
export function parseContexts(text: string): readonly string[] | "all" {
  const names = text
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  if (names.length === 0)
    throw new UsageError("--contexts is empty", "Write their names, as default,orders, or all.");
  return names.length === 1 && names[0] === "all" ? "all" : [...new Set(names)];
}

function parseMapping(text: string): { readonly server: string; readonly local: string } {
  const [server = "", local = "", ...more] = text.split("=");
  if (!server.startsWith("/") || local === "" || more.length > 0)
    throw new UsageError(
      `--path: ${JSON.stringify(text.slice(0, 80))} is not a mapping`,
      "Write a directory as the server has it, =, and where this machine has it: /axonserver/data=/mnt/axonserver/data.",
    );
  return { server: directory("--path", server), local: directory("--path", local) };
}

function absolute(option: string, path: string | undefined): string | undefined {
  return path === undefined ? undefined : directory(option, path);
}

function directory(option: string, path: string): string {
  if (path === "") throw new UsageError(`${option} is empty`, "Write a path.");
  return resolve(path);
}
