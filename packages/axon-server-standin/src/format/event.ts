/** An event, or a snapshot, as it is written (docs/axon-server.md, section 4). */
export interface StandinEvent {
  readonly messageIdentifier: string;
  /** Left out for events that don't belong to an aggregate. */
  readonly aggregateIdentifier?: string;
  /** Within its aggregate, from 0. */
  readonly sequenceNumber?: number;
  readonly aggregateType?: string;
  /** Milliseconds since 1970. */
  readonly timestamp: number;
  readonly payloadType: string;
  readonly payloadRevision?: string;
  readonly payload: Uint8Array;
  readonly metaData?: Readonly<Record<string, string>>;
}

const VARINT = 0;
const BYTES = 2;

/** The protobuf bytes of an event. As the server's own encoder does, it leaves out empty strings and zeros. */
export function encodeEvent(event: StandinEvent): Buffer {
  const payload = [
    ...text(1, event.payloadType),
    ...text(2, event.payloadRevision ?? ""),
    ...(event.payload.byteLength === 0 ? [] : bytes(3, [event.payload])),
  ];
  const metaData = Object.entries(event.metaData ?? {}).flatMap(([key, value]) =>
    bytes(7, [...text(1, key), ...bytes(2, text(1, value))]),
  );
  return Buffer.concat([
    ...text(1, event.messageIdentifier),
    ...text(2, event.aggregateIdentifier ?? ""),
    ...integer(3, event.sequenceNumber ?? 0),
    ...text(4, event.aggregateType ?? ""),
    ...integer(5, event.timestamp),
    ...bytes(6, payload),
    ...metaData,
  ]);
}

function text(field: number, value: string): Uint8Array[] {
  return value === "" ? [] : bytes(field, [Buffer.from(value, "utf8")]);
}

function integer(field: number, value: number): Uint8Array[] {
  return value === 0 ? [] : [varint((field << 3) | VARINT), varint(value)];
}

function bytes(field: number, parts: readonly Uint8Array[]): Uint8Array[] {
  const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
  return [varint((field << 3) | BYTES), varint(length), ...parts];
}

/** `value` (0 to 2^53 - 1) as a protobuf varint. Arithmetic, as timestamps don't fit into 32 bits. */
function varint(value: number): Uint8Array {
  const encoded: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    encoded.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  encoded.push(rest);
  return Uint8Array.from(encoded);
}
