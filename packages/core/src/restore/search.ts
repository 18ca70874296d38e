import {
  type SegmentEvent,
  type SegmentScan,
  SegmentScanner,
  type Token,
  type Transaction,
} from "@axon-backup/axon-server";
import { isSinkError, type Sink } from "@axon-backup/sink";
import { type AtOnce, SMALL_BYTES } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import type { Candidate } from "./plan.js";

/** The sinks that are asked for a segment, one after the other until one has it whole. */
export interface SegmentSources {
  readonly inOrder: readonly { readonly name: string; readonly sink: () => Promise<Sink> }[];
}

export interface SearchTools {
  readonly sources: SegmentSources;
  /** The context that is searched, for messages. */
  readonly context: string;
  /** Segments that are read side by side. */
  readonly atOnce: AtOnce;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal | undefined;
}

/** Between two transactions. */
export interface Boundary {
  /** The token of the first event behind it. */
  readonly nextToken: Token;
  /** When the last event before it was written, in milliseconds since 1970; undefined when that can't be told, or lies in another segment. */
  readonly lastTimestamp: number | undefined;
}

/**
 * Where the last transaction ends whose events are not later than `time`. Reads segments from the newest on back until one has such a transaction, and none before that one: whatever order the
 * times have, no later transaction than the one found is such a one. Empty events, which a transformation leaves, have no time and don't count; a transaction of such alone isn't looked for.
 * @param segments each in its newest version, ascending
 * @returns undefined when all events are later, or there are none
 * @throws EngineError `failed` when an event that it depends on can't be read; `damage`
 */
export async function findTime(
  tools: SearchTools,
  segments: readonly Candidate[],
  time: number,
): Promise<Boundary | undefined> {
  for (let end = segments.length, count = 1; end > 0; end -= count, count *= 2) {
    const isSmall = (segments[end - 1]?.bytes ?? 0) <= SMALL_BYTES;
    count = Math.min(count, end, isSmall ? tools.atOnce.all : tools.atOnce.large);
    const batch = segments.slice(end - count, end).toReversed();
    const outcomes = await mapConcurrent(batch, batch.length, tools.signal, (segment, signal) =>
      outcomeOf(findTimeIn(tools, segment, time, signal), signal),
    );
    for (const { error, boundary } of outcomes) {
      // What is wrong with a segment before the one that has it doesn't matter.
      if (error) throw error;
      if (boundary) return boundary;
    }
  }
  return undefined;
}

async function outcomeOf(
  work: Promise<Boundary | undefined>,
  signal: AbortSignal,
): Promise<{ readonly boundary?: Boundary | undefined; readonly error?: EngineError }> {
  try {
    return { boundary: await work };
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EngineError)) throw error;
    return { error };
  }
}

async function findTimeIn(
  tools: SearchTools,
  segment: Candidate,
  time: number,
  signal: AbortSignal,
): Promise<Boundary | undefined> {
  // A server that has just begun it.
  if (segment.bytes === 0) return undefined;
  let found: Boundary | undefined;
  /** The last transaction that may be the one, and may not. */
  let doubtful: Token | undefined;
  const scan = await readSegment(tools, segment, signal, () => {
    found = doubtful = undefined;
    return {
      onEvents({ firstToken, count }, events) {
        const age = ageOf(events, time);
        if (age === "not later") {
          found = { nextToken: (firstToken + count) as Token, lastTimestamp: lastTimeOf(events) };
          doubtful = undefined;
        } else if (age === "unknown") doubtful = firstToken;
      },
    };
  });
  if (scan.state === "foreign")
    throw unreadable(tools, segment, `its format version, ${scan.formatVersion}, is not known`);
  if (scan.flags !== 0 && scan.transactions > 0)
    throw unreadable(
      tools,
      segment,
      "its events were changed by the server before they were written (encrypted, for instance)",
    );
  if (doubtful !== undefined)
    throw unreadable(tools, segment, `an event from token ${doubtful} on is not as events are`);
  if (scan.state === "torn")
    tools.warn(
      `${tools.context}/${segment.name} was damaged when it was backed up: transactions from token ${scan.nextToken} on in it were not looked at for the time`,
    );
  return found;
}

/**
 * What stands around a transaction.
 * @param segment the one that holds the token, in its newest version
 * @returns undefined when the segment can't be read up to there
 */
