import { crc32 } from "node:zlib";
import { segmentFileName, type StoreKind, token } from "@axon-backup/axon-server";
import type { Files, ServerState } from "./support-restore.js";

/** An event or a snapshot, as far as moments are concerned. */
export interface Written {
  readonly aggregate: string;
  readonly sequence: number;
  /** Milliseconds since 1970; 0 for an empty one. */
  readonly time: number;
  /** In place of all that: bytes that may be no event. */
  readonly raw?: Buffer;
}

export type Transactions = readonly (readonly Written[])[];

const LENGTH = 8192;

/** Transactions as the files of a store: so many in a segment, the last one open. */
export function filesOf(store: StoreKind, transactions: Transactions, perSegment: number, first = 0): Files {
  const files = new Map<string, Buffer>();
  let next = first;
  for (let at = 0; at === 0 || at < transactions.length; at += perSegment) {
    const some = transactions.slice(at, at + perSegment);
    const isLast = at + perSegment >= transactions.length;
    const bytes = Buffer.concat([header(), ...some.map(encodeTransaction), ...(isLast ? [] : [END])]);
    files.set(
      segmentFileName(store, token(next)),
      Buffer.concat([bytes], Math.max(LENGTH, bytes.byteLength + 8)),
    );
    next += some.reduce((sum, events) => sum + events.length, 0);
  }
  return files;
}

/** A server of one context. */
export function stateOf(events: Files, snapshots: Files, name = "default"): ServerState {
  return { contexts: [{ name, events, snapshots }], controlDb: Buffer.from(CONTROL_DB, "base64") };
}

/** The same server with other contexts. */
export function together(...states: readonly ServerState[]): ServerState {
  return {
    contexts: states.flatMap(({ contexts }) => contexts),
    controlDb: Buffer.from(CONTROL_DB, "base64"),
  };
}

const END = Buffer.from([255, 255, 255, 255]);

function header(): Buffer {
  return Buffer.from([2, 0, 0, 0, 0]);
}

/** Written out here, rather than by the code that is tested. */
function encodeTransaction(events: readonly Written[]): Buffer {
  const encoded = events.map(({ raw, ...written }, index) => raw ?? encodeEvent(written, index));
  const body = Buffer.concat(
    encoded.flatMap((bytes) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(bytes.byteLength);
      return [length, bytes];
    }),
  );
  const head = Buffer.alloc(7);
  head.writeInt32BE(body.byteLength, 0);
  head.writeUInt8(2, 4);
  head.writeInt16BE(events.length, 5);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(body));
  return Buffer.concat([head, body, crc]);
}

/** In the order in which servers write the fields; those without a value are left out. */
function encodeEvent({ aggregate, sequence, time }: Written, index: number): Buffer {
  return Buffer.concat([
    text(1, `m-${index}`),
    text(2, aggregate),
    integer(3, sequence),
    text(4, aggregate === "" ? "" : "Order"),
    integer(5, time),
    bytes(6, Buffer.concat([text(1, "t"), bytes(3, Buffer.alloc(7, index))])),
  ]);
}

function text(field: number, value: string): Buffer {
  return value === "" ? Buffer.alloc(0) : bytes(field, Buffer.from(value));
}

function bytes(field: number, content: Buffer): Buffer {
  return Buffer.concat([varint(field * 8 + 2), varint(content.length), content]);
}

function integer(field: number, value: number): Buffer {
  return value === 0 ? Buffer.alloc(0) : Buffer.concat([varint(field * 8), varint(value)]);
}

function varint(value: number): Buffer {
  const encoded: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  for (; rest >= 0x80n; rest >>= 7n) encoded.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...encoded, Number(rest)]);
}

/** A zip with one entry, axonserver-controldb.mv.db, of three bytes. */
const CONTROL_DB =
  "UEsDBBQAAAAIAAAweF3VWoEHBQAAAAMAAAAaAAAAYXhvbnNlcnZlci1jb250cm9sZGIubXYuZGJLSeICAFBLAQIUAxQAAAAIAAAweF3VWoEHBQAAAAMAAAAaAAAAAAAAAAAAAACAAQAAAABheG9uc2VydmVyLWNvbnRyb2xkYi5tdi5kYlBLBQYAAAAAAQABAEgAAAA9AAAAAAA=";
