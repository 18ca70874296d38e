import { isSinkError, type ObjectKey, type Sink, type StoredObject } from "@axon-backup/sink";
import { CONTROL_DBS, DAMAGED, damagedKey, runOf, WRITER_KEY } from "../repository/layout.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { pieceKey, pieceOf, type PieceSizes, sizeWithPieces } from "../repository/pieces.js";
import type { Report } from "./findings.js";
import { type Claim, type Requirement, usersOf } from "./requirements.js";

/** How many missing objects are looked at one by one: where more are missing, no stray file is the reason. */
const LOOKS = 16;

/** An object whose size and checksum are right for these claims; their bytes are another matter. */
export interface Present {
  readonly object: Requirement;
  readonly claims: readonly Claim[];
  /** How many of its bytes are needed. */
  readonly bytes: number;
  /** Of an open segment's copy: what changes whenever it is replaced, as far as the sink tells. Undefined for what never changes. */
  readonly copy: string | undefined;
}

/** What a listing of the whole sink showed. */
export interface Listing {
  readonly present: readonly Present[];
  /** Runs that a control DB is stored of. */
  readonly controlDbs: readonly RestorePointId[];
  /** Keys that have a damage mark. */
  readonly marked: ReadonlySet<ObjectKey>;
  /** Pieces of copies of open segments, which a head alone needs. */
  readonly pieces: number;
  /** Whether somebody writes to the repository, or was killed while writing. */
  readonly isBeingWritten: boolean;
}

type Stored = Omit<StoredObject, "key">;

/**
 * Compares one listing of the sink with what restore points need, and reports what is missing, too short, or has another checksum.
 * Memory grows with the number of objects needed; those that aren't don't count.
 */
export async function examineListing(
  sink: Sink,
  objects: ReadonlyMap<ObjectKey, Requirement>,
  report: Report,
  signal: AbortSignal | undefined,
): Promise<Listing> {
  const stored = new Map<ObjectKey, Stored>();
  const controlDbs: RestorePointId[] = [];
  const marked = new Set<ObjectKey>();
  const pieces = new Map<ObjectKey, number>();
  /** The copies that they are of: looked for by copy, and not piece by piece. */
  const inPieces = new Set<string>();
  let isBeingWritten = false;
  for await (const { key, size, checksum, version, modified } of sink.list("", signal ? { signal } : {})) {
    if (objects.has(key))
      stored.set(key, {
        size,
        ...(checksum && { checksum }),
        ...(version && { version }),
        ...(modified && { modified }),
      });
    const piece = pieceOf(key);
    if (piece) {
      pieces.set(key, size);
      inPieces.add(piece.copy);
    }
    const run = runOf(key, CONTROL_DBS, ".zip");
    if (run !== undefined) controlDbs.push(run);
    const damaged = key.startsWith(DAMAGED) ? damagedKey(key) : undefined;
    if (damaged !== undefined) marked.add(damaged);
    isBeingWritten ||= key === WRITER_KEY;
  }
  const present: Present[] = [];
  let looksLeft = LOOKS;
  for (const object of objects.values()) {
    const found = asLongAs(object, stored.get(object.key), pieces);
    const obstacle =
      found === undefined && looksLeft-- > 0 ? await obstacleAt(sink, object.key, signal) : undefined;
    const missing = found && inPieces.has(object.key) ? pieceAfter(object, found.size) : "";
    const claims = found === undefined ? [] : rightClaims(object, found, report, missing);
    if (found !== undefined && claims.length > 0) present.push(presentOf(object, claims, found));
    if (found === undefined) reportMissing(object, obstacle, report);
  }
  return { present, controlDbs, marked, pieces: pieces.size, isBeingWritten };
}

/** An open segment's copy is as long as what it goes on in makes it. */
function asLongAs(
  { key, claims }: Requirement,
  stored: Stored | undefined,
  pieces: PieceSizes,
): Stored | undefined {
  if (stored === undefined || pieces.size === 0 || claims.some(({ whole }) => whole)) return stored;
  return { ...stored, size: sizeWithPieces(key, stored.size, pieces) };
}

/** Where the next piece would be, of a copy that goes on in pieces: who looks at the copy alone finds nothing wrong. */
function pieceAfter({ key }: Requirement, size: number): string {
  return `; ${pieceKey(key, size)}, which it goes on with, is not there`;
}

/** The claims that the object's size and checksum agree with; the others are reported. */
function rightClaims(object: Requirement, stored: Stored, report: Report, missing: string): Claim[] {
  const claims: Claim[] = [];
  for (const claim of object.claims) {
    const finding = examine(stored, claim);
    if (finding === undefined) claims.push(claim);
    else
      reportClaim(
        object,
        claim,
        `${finding}${claim.whole ? "" : missing}`,
        object.kind !== "control-db",
        report,
      );
  }
  return claims;
}

function reportMissing(object: Requirement, obstacle: string | undefined, report: Report): void {
  const mend = object.kind !== "control-db" && obstacle === undefined;
  for (const claim of object.claims) reportClaim(object, claim, obstacle ?? "is missing", mend, report);
}

function reportClaim(
  { key }: Requirement,
  claim: Claim,
  finding: string,
  mend: boolean,
  report: Report,
): void {
  report({ key, finding, depth: "objects", restorePoints: usersOf(claim), mend, beginning: claim.bytes });
}

function presentOf(
  object: Requirement,
  claims: readonly Claim[],
  { size, version, modified }: Stored,
): Present {
  return {
    object,
    claims,
    bytes: Math.max(...claims.map(({ bytes }) => bytes)),
    copy: claims.some(({ whole }) => whole)
      ? undefined
      : `${size} ${version ?? modified?.toISOString() ?? ""}`.trim(),
  };
}

/**
 * What a sink says that stands in the place of an object, if it isn't one: a symbolic link, a pipe. A listing leaves it out, and a backup can't store anything there.
 */
async function obstacleAt(
  sink: Sink,
  key: ObjectKey,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  try {
    await sink.stat(key, signal ? { signal } : {});
  } catch (error) {
    if (!isSinkError(error)) throw error;
    if (error.kind === "invalid")
      return `is missing, and something else is in its place: ${error.message}. Remove that by hand; the next backup then stores the object again, if the server still has it`;
    if (error.kind === "transient") throw error;
  }
  return undefined;
}

function examine(
  { size, checksum }: Pick<StoredObject, "size" | "checksum">,
  { bytes, sha256, whole }: Claim,
): string | undefined {
  if (whole && size !== bytes) return `has ${size} bytes, and ${bytes} were stored`;
  if (size < bytes) return `has ${size} bytes, and the first ${bytes} are needed`;
  if (whole && checksum?.algorithm === "sha256" && checksum.value !== sha256)
    return `has the SHA-256 ${checksum.value} by the storage's own account, and ${sha256} was stored`;
  return undefined;
}
