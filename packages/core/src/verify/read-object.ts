import { type SegmentScan, SegmentScanner, type Token } from "@axon-backup/axon-server";
import { isSinkError, type ObjectKey, type Sink, type SinkError } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type StreamHash, streamHash } from "../hash/stream-hash.js";
import { REPOSITORY_KEY } from "../repository/layout.js";
import { CONTROL_DB_FILE, openControlDbZip } from "../control-db/zip.js";
import type { Present } from "./examine.js";
import type { Report } from "./findings.js";
import { type Claim, usersOf } from "./requirements.js";

export interface ReadTools {
  readonly sink: Sink;
  readonly report: Report;
  readonly signal: AbortSignal;
  readonly onBytes: (bytes: number) => void;
  /** The same, of bytes that were read before. */
  readonly onBytesAgain: (bytes: number) => void;
}

/** What reading an object told beside findings. */
export interface ReadResult {
  /** Of a closed segment that is whole: the first token of the next one. */
  readonly nextToken?: Token;
  /** Set when the segment's format isn't known, so that nothing but its hash was checked. */
  readonly foreignVersion?: number;
  /** Of a segment: how many transactions and events were seen. */
  readonly transactions?: number;
  readonly events?: number;
  /** Whether nothing was found wrong with it. */
  readonly right: boolean;
}

/**
 * Reads an object and checks every claim on it: hashes, a segment's transactions, a control DB's zip. An object that can't be read though
 * the sink answers otherwise, and again can't, is a finding too.
 */
export async function readObject(tools: ReadTools, present: Present): Promise<ReadResult> {
  const failed = async (error: unknown): Promise<SinkError> => {
    if (!isSinkError(error)) throw error;
    await probe(tools.sink, tools.signal);
    return error;
  };
  try {
    return await readOnce(tools, present);
  } catch (error) {
    const { kind } = await failed(error);
    if (kind === "not-found") return unreadable(tools, present, "is missing");
  }
  // What was in the way may have been in the way of all objects, and be over since: the sink answers.
  const { sink, report, signal, onBytesAgain } = tools;
  try {
    return await readOnce({ sink, report, signal, onBytes: onBytesAgain, onBytesAgain }, present);
  } catch (error) {
    const { kind, message } = await failed(error);
    return unreadable(tools, present, kind === "not-found" ? "is missing" : `can't be read: ${message}`);
  }
}

function unreadable({ report }: ReadTools, { object, claims }: Present, finding: string): ReadResult {
  const { key, kind } = object;
  const restorePoints = usersOf({ users: claims.flatMap(({ users }) => users) });
  report({ key, finding, depth: "data", restorePoints, mend: kind !== "control-db", beginning: 0 });
  return { right: false };
}

/** Nothing is reported of what can't be read to its end. */
async function readOnce(tools: ReadTools, { object, claims }: Present): Promise<ReadResult> {
  const { key, kind } = object;
  const found: Parameters<Report>[0][] = [];
  const report: ReportClaim = (claim, finding, { depth = "data", mend = kind !== "control-db" } = {}) => {
    found.push({ key, finding, depth, restorePoints: usersOf(claim), mend, beginning: claim.bytes });
  };
  let result = await checkClaims(tools, key, object.first, claims, report);
  if (kind === "control-db" && result.right) {
    const finding = await readControlDb(tools, key, claims);
    const everyone = { users: claims.flatMap(({ users }) => users), bytes: 0 };
    if (finding !== undefined) report(everyone, finding, { depth: "store" });
    result = { ...result, right: finding === undefined };
  }
  for (const finding of found) tools.report(finding);
  return result;
}

async function checkClaims(
  tools: ReadTools,
  key: ObjectKey,
  first: Token | undefined,
  claims: readonly Claim[],
  report: ReportClaim,
): Promise<ReadResult> {
  const marks = claims.toSorted((a, b) => a.bytes - b.bytes);
  const hash = streamHash(marks.at(-1)?.bytes ?? 0);
  try {
    return await readMarks(tools, key, first, marks, hash, report);
  } finally {
    hash.close();
  }
}

