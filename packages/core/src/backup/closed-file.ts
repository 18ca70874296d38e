import type { StoreKind } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import type { ClosedFile } from "../repository/manifest.js";
import { cursorFor } from "./divergence.js";
import { longName } from "./long-name.js";
import type { Outcome, StoreState } from "./model.js";
import type { StoringTools } from "./storing-tools.js";
import type { ClosedSource, PlannedFile } from "./plan.js";
import { isVanished } from "./transfer.js";

export interface ClosedFileTools extends StoringTools {
  readonly keyOf: (name: string) => ObjectKey;
  readonly signal: AbortSignal;
  readonly context: string;
  readonly store: StoreKind;
  readonly previous: StoreState;
}

/** Does what the plan says of one closed file that isn't inherited. */
export async function storeClosedFile(
  tools: ClosedFileTools,
  planned: Exclude<PlannedFile, { kind: "inherited" }>,
): Promise<Outcome> {
  switch (planned.kind) {
    case "resume":
      if (await tools.transfer.isSame(planned.file, planned.earlier, tools.signal))
        return { kind: "inherited", entry: planned.earlier };
      return withRelisting(tools, planned.file, "added", planned.file.name);
    case "new":
      return withRelisting(tools, planned.file, "added", planned.file.name);
    case "repair":
      return withRelisting(tools, planned.file, "repaired", planned.expected, planned.expected);
    case "retry":
      return retry(tools, planned);
  }
}

/**
 * Tries a segment again that was damaged when it was stored. Restore points need what was stored, so a whole one becomes an object of its own. If there is none and what was
 * stored is gone as well, the server's file is better than nothing, whatever its hash.
 */
async function retry(
  tools: ClosedFileTools,
  { file, entry, intact, object }: PlannedFile & { kind: "retry" },
): Promise<Outcome> {
  const { transfer, keyOf, signal } = tools;
  const whole = await transfer.wholeSegment(keyOf(object), file, signal);
  if (whole) return { kind: "repaired", entry: { ...whole, name: entry.name, object } };
  return intact ? { kind: "inherited", entry } : withRelisting(tools, file, "repaired", entry);
}

/**
 * Stores a file that may be gone by now: tiering moves closed files, compaction and retention remove them, and index files are listed before
 * they exist. It is an error only when a fresh listing still names it. When that has a newer version of the segment, this one is taken.
 */
async function withRelisting(
  tools: ClosedFileTools,
  file: ClosedSource,
  kind: "added" | "repaired",
  { name, object }: Pick<ClosedFile, "name" | "object">,
  expected?: ClosedFile,
): Promise<Outcome> {
  const { transfer, keyOf, signal } = tools;
  const key = keyOf(objectOf({ name, ...(object !== undefined && { object }) }));
  const open = tools.previous.open.find((segment) => longName(segment.name) === longName(file.name.name));
  const beginning = open && { bytes: open.validBytes, sha256: open.sha256 };
  const store = async (from: ClosedSource): Promise<ClosedFile> => ({
    ...(await transfer.closedFile(key, from, expected, signal, beginning)),
    name,
    ...(object !== undefined && { object }),
  });
  try {
    return { kind, entry: await store(file) };
  } catch (error) {
    if (!isVanished(error)) throw error;
    if (file.name.kind === "index") return { kind: "gone", file };
    const again = await findAgain(tools, file);
    if (again !== undefined && again.name.version > file.name.version)
      return withRelisting(tools, again, "added", again.name);
    if (again === undefined && expected === undefined) return { kind: "gone", file };
    if (again === undefined || again.path === file.path) throw missing(file, error);
    return { kind, entry: await store(again) };
  }
}

async function findAgain(
  { shared, context, store, previous, signal }: ClosedFileTools,
  { name: { segment, version } }: ClosedSource,
): Promise<ClosedSource | undefined> {
  const listing = await shared.source.list(context, store, cursorFor(previous), signal);
  return listing.closed.findLast(({ name }) => name.segment === segment && name.version >= version);
}

function missing(file: ClosedSource, cause: unknown): EngineError {
  return new EngineError(
    "failed",
    `segment ${file.path} is missing: the server lists it, also when asked again, but there is no such file`,
    "Check that this machine sees the server's storage (mounts, `server.paths` in agent.yaml). If the file is really gone, the server itself has lost events.",
    cause,
  );
}
