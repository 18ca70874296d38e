import type { Token } from "@axon-backup/axon-server";
import { isSinkError, type ObjectKey } from "@axon-backup/sink";
import { atOnce, LargeGate } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import { ignoreEvents } from "../observer.js";
import { REPOSITORY_KEY } from "../repository/layout.js";
import { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { checkContinuity } from "./continuity.js";
import { examineListing, type Present } from "./examine.js";
import { Findings } from "./findings.js";
import { readObject } from "./read-object.js";
import { type Chain, Requirements } from "./requirements.js";
import type { VerifyOptions, VerifyReport } from "./types.js";

/**
 * Checks that what restore points need is on the sink as it was stored: by one listing, and with `readData` by reading every byte once. Damage is a finding,
 * and the work goes on; findings about files of the store are marked for the next backup to mend.
 * @throws EngineError `usage` when there is nothing to verify; errors of a sink that doesn't answer; the signal's reason
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { sink, name, signal, observer = ignoreEvents } = options;
  const findings = new Findings();
  const notes: string[] = [];

  observer({ kind: "step", sink: name, step: "manifests" });
  const repository = await openRepository(options);
  if (repository.problem !== undefined)
    findings.report({
      key: REPOSITORY_KEY,
      finding: `${repository.problem}. Restore points can be restored without it, and the next backup writes it anew`,
      restorePoints: [],
      mend: false,
      mendedAnyway: true,
    });
  const chosen = await chooseRestorePoints(repository, options.restorePoint);
  const requirements = new Requirements(repository, findings.report);
  const chains: Chain[] = [];
  const gone = new Set<RestorePointId>();
  for (const id of chosen)
    try {
      chains.push(...(await requirements.add(id)));
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "usage")) throw error;
      // Removed by retention after it was listed.
      gone.add(id);
    }

  observer({ kind: "step", sink: name, step: "objects" });
  const present = await examineListing(sink, requirements.objects, findings.report, signal);
  const read =
    options.readData === true
      ? await readAll(options, present, findings, notes)
      : { bytes: 0, ends: new Map<ObjectKey, Token>() };
  for (const chain of chains) checkContinuity(chain, read.ends, findings.report);
  noteBeginnings(chains, notes);

  const remaining = new Set(await repository.restorePoints());
  findings.keepOnly(remaining);
  if (options.mark !== false) await mark(repository, findings, notes, signal);
  if (options.mark !== false && options.readData === true)
    await unmark(repository, present, findings, notes, options);
  const list = findings.list();
  return {
    restorePoints: chosen.filter((id) => !gone.has(id) && remaining.has(id)),
    objects: requirements.objects.size,
    bytes: read.bytes,
    findings: list,
    notes,
    damaged: list.length > 0,
  };
}

async function openRepository({ sink, signal }: VerifyOptions): Promise<Repository> {
  const repository = await Repository.open(sink, signal);
  if (repository) return repository;
  throw new EngineError(
    "usage",
    "the sink is empty: there is nothing to verify",
    "Make a restore point with `axon-backup backup`.",
  );
}

async function chooseRestorePoints(
  repository: Repository,
  choice: VerifyOptions["restorePoint"],
): Promise<RestorePointId[]> {
  const ids = await repository.restorePoints();
  const newest = ids.at(-1);
  if (newest === undefined)
    throw new EngineError("usage", "the sink has no restore point", "Make one with `axon-backup backup`.");
  if (choice === undefined) return ids;
  const id = choice === "latest" ? newest : choice;
  if (ids.includes(id)) return [id];
  throw new EngineError(
    "usage",
    `there is no restore point ${id}`,
    "`axon-backup list` shows the restore points there are.",
  );
}

async function readAll(
  { sink, name, signal, observer = ignoreEvents, connections }: VerifyOptions,
  present: readonly Present[],
  findings: Findings,
  notes: string[],
): Promise<{ readonly bytes: number; readonly ends: ReadonlyMap<ObjectKey, Token> }> {
  observer({ kind: "step", sink: name, step: "data" });
  const size = ({ claims }: Present): number => Math.max(...claims.map(({ bytes }) => bytes));
  observer({
    kind: "work",
    sink: name,
    objects: present.length,
    bytes: present.reduce((sum, object) => sum + size(object), 0),
  });
  let bytes = 0;
  const onBytesAgain = (count: number): void => {
    bytes += count;
  };
  const onBytes = (count: number): void => {
    bytes += count;
    observer({ kind: "bytes", sink: name, bytes: count });
  };
  const ends = new Map<ObjectKey, Token>();
  const foreign = new Map<number, number>();
  const limits = atOnce(connections);
  const large = new LargeGate(limits.large);
  await mapConcurrent(present, limits.all, signal, async (object, inner) => {
    const { key } = object.object;
    const { nextToken, foreignVersion } = await large.pass(size(object), () =>
      readObject({ sink, report: findings.report, signal: inner, onBytes, onBytesAgain }, object),
    );
    if (nextToken !== undefined) ends.set(key, nextToken);
    if (foreignVersion !== undefined) foreign.set(foreignVersion, (foreign.get(foreignVersion) ?? 0) + 1);
    observer({ kind: "object", sink: name, key, bytes: size(object), what: "read" });
  });
  for (const [version, count] of foreign)
    notes.push(
      `${count} segments are of format version ${version}, which is not known: their SHA-256 was checked, and nothing else`,
    );
  return { bytes, ends };
}

/** A store whose beginning isn't there is as a server's retention leaves it; or a backup that was never complete. */
function noteBeginnings(chains: readonly Chain[], notes: string[]): void {
  const noted = new Set<string>();
  for (const { where, segments } of chains) {
    const first = segments[0]?.first ?? 0;
    if (first === 0 || noted.has(`${where} ${first}`)) continue;
    noted.add(`${where} ${first}`);
    notes.push(
      `${where} begins at token ${first}: the server didn't have what came before, or didn't list it`,
    );
  }
}

/** Removes the marks of objects that were read and are right: somebody has brought them back. Of an open segment's copy, all restore points must have been looked at. */
async function unmark(
  repository: Repository,
  present: readonly Present[],
  findings: Findings,
  notes: string[],
  { restorePoint, signal }: VerifyOptions,
): Promise<void> {
  const damaged = findings.toMend();
  const right = new Set<ObjectKey>();
  for (const { object, claims } of present)
    if (restorePoint === undefined || claims.some(({ whole }) => whole)) right.add(object.key);
  try {
    for (const key of await repository.damagedKeys())
      if (right.has(key) && !damaged.has(key)) await repository.removeDamageMark(key);
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error)) throw error;
    notes.push(`marks of objects that are right again could not be removed: ${error.message}`);
  }
}

/** Leaves marks for the next backup. A sink that can't be written to is no reason to withhold what was found. */
async function mark(
  repository: Repository,
  findings: Findings,
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const found = new Date().toISOString();
  try {
    for (const [key, finding] of findings.toMend()) await repository.markDamaged({ key, finding, found });
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error) && !(error instanceof EngineError)) throw error;
    notes.push(`what was found could not be marked for the next backup to mend: ${error.message}`);
  }
}