export async function findTransaction(
  tools: SearchTools,
  segment: Candidate,
  token: Token,
): Promise<{ readonly before: Boundary; readonly after: Boundary } | undefined> {
  let before: Boundary = { nextToken: segment.first, lastTimestamp: undefined };
  let after: Boundary | undefined;
  const pass = (transaction: Transaction, events: readonly SegmentEvent[] | undefined): void => {
    if (after) return;
    const nextToken = (transaction.firstToken + transaction.count) as Token;
    const boundary = { nextToken, lastTimestamp: (events && lastTimeOf(events)) ?? before.lastTimestamp };
    if (token < nextToken) after = boundary;
    else before = boundary;
  };
  await readSegment(tools, segment, tools.signal ?? new AbortController().signal, () => {
    before = { nextToken: segment.first, lastTimestamp: undefined };
    after = undefined;
    let pending: Transaction | undefined;
    return {
      // Events come behind their transaction, and not at all where they can't be read.
      onTransaction(transaction) {
        if (pending) pass(pending, undefined);
        pending = transaction;
      },
      onEvents(transaction, events) {
        pending = undefined;
        pass(transaction, events);
      },
      onEnd() {
        if (pending) pass(pending, undefined);
      },
      isDone: () => after !== undefined,
    };
  });
  return after && { before, after };
}

interface Visitor {
  onTransaction?(transaction: Transaction): void;
  onEvents(transaction: Transaction, events: readonly SegmentEvent[]): void;
  onEnd?(): void;
  /** Whether the rest doesn't matter. */
  isDone?(): boolean;
}

/** @param begin called before each attempt: what an earlier one concluded counts for nothing */
async function readSegment(
  { sources, context }: SearchTools,
  segment: Candidate,
  signal: AbortSignal,
  begin: () => Visitor,
): Promise<SegmentScan> {
  const faults: string[] = [];
  let isDamage = false;
  for (const { name, sink } of sources.inOrder) {
    const visitor = begin();
    const scanner = new SegmentScanner({
      segment: segment.first,
      onTransaction: (transaction) => visitor.onTransaction?.(transaction),
      onEvents: (transaction, events) => {
        visitor.onEvents(transaction, events);
      },
    });
    try {
      const bytes = await pushAll(await sink(), segment, scanner, visitor, signal);
      visitor.onEnd?.();
      const scan = scanner.end();
      if (visitor.isDone?.() === true) return scan;
      const isWhole = bytes === segment.bytes && (scan.state !== "torn" || segment.problem !== undefined);
      if (isWhole) return scan;
      isDamage = true;
      faults.push(
        `on ${name} it is damaged: ${scan.state === "torn" ? scan.reason : `it has ${bytes} bytes, and ${segment.bytes} were stored`}`,
      );
    } catch (error) {
      signal.throwIfAborted();
      if (!isSinkError(error) && !(error instanceof EngineError)) throw error;
      isDamage ||= isSinkError(error, "not-found");
      faults.push(
        isSinkError(error, "not-found") ? `on ${name} it is missing` : `on ${name}: ${error.message}`,
      );
    }
  }
  throw new EngineError(
    isDamage ? "damage" : "failed",
    `${segment.key}, which may hold the moment that is asked for in context ${context}, can't be read: ${faults.join("; ")}`,
    "Name another sink with --sink, too; or an earlier restore point with --restore-point: only what that one has is searched then.",
  );
}

async function pushAll(
  sink: Sink,
  { key, bytes, prefix }: Candidate,
  scanner: SegmentScanner,
  visitor: Visitor,
  signal: AbortSignal,
): Promise<number> {
  let came = 0;
  if (prefix && bytes === 0) return came;
  for await (const chunk of sink.get(key, {
    signal,
    ...(prefix && { range: { offset: 0, length: bytes } }),
  })) {
    came += chunk.byteLength;
    scanner.push(chunk);
    if (visitor.isDone?.() === true) break;
  }
  return came;
}

function ageOf(events: readonly SegmentEvent[], time: number): "later" | "not later" | "unknown" | "none" {
  let age: "not later" | "unknown" | "none" = "none";
  for (const event of events) {
    if (!event.readable) age = "unknown";
    else if (event.timestamp > time) return "later";
    else if (event.timestamp !== 0 && age === "none") age = "not later";
  }
  return age;
}

function lastTimeOf(events: readonly SegmentEvent[]): number | undefined {
  let last: number | undefined;
  for (const event of events) if (event.readable && event.timestamp !== 0) last = event.timestamp;
  return last;
}

function unreadable({ context }: SearchTools, { name }: Candidate, why: string): EngineError {
  return new EngineError(
    "failed",
    `context ${context} can't be restored to a time: when the events of ${name} were written can't be told, because ${why}`,
    "Restore to a token instead, or name an earlier restore point with --restore-point: only what that one has is searched.",
  );
}
