import type { Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { headOf } from "../repository/head.js";
import type { ContextManifest, Manifest, StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** What of which restore point is asked for. */
export interface Selection {
  readonly restorePoint?: RestorePointId | "latest";
  readonly token?: Token;
  readonly context?: string;
}

export interface Selected {
  readonly manifest: Manifest;
  readonly contexts: readonly ContextManifest[];
}

/**
 * The manifest to restore from. With a token, unless a restore point is named: the earliest one of an unbroken row, back from the newest, whose head includes
 * it; its control DB is the closest to the state asked for.
 * @throws EngineError `usage`, `damage`
 */
export async function selectRestorePoint(
  repository: Repository,
  selection: Selection,
  warn: (message: string) => void,
): Promise<Selected> {
  const { restorePoint = "latest", token } = selection;
  const ids = await repository.restorePoints();
  const newest = ids.at(-1);
  if (newest === undefined) throw nothingThere();
  const manifest = await repository.manifest(restorePoint === "latest" ? newest : restorePoint);
  const contexts = selectContexts(manifest, selection);
  if (token === undefined) return { manifest, contexts };

  const context = contexts[0];
  if (context === undefined || contexts.length > 1) throw severalContexts(manifest);
  if (!includes(context, token)) throw beyondHead(manifest, context, token);
  if (selection.restorePoint !== undefined && selection.restorePoint !== "latest")
    return { manifest, contexts };
  return earliest(repository, ids.slice(0, -1), { manifest, contexts }, context, token, warn);
}

async function earliest(
  repository: Repository,
  older: readonly RestorePointId[],
  newest: Selected,
  { name, timeline }: ContextManifest,
  token: Token,
  warn: (message: string) => void,
): Promise<Selected> {
  let found = newest;
  for (const id of older.toReversed()) {
    let manifest: Manifest;
    try {
      manifest = await repository.manifest(id);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      warn(`${error.message}; looking for the token without it`);
      continue;
    }
    const context = manifest.contexts.find((candidate) => candidate.name === name);
    // Heads only grow within a timeline: older restore points don't have the token either.
    if (context?.timeline !== timeline || !includes(context, token)) break;
    found = { manifest, contexts: [context] };
  }
  return found;
}

function selectContexts(manifest: Manifest, { context }: Selection): readonly ContextManifest[] {
  if (context === undefined) return manifest.contexts;
  const found = manifest.contexts.filter(({ name }) => name === context);
  if (found.length > 0) return found;
  throw new EngineError(
    "usage",
    `restore point ${manifest.id} has no context ${context}`,
    `It has ${namesOf(manifest)}.`,
  );
}

function includes({ events }: ContextManifest, token: Token): boolean {
  return token < events.nextToken;
}

function nothingThere(): EngineError {
  return new EngineError(
    "usage",
    "the sink has no restore point",
    "Make one with `axon-backup backup`, or use another sink.",
  );
}

function severalContexts(manifest: Manifest): EngineError {
  return new EngineError(
    "usage",
    `restore point ${manifest.id} has ${manifest.contexts.length} contexts, and a token is a position in one of them`,
    `Name the context with --context: ${namesOf(manifest)}.`,
  );
}

function beyondHead(manifest: Manifest, { name, events }: ContextManifest, token: Token): EngineError {
  const { lastToken, exact } = headOf(events);
  if (!exact) return beyondReadable(manifest, name, events, token);
  const head = lastToken === null ? "it has no events" : `its last token is ${lastToken}`;
  return new EngineError(
    "usage",
    `restore point ${manifest.id} does not have token ${token} of context ${name}: ${head}`,
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

function namesOf({ contexts }: Manifest): string {
  return contexts.map(({ name }) => name).join(", ");
}
