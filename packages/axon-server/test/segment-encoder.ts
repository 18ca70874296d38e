import { crc32 } from "node:zlib";

/** The fields of an `Event` message; absent ones are left out, as protobuf does with defaults. */
export interface EventFields {
  readonly messageIdentifier?: string;
  readonly aggregateIdentifier?: string;
  readonly sequenceNumber?: bigint;
  readonly aggregateType?: string;
  readonly timestamp?: bigint;
  readonly payload?: Uint8Array;
  readonly metadata?: readonly Uint8Array[];
  readonly snapshot?: boolean;
}

export function encodeEvent(fields: EventFields): Buffer {
  const parts: Buffer[] = [];
  if (fields.messageIdentifier !== undefined) parts.push(delimited(1, Buffer.from(fields.messageIdentifier)));
  if (fields.aggregateIdentifier !== undefined) {
    parts.push(delimited(2, Buffer.from(fields.aggregateIdentifier)));
  }
  if (fields.sequenceNumber !== undefined) parts.push(varintField(3, fields.sequenceNumber));
  if (fields.aggregateType !== undefined) parts.push(delimited(4, Buffer.from(fields.aggregateType)));
  if (fields.timestamp !== undefined) parts.push(varintField(5, fields.timestamp));
  if (fields.payload !== undefined) parts.push(delimited(6, fields.payload));
  for (const entry of fields.metadata ?? []) parts.push(delimited(7, entry));
  if (fields.snapshot !== undefined) parts.push(varintField(8, fields.snapshot ? 1n : 0n));
  return Buffer.concat(parts);
}

export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest >= 0x80n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

export function tag(field: number, wireType: number): Buffer {
  return varint(BigInt(field * 8 + wireType));
}

export function varintField(field: number, value: bigint): Buffer {
  return Buffer.concat([tag(field, 0), varint(value)]);
}

export function delimited(field: number, content: Uint8Array): Buffer {
  return Buffer.concat([tag(field, 2), varint(BigInt(content.length)), content]);
}

/** `size version count event{count} crc32` */
export function encodeTransaction(events: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(events.flatMap((event) => [int32(event.length), event]));
  const head = Buffer.alloc(7);
  head.writeInt32BE(body.length, 0);
  head.writeUInt8(2, 4);
  head.writeInt16BE(events.length, 5);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, crc]);
}

export function header(formatVersion = 2, flags = 0): Buffer {
  return Buffer.concat([Buffer.from([formatVersion]), int32(flags)]);
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

export const END_MARKER = int32(-1);
