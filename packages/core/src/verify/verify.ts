import { isSinkError, type ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { ignoreEvents } from "../observer.js";
import { HEAD_KEY, REPOSITORY_KEY } from "../repository/layout.js";
import type { Manifest } from "../repository/manifest.js";
import { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { VerifiedRestorePoint } from "../repository/verification.js";
import { systemClock } from "../sinks/clock.js";
import { chooseWhat } from "./choose.js";
import { answer } from "./continuity.js";
import { examineListing, type Listing } from "./examine.js";
import { Findings } from "./findings.js";
import { reportLost } from "./lost.js";
import { mark, unmark } from "./marks.js";
import { NOTHING_READ, readAll, type Reading } from "./read-all.js";
import { ReadTimes } from "./read-times.js";
import { RecordKeeper } from "./record-keeper.js";
import { Requirements } from "./requirements.js";
import { reportStandingMarks } from "./standing-marks.js";
import type { LastRead, PointVerified, VerifyOptions, VerifyReport } from "./types.js";
import { describeHead, describePoints, type Examined, verifiedAfter } from "./verified-points.js";

/**
 * Checks that what restore points need is on the sink as it was stored, to a depth (see `Depth`): by one listing, and with `readData` by reading every byte once, or
 * as many as a budget allows, those first that were read the longest ago. Damage is a finding, and the work goes on; findings about files of the store are marked for the
 * next backup to mend. What was read, and which restore points are right, is recorded on the sink; what was read also when the run is stopped.
 * @throws EngineError `usage` when there is nothing to verify; errors of a sink that doesn't answer; the signal's reason
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { sink, name, signal, restorePoint, observer = ignoreEvents } = options;
  const { clock = systemClock, now = () => new Date() } = options;
  const findings = new Findings();
  const notes: string[] = [];

  observer({ kind: "step", sink: name, step: "manifests" });
  const repository = await openRepository(options);
  reportProblem(repository, findings);
  // Read once: one that replaces it needs all that this one needs, and so does a restore point that is made meanwhile.
  const commits = await repository.commits();
  const all = commits.restorePoints;
  const before = await repository.verification();
  const seen = new Set([...before.restorePoints.map(({ id }) => id), ...(before.seen ?? [])]);
  const { restorePoints: chosen, head, problem } = chooseWhat(commits, restorePoint, seen.size > 0);
  const requirements = new Requirements(repository, findings.report);
  const gone = await addAll(requirements, chosen);
  if (problem) reportHead(problem, findings);
  if (head) await requirements.addManifest(head, HEAD_KEY);
  const times = ReadTimes.of(await repository.verifiedObjects());

  const needed: ReadonlyMap<string, unknown> = requirements.objects;

  observer({ kind: "step", sink: name, step: "objects" });
  const listing = await examineListing(sink, requirements.objects, findings.report, signal);
  const keeper =
    options.mark === false ? undefined : new RecordKeeper(repository, times, { clock, now, notes, signal });
  let reading = NOTHING_READ;
  if (options.readData === true)
    try {
      reading = await readAll(options, listing, { findings, times, keeper, notes, clock, now });
    } catch (error) {
      await keeper?.stopped();
      throw error;
    }
  for (const question of requirements.questions) {
    const end = reading.ends.get(question.key);
    if (end !== undefined) answer(question, end, findings.report);
  }
  notes.push(...requirements.beginnings);
  if (
    listing.pieces > 0 &&
    !listing.isBeingWritten &&
    head === undefined &&
    restorePoint === undefined &&
    !problem
  )
    notes.push(
      `there are ${listing.pieces} objects of new events, and no head.json that says what they are: a run was cut off, or somebody has removed it. The next backup stores what the server has`,
    );
  await reportStandingMarks(sink, listing, (key) => reading.read.has(key), findings.report, signal);

  const existing = new Set(await repository.restorePoints());
  findings.keepOnly(
    new Set(head && (await stillGoesOn(repository, head)) ? [...existing, head.id] : existing),
  );
  // Whoever asks for one restore point isn't told of others.
  const told =
    restorePoint === undefined ? { report: findings.report, notes } : { report: () => undefined, notes: [] };
  const there = new Set([...existing, ...all]);
  const { parents, borrowed } = requirements;
  const lost = reportLost(
    { ...listing, restorePoints: there, parents, borrowed, seen },
    told.report,
    told.notes,
  );
  const examined: Examined = {
    checked: chosen.filter((id) => !gone.has(id) && existing.has(id)),
    damaged: findings.restorePoints(),
    existing,
    present: listing.present,
    times,
    now: now(),
  };
  const record = verifiedAfter(before.restorePoints, examined);
  if (keeper !== undefined) {
    await mark(repository, findings, now(), notes, signal);
    if (restorePoint === undefined && requirements.isComplete) times.retain((key) => needed.has(key));
    if (options.readData === true) {
      await unmark(
        repository,
        listing.marked,
        rightAgain(listing, reading, findings, options),
        notes,
        signal,
      );
      await keeper.finish();
    }
    await recordPoints(repository, record, lost, notes, signal);
  }
  const ofHead = head && describeHead(head.id, examined);
  return report(options, examined, record, { requirements, listing, reading, findings, notes, ofHead });
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

function reportProblem({ problem }: Repository, findings: Findings): void {
  if (problem !== undefined)
    findings.report({
      key: REPOSITORY_KEY,
      finding: `${problem}. Restore points can be restored without it, and the next backup writes it anew`,
      depth: "objects",
      restorePoints: [],
      mend: false,
      mendedAnyway: true,
    });
}

/** It only saves waiting: restore points don't need it. */
function reportHead({ message }: EngineError, findings: Findings): void {
  findings.report({
    key: HEAD_KEY,
    finding: `${message.replace(`${HEAD_KEY} `, "")}. What was stored after the newest restore point can't be restored; the next backup removes it, and stores all of that`,
    depth: "objects",
    restorePoints: [],
    mend: false,
    mendedAnyway: true,
  });
}

/** Whether the head, or one that has replaced it, still goes on from the same restore point: what is found of one that has done its service concerns nobody. */
async function stillGoesOn(repository: Repository, { parent }: Manifest): Promise<boolean> {
  try {
    return (await repository.readHead())?.restorePoint === parent;
  } catch (error) {
    if (!(error instanceof EngineError)) throw error;
    return true;
  }
}

/** Adds up what the restore points need. @returns those that were removed after they had been listed: by `prune` */
async function addAll(
  requirements: Requirements,
  ids: readonly RestorePointId[],
): Promise<ReadonlySet<RestorePointId>> {
  const gone = new Set<RestorePointId>();
  for (const id of ids)
    try {
      await requirements.add(id);
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "usage")) throw error;
      gone.add(id);
    }
  return gone;
}

