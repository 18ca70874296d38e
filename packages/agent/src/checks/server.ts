import { dirname } from "node:path";
import {
  AxonServerError,
  type ServerIdentity,
  type ServerSource,
  type SourceFile,
  STORE_KINDS,
  type StoreKind,
} from "@axon-backup/axon-server";
import type { Configuration, ServerConfiguration } from "../config/types.js";
import { plural } from "../output/units.js";
import { type ClockReading, clockRows } from "./clocks.js";
import { controlDbRows } from "./control-db.js";
import { failedRow } from "./failed-row.js";
import { firstAnswer, type Waiting } from "./first-answer.js";
import { isAccessRefused, tokenRows } from "./token.js";
import { type CheckRow, failed, ok, warning } from "./types.js";
import { unknownVersion } from "./version.js";

/** What was found out about the server. */
export interface ServerCheck {
  readonly rows: readonly CheckRow[];
  /** The directories that its files are in, on this machine. */
  readonly directories: ReadonlySet<string>;
}

/** Everything about the server. Reads only; the control DB call isn't tried, because each one leaves a file on the server. */
export async function checkServer(
  source: ServerSource,
  configuration: Configuration,
  server: ServerConfiguration,
  waiting: Waiting,
): Promise<ServerCheck> {
  const { signal } = waiting;
  const directories = new Set(server.storage);
  let identity: ServerIdentity;
  try {
    identity = await firstAnswer(
      `the server at ${server.url}`,
      waiting,
      (inTime) => source.identify(inTime),
      (message, remedy) => new AxonServerError("unreachable", message, remedy),
    );
  } catch (error) {
    signal.throwIfAborted();
    return { rows: [failedRow(isAccessRefused(error) ? "token" : "server", "", error)], directories };
  }
  const wanted = configuration.contexts ?? identity.contexts;
  const stored = wanted.filter((context) => identity.contexts.includes(context));
  const rows: CheckRow[] = [
    serverRow(identity, server),
    ...clockRows("", "the server's clock", await readClock(source, signal)),
    ...(await tokenRows(source, identity, server, stored, signal)),
  ];
  if (rows.some((row) => row.check === "token" && row.outcome === "failed")) return { rows, directories };
  for (const context of wanted)
    rows.push(...(await checkContext(source, identity, context, directories, signal)));
  rows.push(storageRow(server), ...(await controlDbRows(server)));
  return { rows, directories };
}

/** The server's clock, if it can be had: what else fails is told by other rows. */
async function readClock(source: ServerSource, signal: AbortSignal): Promise<ClockReading | undefined> {
  try {
    return await source.clock?.(signal);
  } catch {
    signal.throwIfAborted();
    return undefined;
  }
}

function serverRow(identity: ServerIdentity, server: ServerConfiguration): CheckRow {
  const { edition, version, nodeName } = identity;
  const detail = `Axon Server ${edition} ${version}, node ${nodeName}, at ${server.url}`;
  const unknown = unknownVersion(version);
  if (edition === "SE" && unknown === undefined) return ok("server", "", detail);
  if (edition === "SE")
    return warning(
      "server",
      "",
      `${detail}: ${unknown ?? ""}`,
      "Try a restore of a backup of this server before you rely on it.",
    );
  return failed(
    "server",
    "",
    `${detail}: a node of a cluster`,
    "This version of axon-backup can't copy replication logs yet; a backup of a cluster would not be complete.",
  );
}

async function checkContext(
  source: ServerSource,
  identity: ServerIdentity,
  context: string,
  directories: Set<string>,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  if (!identity.contexts.includes(context))
    return [
      failed(
        "files",
        context,
        "the server doesn't store this context",
        `Correct contexts in agent.yaml: the server stores ${identity.contexts.join(", ") || "none"}.`,
      ),
    ];
  const rows: CheckRow[] = [];
  for (const store of STORE_KINDS) {
    try {
      rows.push(await checkStore(source, context, store, directories, signal));
    } catch (error) {
      signal.throwIfAborted();
      rows.push(failedRow("files", `${context} ${store}`, error));
    }
  }
  return rows;
}

/** Lists a store and reads from its first closed and its last open segment. */
async function checkStore(
  source: ServerSource,
  context: string,
  store: StoreKind,
  directories: Set<string>,
  signal: AbortSignal,
): Promise<CheckRow> {
  const { closed, open } = await source.list(context, store, undefined, signal);
  for (const { path } of [...closed, ...open]) directories.add(dirname(path));
  const tried = [closed[0], open.at(-1)].filter((file) => file !== undefined);
  for (const file of tried) await readFirstByte(source, file);
  const detail = `${plural(closed.length, "closed segment")} and ${plural(open.length, "open one", "open ones")}; the first closed and the last open one can be read`;
  return ok("files", `${context} ${store}`, detail);
}

async function readFirstByte(source: ServerSource, file: SourceFile): Promise<void> {
  const handle = await source.open(file);
  try {
    await handle.read(new Uint8Array(1), 0);
  } finally {
    await handle.close();
  }
}

function storageRow(server: ServerConfiguration): CheckRow {
  if (server.storage) return ok("storage", "", `files are read below ${server.storage.join(", ")} only`);
  return warning(
    "storage",
    "",
    "server.storage isn't set: files are read from any directory that is named after its context",
    "Set server.storage to the directories that the server keeps its event store in.",
  );
}
