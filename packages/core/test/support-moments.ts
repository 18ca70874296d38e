import { crc32 } from "node:zlib";
import { segmentFileName, type StoreKind, token } from "@axon-backup/axon-server";
import { encodeEvent } from "@axon-backup/axon-server-standin";
import type { Files, ServerState } from "./support-restore.js";

/** An event or a snapshot, as far as moments are concerned. */
export interface Written {
  readonly aggregate: string;
  readonly sequence: number;
  /** Milliseconds since 1970; 0 for an empty one. */
  readonly time: number;
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
  const encoded = events.map(({ aggregate, sequence, time }, index) =>
    encodeEvent({
      messageIdentifier: `m-${index}`,
      aggregateIdentifier: aggregate,
      sequenceNumber: sequence,
      aggregateType: aggregate === "" ? "" : "Order",
      timestamp: time,
      payloadType: "t",
      payload: Buffer.alloc(7, index),
    }),
  );
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

/** A zip with one entry, axonserver-controldb.mv.db, of three bytes. */
const CONTROL_DB =
  "UEsDBBQAAAAIAAAweF3VWoEHBQAAAAMAAAAaAAAAYXhvbnNlcnZlci1jb250cm9sZGIubXYuZGJLSeICAFBLAQIUAxQAAAAIAAAweF3VWoEHBQAAAAMAAAAaAAAAAAAAAAAAAACAAQAAAABheG9uc2VydmVyLWNvbnRyb2xkYi5tdi5kYlBLBQYAAAAAAQABAEgAAAA9AAAAAAA=";