/** Which objects were read and are right in all their bytes. Of an open segment's copy, all restore points must have been looked at. */
function rightAgain(
  { present }: Listing,
  { right }: Reading,
  findings: Findings,
  { restorePoint }: VerifyOptions,
): (key: ObjectKey) => boolean {
  const damaged = findings.toMend();
  const changing = new Set(present.flatMap(({ object, copy }) => (copy === undefined ? [] : [object.key])));
  return (key) => right.has(key) && !damaged.has(key) && (restorePoint === undefined || !changing.has(key));
}

async function recordPoints(
  repository: Repository,
  record: readonly VerifiedRestorePoint[],
  lost: readonly RestorePointId[],
  notes: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    // Looked up now: one that `prune` has removed meanwhile must not look like one that was lost.
    const existing = await repository.restorePoints();
    await repository.writeVerifiedRestorePoints(record, [...new Set([...existing, ...lost])].sort());
  } catch (error) {
    signal?.throwIfAborted();
    if (!isSinkError(error) && !(error instanceof EngineError)) throw error;
    notes.push(`which restore points were verified could not be recorded: ${error.message}`);
  }
}

function report(
  { readData }: VerifyOptions,
  examined: Examined,
  record: readonly VerifiedRestorePoint[],
  run: {
    readonly requirements: Requirements;
    readonly listing: Listing;
    readonly reading: Reading;
    readonly findings: Findings;
    readonly notes: readonly string[];
    readonly ofHead: PointVerified | undefined;
  },
): VerifyReport {
  const { checked, times } = examined;
  const { objects, bytes, seconds, store } = run.reading;
  const findings = run.findings.list();
  // Many are read in one second: they have one text together.
  const texts = new Map<number, string>();
  const textOf = (second: number): string => {
    const text = texts.get(second) ?? new Date(second * 1000).toISOString();
    texts.set(second, text);
    return text;
  };
  const lastRead = run.listing.present.map((object): LastRead => {
    const read = times.valid(object);
    return { key: object.object.key, bytes: object.bytes, read: read === undefined ? null : textOf(read) };
  });
  return {
    depth: readData === true ? "data" : "objects",
    restorePoints: checked,
    verified: describePoints(record, examined),
    head: run.ofHead ?? null,
    objects: run.requirements.objects.size,
    size: lastRead.reduce((sum, object) => sum + object.bytes, 0),
    bytes,
    read: objects,
    seconds,
    store,
    lastRead: lastRead.sort((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))),
    findings,
    notes: run.notes,
    damaged: findings.length > 0,
  };
}
