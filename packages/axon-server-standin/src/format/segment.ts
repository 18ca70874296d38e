import { crc32 } from "node:zlib";

/** `version:u8 flags:i32` */
export const HEADER_BYTES = 5;
/** The end marker: -1 in a complete segment. */
export const END_BYTES = 4;
/** `size:i32 version:u8 count:i16` before the events. */
export const TRANSACTION_HEADER_BYTES = 7;
/** What servers write today. */
export const FORMAT_VERSION = 2;
/** `count` is a signed 16-bit integer. */
export const MAX_EVENTS_PER_TRANSACTION = 32_767;

/** The first bytes of a segment without an event transformer. */
export function segmentHeader(): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FORMAT_VERSION, 0);
  return header;
}

/** A transaction, complete: `size version count (length event)* crc32`. */
export function encodeTransaction(events: readonly Uint8Array[]): Buffer {
  if (events.length === 0 || events.length > MAX_EVENTS_PER_TRANSACTION) {
    throw new RangeError(
      `a transaction holds 1 to ${MAX_EVENTS_PER_TRANSACTION} events, not ${events.length}`,
    );
  }
  const size = events.reduce((sum, event) => sum + 4 + event.byteLength, 0);
  const transaction = Buffer.allocUnsafe(TRANSACTION_HEADER_BYTES + size + 4);
  let position = TRANSACTION_HEADER_BYTES;
  for (const event of events) {
    position = transaction.writeInt32BE(event.byteLength, position);
    transaction.set(event, position);
    position += event.byteLength;
  }
  sealTransaction(transaction, events.length);
  return transaction;
}

/** Writes a transaction's header and CRC around its events, which are in place already. */
export function sealTransaction(transaction: Buffer, count: number): void {
  const crcAt = transaction.byteLength - 4;
  transaction.writeInt32BE(crcAt - TRANSACTION_HEADER_BYTES, 0);
  transaction.writeUInt8(FORMAT_VERSION, 4);
  transaction.writeInt16BE(count, 5);
  transaction.writeUInt32BE(crc32(transaction.subarray(TRANSACTION_HEADER_BYTES, crcAt)), crcAt);
}
