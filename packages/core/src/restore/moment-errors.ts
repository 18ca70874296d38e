import type { Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { headOf } from "../repository/head.js";
import type { ContextManifest, Manifest, StoreManifest } from "../repository/manifest.js";
import { namesOf } from "./select.js";

// Why a restore can't end where it was asked to.

/** @param time milliseconds since 1970 */
export function iso(time: number): string {
  return new Date(time).toISOString();
}

export function retentionRemovedTime(
  { id }: Manifest,
  context: string,
  first: Token,
  time: number,
): EngineError {
  return new EngineError(
    "usage",
    `restore point ${id} has no event of context ${context} as old as ${iso(time)}: the first one kept is ${first}`,
    "The server's retention had removed older events when the backup was made. Choose a later time, or name an earlier restore point with --restore-point.",
  );
}

export function beforeAll({ id }: Manifest, contexts: readonly string[], time: number): EngineError {
  const all =
    contexts.length === 1 ? `context ${contexts[0] ?? ""} has` : `its contexts (${contexts.join(", ")}) have`;
  return new EngineError(
    "usage",
    `nothing in restore point ${id} is as old as ${iso(time)}: ${all} no event that isn't later`,
    "Check the time and its zone. `axon-backup list` shows the restore points there are.",
  );
}

export function severalContexts(manifest: Manifest): EngineError {
  return new EngineError(
    "usage",
    `restore point ${manifest.id} has ${manifest.contexts.length} contexts, and a token is a position in one of them`,
    `Name the context with --context: ${namesOf(manifest)}.`,
  );
}

export function beyondHead(
  manifest: Manifest,
  { name, events }: ContextManifest,
  token: Token,
  elsewhere: string,
): EngineError {
  const { lastToken, exact } = headOf(events);
  if (!exact) return beyondReadable(manifest, name, events, token);
  const head = lastToken === null ? "it has no events" : `its last token is ${lastToken}`;
  return new EngineError(
    "usage",
    `restore point ${manifest.id} does not have token ${token} of context ${name}: ${head}${elsewhere}`,
    "Choose a token up to that one, or leave it out to restore everything.",
  );
}

/** The token may be there; but where it is can't be told, nor whether. */
function beyondReadable({ id }: Manifest, context: string, events: StoreManifest, token: Token): EngineError {
  const { lastToken } = headOf(events);
  const last = events.open.at(-1);
  const readable =
    lastToken === null ? "no token can be told" : `the last token that can be told is ${lastToken}`;
  return new EngineError(
    "usage",
    `restore point ${id} can't be cut after token ${token} of context ${context}: ${readable}, because ${last?.name ?? "the last segment"} is of format version ${last?.unknownFormat ?? "unknown"}, which is not known`,
    `Leave the token out to restore everything${lastToken === null ? "" : ", choose one up to that"}, or use a version of axon-backup that knows the format for new restore points.`,
  );
}
