import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import {
  type ControlDbFile,
  parseStoreFileName,
  type SegmentName,
  segmentFileName,
  type ServerIdentity,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreCursor,
  type StoreKind,
  type StoreListing,
  token,
} from "@axon-backup/axon-server";
import { encodeEvent, SAMPLE_CONTROL_DB } from "@axon-backup/axon-server-standin";

const CONTEXT = "default";
/** Bytes of a segment: a few transactions. */
const SEGMENT_BYTES = 1024;
const CONTROL_DB = readFileSync(SAMPLE_CONTROL_DB);
const HEADER = Buffer.from([2, 0, 0, 0, 0]);

interface Segment {
  readonly first: number;
  next: number;
  readonly bytes: Buffer;
  end: number;
}

/** A server in memory whose store grows while it is backed up: one context with tiny segments, of which the last one is open. */
export class GrowingServer implements ServerSource {
  readonly #segments: Readonly<Record<StoreKind, Segment[]>> = {
    snapshots: [segment(0)],
    events: [segment(0)],
  };

  /** @param onList called before each listing: a moment at which the store may grow */
  constructor(readonly onList: (server: GrowingServer) => void = () => undefined) {}

  /** Appends a transaction; begins a new segment when it doesn't fit. */
  grow(store: StoreKind): void {
    const segments = this.#segments[store];
    let last = segments.at(-1) ?? segment(0);
    const bytes = transaction(last.next);
    // Room for the end marker.
    if (last.end + bytes.byteLength + 4 > SEGMENT_BYTES) {
      last.bytes.writeInt32BE(-1, last.end);
      last.end += 4;
      segments.push((last = segment(last.next)));
    }
    bytes.copy(last.bytes, last.end);
    last.end += bytes.byteLength;
    last.next++;
  }

  identify(): Promise<ServerIdentity> {
    return Promise.resolve({
      productName: "Axon Server",
      version: "2023.2.2",
      nodeName: "axonserver",
      edition: "SE",
      listing: "eventstore",
      versions: true,
      authentication: false,
      contexts: [CONTEXT],
    });
  }

  createControlDbBackup(): Promise<ControlDbFile> {
    return Promise.resolve({ name: "controldb1795486544709.zip", path: "/controldb.zip" });
  }

  list(context: string, store: StoreKind, cursor: StoreCursor | undefined): Promise<StoreListing> {
    this.onList(this);
    const files = this.#segments[store].map(({ first }) => fileOf(store, first));
    const open = files.slice(-1);
    const closed = files.slice(0, -1);
    return Promise.resolve({
      context,
      store,
      lastClosedSegment: closed.at(-1)?.name.segment,
      closed: closed.filter(({ name }) => cursor === undefined || name.segment > cursor.lastClosedSegment),
      open,
      indexes: [],
    });
  }

  open(file: SourceFile | ControlDbFile): Promise<SourceHandle> {
    const bytes = "context" in file ? this.#bytesOf(file) : CONTROL_DB;
    return Promise.resolve({
      size: bytes.byteLength,
      read: (buffer, position) => {
        const part = bytes.subarray(position, position + buffer.byteLength);
        buffer.set(part);
        return Promise.resolve(part.byteLength);
      },
      close: () => Promise.resolve(),
    });
  }

  measure(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #bytesOf({ name }: SourceFile): Buffer {
    const found =
      name.kind === "segment"
        ? this.#segments[name.store].find(({ first }) => first === name.segment)
        : undefined;
    if (found === undefined) throw new Error(`there is no ${name.name}`);
    return found.bytes;
  }
}

function segment(first: number): Segment {
  const bytes = Buffer.alloc(SEGMENT_BYTES);
  HEADER.copy(bytes);
  return { first, next: first, bytes, end: HEADER.byteLength };
}

function fileOf(store: StoreKind, first: number): SourceFile<SegmentName> {
  const name = parseStoreFileName(segmentFileName(store, token(first), 0), store);
  if (name?.kind !== "segment") throw new Error(`${first} is no segment`);
  return { name, path: `/${CONTEXT}/${name.name}`, context: CONTEXT };
}

/** One event in a transaction, as the server writes it (docs/axon-server.md, section 4). */
function transaction(number: number): Buffer {
  const event = encodeEvent({
    messageIdentifier: `message ${number}`,
    timestamp: 1_795_486_544_709 + number,
    payloadType: "Sample",
    payload: Buffer.from(`payload ${number}`),
  });
  const size = 4 + event.byteLength;
  const bytes = Buffer.alloc(7 + size + 4);
  bytes.writeInt32BE(size, 0);
  bytes.writeUInt8(2, 4);
  bytes.writeInt16BE(1, 5);
  bytes.writeInt32BE(event.byteLength, 7);
  event.copy(bytes, 11);
  bytes.writeUInt32BE(crc32(bytes.subarray(7, 7 + size)), 7 + size);
  return bytes;
}
