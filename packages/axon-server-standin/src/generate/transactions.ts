import { randomFillSync } from "node:crypto";

import { encodeEvent } from "../format/event.js";
import { sealTransaction, TRANSACTION_HEADER_BYTES } from "../format/segment.js";

const AGGREGATES = 1000;
const POOL_BYTES = 1 << 20;
const ID = "evt-";
const ID_DIGITS = 12;
const AGGREGATE = "order-";
const AGGREGATE_DIGITS = 3;

/** An event's bytes with the places to fill in. All events of one template have the same length. */
interface Template {
  readonly sequenceNumber: number;
  readonly bytes: Buffer;
  readonly idAt: number;
  readonly aggregateAt: number;
  readonly payloadAt: number;
}

/** Makes transactions of generated events fast: from a template, with payloads out of a pool of random bytes. */
export class TransactionMill {
  private readonly pool: Buffer;
  private template: Template;

  constructor(
    private readonly eventsPerTransaction: number,
    private readonly payloadBytes: number,
  ) {
    this.pool = randomFillSync(Buffer.allocUnsafe(POOL_BYTES + payloadBytes));
    this.template = makeTemplate(0, payloadBytes);
  }

  /** Bytes of the transaction that starts with the event of this token: a few more as numbers grow. */
  size(token: number): number {
    this.prepare(token);
    return TRANSACTION_HEADER_BYTES + this.eventsPerTransaction * (4 + this.template.bytes.byteLength) + 4;
  }

  /** Writes that transaction into `target`, which has its size. */
  fill(target: Buffer, token: number): void {
    this.prepare(token);
    const { bytes, idAt, aggregateAt, payloadAt } = this.template;
    let position = TRANSACTION_HEADER_BYTES;
    for (let event = token; event < token + this.eventsPerTransaction; event += 1) {
      position = target.writeInt32BE(bytes.byteLength, position);
      bytes.copy(target, position, 0, payloadAt);
      target.write(String(event).padStart(ID_DIGITS, "0"), position + idAt, ID_DIGITS, "latin1");
      const aggregate = String(event % AGGREGATES).padStart(AGGREGATE_DIGITS, "0");
      target.write(aggregate, position + aggregateAt, AGGREGATE_DIGITS, "latin1");
      const from = (event * 7919) % POOL_BYTES;
      this.pool.copy(target, position + payloadAt, from, from + this.payloadBytes);
      position += bytes.byteLength;
    }
    sealTransaction(target, this.eventsPerTransaction);
  }

  /** A transaction is of one template: its events share the sequence number of the first. */
  private prepare(token: number): void {
    const sequenceNumber = Math.floor(token / AGGREGATES);
    if (sequenceNumber !== this.template.sequenceNumber) {
      this.template = makeTemplate(sequenceNumber, this.payloadBytes);
    }
  }
}

function makeTemplate(sequenceNumber: number, payloadBytes: number): Template {
  const bytes = encodeEvent({
    messageIdentifier: ID + "0".repeat(ID_DIGITS),
    aggregateIdentifier: AGGREGATE + "0".repeat(AGGREGATE_DIGITS),
    sequenceNumber,
    aggregateType: "Order",
    timestamp: 1_700_000_000_000 + sequenceNumber * 1000,
    payloadType: "com.example.OrderPlaced",
    payload: Buffer.alloc(payloadBytes),
  });
  return {
    sequenceNumber,
    bytes,
    idAt: bytes.indexOf(ID) + ID.length,
    aggregateAt: bytes.indexOf(AGGREGATE) + AGGREGATE.length,
    payloadAt: bytes.byteLength - payloadBytes,
  };
}
