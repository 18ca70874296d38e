import { access, constants } from "node:fs/promises";
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
import { failedRow } from "./failed-row.js";
import { firstAnswer, type Waiting } from "./first-answer.js";
import { type CheckRow, failed, ok, warning } from "./types.js";

/** Everything about the server. Reads only; the control DB call isn't tried, because each one leaves a file on the server. */
export async function checkServer(
  source: ServerSource,
  configuration: Configuration,
  server: ServerConfiguration,
  waiting: Waiting,
): Promise<readonly CheckRow[]> {
  const { signal } = waiting;
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
    return [failedRow(isAccessRefused(error) ? "token" : "server", "", error)];
  }
  const rows: CheckRow[] = [
    serverRow(identity, server),
    ...(await tokenRows(source, identity, server, signal)),
  ];
  if (rows.some((row) => row.check === "token" && row.outcome === "failed")) return rows;
  for (const context of configuration.contexts ?? identity.contexts)
    rows.push(...(await checkContext(source, identity, context, signal)));
  rows.push(storageRow(server), ...(await controlDbRows(server)));
  return rows;
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

/** Why a version isn't one of those that this software was tried with (4.1 to 2023.2; docs/axon-server.md); undefined if it is. */
export function unknownVersion(version: string): string | undefined {
  const [major = NaN, minor = NaN] = version.split(".").map((part) => Number.parseInt(part, 10));
  if (major >= 2025 || (major === 2024 && minor > 2))
    return "newer than the versions that are known. Contexts of the DCB kind (from 2025.1) are not covered by these calls at all";
  if (major === 2024) return "newer than the versions that are known";
  if (major === 2023 || (major === 4 && minor >= 1)) return undefined;
  return "not one of the versions that are known, 4.1 to 2023.2";
}

/** Only a listing tells whether a token is good: the control DB call works without any. */
async function tokenRows(
  source: ServerSource,
  identity: ServerIdentity,
  server: ServerConfiguration,
  signal: AbortSignal,
): Promise<readonly CheckRow[]> {
  const [context] = identity.contexts;
  if (!identity.authentication)
    return [
      server.token
        ? warning(
            "token",
            "",
            "a token is configured, and the server's access control is off",
            "Switch access control on, or remove server.token.",
          )
        : ok("token", "", "not needed: the server's access control is off"),
    ];
  if (context === undefined) return [];
  try {
    await source.list(context, "events", undefined, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (isAccessRefused(error)) return [failedRow("token", "", error)];
    // Something else is wrong with this context; its own rows tell.
  }
  return [ok("token", "", "accepted")];
}

function isAccessRefused(error: unknown): boolean {
  return error instanceof AxonServerError && (error.kind === "unauthorized" || error.kind === "forbidden");
}

async function checkContext(
  source: ServerSource,
  identity: ServerIdentity,
  context: string,
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
      rows.push(await checkStore(source, context, store, signal));
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
  signal: AbortSignal,
): Promise<CheckRow> {
  const { closed, open } = await source.list(context, store, undefined, signal);
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

/** The directories of the control DB's backups, where they are configured. */
async function controlDbRows(server: ServerConfiguration): Promise<readonly CheckRow[]> {
  const rows: CheckRow[] = [];
  for (const directory of server.controlDb ?? []) {
    try {
      await access(directory, constants.R_OK | constants.X_OK);
      rows.push(
        ok(
          "control db",
          directory,
          "readable; the call itself isn't tried, because it leaves a file on the server",
        ),
      );
    } catch (error) {
      rows.push(failedRow("control db", directory, error));
    }
  }
  return rows;
}
