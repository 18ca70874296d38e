import {
  type SegmentEvent,
  SegmentScanner,
  type SegmentScannerOptions,
  type SegmentScan,
  token,
  type Token,
  type Transaction,
} from "@axon-backup/axon-server";
import fc from "fast-check";

import {
  delimited,
  encodeEvent,
  encodeTransaction,
  END_MARKER,
  header,
  tag,
  varintField,
} from "./segment-encoder.js";

/** A segment's bytes, and what a reader must find in them. */
export interface SegmentModel {
  readonly segment: Token;
  readonly bytes: Buffer;
  readonly formatVersion: number;
  readonly closed: boolean;
  readonly transactions: readonly ReadTransaction[];
}

export interface ReadTransaction {
  readonly transaction: Transaction;
  readonly events: readonly SegmentEvent[];
}

interface ModelEvent {
  readonly bytes: Buffer;
  readonly event: (token: Token) => SegmentEvent;
}

const int64 = { min: -(2n ** 63n), max: 2n ** 63n - 1n };
const safe = { min: -(2n ** 53n) + 1n, max: 2n ** 53n - 1n };
const numbers = fc.oneof(fc.bigInt(safe), fc.bigInt(int64));

const readableEvent: fc.Arbitrary<ModelEvent> = fc
  .record({
    fields: fc.record(
      {
        messageIdentifier: fc.string({ maxLength: 40 }),
        aggregateIdentifier: fc.string({ unit: "binary", maxLength: 40 }),
        sequenceNumber: numbers,
        aggregateType: fc.string({ maxLength: 20 }),
        timestamp: fc.oneof(fc.bigInt({ min: 1_600_000_000_000n, max: 1_800_000_000_000n }), numbers),
        payload: fc.uint8Array({ maxLength: 300 }),
        metadata: fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 3 }),
        snapshot: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
    unknown: fc.array(
      fc.oneof(
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map((value) => varintField(9, value)),
        fc.uint8Array({ maxLength: 30 }).map((content) => delimited(1000, content)),
        fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.concat([tag(16, 1), bytes])),
        fc.uint8Array({ minLength: 4, maxLength: 4 }).map((bytes) => Buffer.concat([tag(17, 5), bytes])),
        // A known number with another wire type is an unknown field.
        fc.uint8Array({ maxLength: 5 }).map((content) => delimited(3, content)),
      ),
      { maxLength: 2 },
    ),
  })
  .map(({ fields, unknown }) => ({
    bytes: Buffer.concat([...unknown, encodeEvent(fields)]),
    event: (token) => ({
      readable: true,
      token,
      aggregateIdentifier: fields.aggregateIdentifier ?? "",
      sequenceNumber: Number(fields.sequenceNumber ?? 0n),
      timestamp: Number(fields.timestamp ?? 0n),
      snapshot: fields.snapshot ?? false,
    }),
  }));

const unreadableEvent: fc.Arbitrary<ModelEvent> = fc
  .constantFrom(
    Buffer.from([0x00, 0x00]), // field number 0
    Buffer.from([0x0b]), // a group
    Buffer.from([0x12]), // no length
    Buffer.from([0x12, 0x05, 0x61]), // longer than the event
    Buffer.from([0x32, 0x85]), // ends inside of a varint
    Buffer.alloc(11, 0xff), // a varint that never ends
  )
  .map((bytes) => ({ bytes, event: (token) => ({ readable: false, token }) }));

const modelEvent = fc.oneof(
  { weight: 8, arbitrary: readableEvent },
  { weight: 1, arbitrary: unreadableEvent },
);

/** Any segment, as a server may have written it. */
export const segmentModel: fc.Arbitrary<SegmentModel> = fc
  .record({
    segment: fc.nat({ max: 2 ** 40 }),
    formatVersion: fc.constantFrom(0, 1, 2),
    transactions: fc.array(fc.array(modelEvent, { minLength: 1, maxLength: 5 }), { maxLength: 6 }),
    closed: fc.boolean(),
    // An oversize segment ends right behind its marker.
    zeros: fc.oneof(fc.constantFrom(0, 4), fc.nat({ max: 200 })),
  })
  .map((parts) => ({ ...parts, zeros: parts.closed ? parts.zeros : Math.max(4, parts.zeros) }))
  .map(({ segment, formatVersion, transactions, closed, zeros }) => {
    const bytes = [header(formatVersion)];
    const read: ReadTransaction[] = [];
    let offset = 5;
    let next = segment;
    for (const events of transactions) {
      const encoded = encodeTransaction(events.map((event) => event.bytes));
      const first = next;
      read.push({
        transaction: { offset, end: offset + encoded.length, firstToken: token(first), count: events.length },
        events: events.map((event, index) => event.event(token(first + index))),
      });
      bytes.push(encoded);
      offset += encoded.length;
      next += events.length;
    }
    if (closed) bytes.push(END_MARKER);
    bytes.push(Buffer.alloc(zeros));
    return {
      segment: token(segment),
      bytes: Buffer.concat(bytes),
      formatVersion,
      closed,
      transactions: read,
    };
  });

/** Where the transactions of a model end. */
export function contentEnd(model: SegmentModel): number {
  return model.transactions.at(-1)?.transaction.end ?? 5;
}

export interface Reading {
  readonly scan: SegmentScan;
  readonly transactions: readonly ReadTransaction[];
}

/** Reads pieces with a scanner, each from a buffer that is overwritten afterwards. */
export function read(
  pieces: Iterable<Uint8Array>,
  options: Omit<SegmentScannerOptions, "onTransaction" | "onEvents">,
): Reading {
  const transactions: ReadTransaction[] = [];
  const scanner = new SegmentScanner({
    ...options,
    onEvents: (transaction, events) => transactions.push({ transaction, events }),
  });
  for (const piece of pieces) {
    const copy = Uint8Array.from(piece);
    scanner.push(copy);
    copy.fill(0xee);
  }
  return { scan: scanner.end(), transactions };
}

/** `bytes`, split at `cuts` (any numbers). */
export function split(bytes: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const offsets = cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b);
  const bounds = [0, ...offsets, bytes.length];
  return bounds.slice(1).map((end, index) => bytes.subarray(bounds[index], end));
}