/** Reads an object once, up to the last mark, and settles each claim where its bytes end. */
async function readMarks(
  { sink, signal, onBytes }: ReadTools,
  key: ObjectKey,
  first: Token | undefined,
  marks: readonly Claim[],
  hash: StreamHash,
  report: ReportClaim,
): Promise<ReadResult> {
  const scanner = first === undefined ? undefined : new SegmentScanner({ segment: first });
  const result: { -readonly [Name in keyof ReadResult]: ReadResult[Name] } = { right: true };
  let position = 0;
  let mark = 0;
  /** Everything that ends where reading stands now. */
  const settle = async (): Promise<void> => {
    for (let claim = marks[mark]; claim?.bytes === position; claim = marks[++mark]) {
      const scan = scanner?.end();
      const finding = judge(claim, await hash.digest(), scan);
      if (finding !== undefined) {
        report(claim, finding.text, finding.how);
        result.right = false;
      } else if (scan?.state === "foreign") result.foreignVersion = scan.formatVersion;
      else if (claim.whole && scan?.state === "closed") result.nextToken = scan.nextToken;
      if (scan !== undefined && first !== undefined) {
        result.transactions = scan.transactions;
        result.events = scan.nextToken - first;
      }
    }
  };
  await settle();
  const end = marks.at(-1)?.bytes ?? 0;
  if (end > 0)
    for await (const chunk of sink.get(key, { signal, range: { offset: 0, length: end } })) {
      onBytes(chunk.byteLength);
      for (let at = 0; at < chunk.byteLength;) {
        const piece = chunk.subarray(at, at + (marks[mark]?.bytes ?? Infinity) - position);
        await hash.update(piece);
        scanner?.push(piece);
        position += piece.byteLength;
        at += piece.byteLength;
        await settle();
      }
    }
  for (const claim of marks.slice(mark)) {
    report(claim, `ends after ${position} bytes, and the first ${claim.bytes} are needed`);
    result.right = false;
  }
  return result;
}

/** The check that found it, `data` if left out; and whether storing it again can help: true if left out, but for control DBs. */
interface How {
  readonly depth?: "data" | "store";
  readonly mend?: boolean;
}

type ReportClaim = (claim: Pick<Claim, "users" | "bytes">, finding: string, how?: How) => void;

/** What is wrong with the bytes up to a claim's end, if anything. What was wrong already on the server, storing it again doesn't mend. */
function judge(
  claim: Claim,
  hash: string,
  scan: SegmentScan | undefined,
): { readonly text: string; readonly how?: How } | undefined {
  const part = claim.whole ? "" : ` in the first ${claim.bytes}`;
  const reason = scan?.state === "torn" ? ` (${scan.reason})` : "";
  if (hash !== claim.sha256) return { text: `has other bytes than were stored${part}${reason}` };
  const text = misread(claim, scan, part, reason);
  return text === undefined ? undefined : { text, how: { depth: "store", mend: false } };
}

/** What a segment's transactions say against it, though its bytes are those that were stored. */
function misread(
  claim: Claim,
  scan: SegmentScan | undefined,
  part: string,
  reason: string,
): string | undefined {
  if (scan === undefined || scan.state === "foreign" || claim.bytes === 0) return undefined;
  if (claim.isKnownBad === true) return undefined;
  if (scan.state === "torn") return `was damaged already when it was stored${part}${reason}`;
  if (claim.whole && scan.state !== "closed") return "was stored as a closed segment, and has no end marker";
  if (!claim.whole && scan.validBytes !== claim.bytes && !isUnwritten(scan))
    return `holds valid bytes up to ${scan.validBytes} alone, of the first ${claim.bytes}`;
  if (claim.nextToken !== undefined && scan.nextToken !== claim.nextToken)
    return `ends before token ${scan.nextToken}${part}, and the restore point says ${claim.nextToken}`;
  return undefined;
}

/** A header of zeros may not have been written when it was copied: the scanner doesn't call it valid. */
function isUnwritten(scan: SegmentScan): boolean {
  return scan.validBytes === 0 && scan.transactions === 0;
}

/** What the database in a control DB's zip begins with: H2's header (docs/axon-server.md, section 1). */
const DATABASE = /^H:\d+,/;
const DATABASE_BYTES = 16;

/** What is wrong with what is in the zip, if anything. */
async function readControlDb(
  { sink, signal, onBytesAgain }: ReadTools,
  key: ObjectKey,
  claims: readonly Claim[],
): Promise<string | undefined> {
  const size = claims[0]?.bytes ?? 0;
  let beginning = "";
  try {
    const zip = await openControlDbZip(key, size, (offset, length) =>
      copies(sink.get(key, { signal, range: { offset, length } }), onBytesAgain),
    );
    for await (const chunk of zip.content()) {
      signal.throwIfAborted();
      if (beginning.length < DATABASE_BYTES)
        beginning += Buffer.from(chunk).toString("latin1", 0, DATABASE_BYTES - beginning.length);
    }
  } catch (error) {
    if (!(error instanceof EngineError && error.kind === "damage")) throw error;
    return `${error.message.replace(`${key} `, "")}. It was so already when it was stored`;
  }
  if (DATABASE.test(beginning)) return undefined;
  return `is not a backup of a control DB: ${CONTROL_DB_FILE} in it doesn't begin as a database of H2. It was so already when it was stored`;
}

/** The zip reader keeps chunks, which belong to the sink. */
async function* copies(
  chunks: AsyncIterable<Uint8Array>,
  onBytes: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    onBytes(chunk.byteLength);
    yield Buffer.from(chunk);
  }
}

/** Rejects when the sink doesn't answer at all: then no object can be called damaged. */
async function probe(sink: Sink, signal: AbortSignal): Promise<void> {
  try {
    for await (const chunk of sink.get(REPOSITORY_KEY, { signal })) if (chunk.byteLength > 0) return;
  } catch (error) {
    if (!isSinkError(error, "not-found")) throw error;
  }
}
