import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "node:zlib";
import {
  AxonServerError,
  type ControlDbFile,
  parseStoreFileName,
  type SegmentName,
  type ServerIdentity,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreCursor,
  type StoreKind,
  type StoreListing,
  token,
} from "@axon-backup/axon-server";

const CONTROL_DB = readFileSync(
  fileURLToPath(new URL("../../../test/fixtures/2023.2/controldb1795486544709.zip", import.meta.url)),
);

/** The events of a store: each tells which one it is, so that no two histories have the same. */
export type Log = readonly string[];

/** Events in a segment. All are of one size, so that the segments of all histories have the same names: the hardest case. */
export const PER_SEGMENT = 4;
const LENGTH = 512;

function field(number: number, text: string): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, text.length]), Buffer.from(text)]);
}

function transaction(text: string): Buffer {
  const event = Buffer.concat([
    field(1, text.padEnd(24, "_")),
    field(2, "aggregate"),
    Buffer.from([(5 << 3) | 0, 42]),
    field(6, field(1, "type").toString("latin1")),
  ]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(event.length);
  const entry = Buffer.concat([length, event]);
  const head = Buffer.alloc(7);
  head.writeInt32BE(entry.length);
  head.writeUInt8(2, 4);
  head.writeInt16BE(1, 5);
  const crc = Buffer.alloc(4);
  crc.writeUInt32BE(crc32(entry));
  return Buffer.concat([head, entry, crc]);
}

/** The files of a store with these events, by name. As soon as a segment is full, there is a new one, which is open. */
export function filesOf(log: Log, store: StoreKind): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (let first = 0; first <= log.length; first += PER_SEGMENT) {
    const events = log.slice(first, first + PER_SEGMENT);
    const content = Buffer.concat([
      Buffer.from([2, 0, 0, 0, 0]),
      ...events.map(transaction),
      ...(events.length === PER_SEGMENT ? [Buffer.from([255, 255, 255, 255])] : []),
    ]);
    files.set(`${String(first).padStart(20, "0")}.${store}`, Buffer.concat([content], LENGTH));
  }
  return files;
}

/** A server whose stores are what their events say, and that answers honestly unless told otherwise. */
export class TimelineServer implements ServerSource {
  /** Of each context, its events; snapshots there are none. */
  readonly logs = new Map<string, Log>([["default", []]]);
  /** Changes what is listed. */
  onList: (listing: StoreListing) => StoreListing = (listing) => listing;
  lists = 0;

  identify(): Promise<ServerIdentity> {
    return Promise.resolve({
      productName: "Axon Server",
      version: "2023.2.2",
      nodeName: "axonserver",
      edition: "SE",
      listing: "eventstore",
      versions: true,
      authentication: false,
      contexts: [...this.logs.keys()].sort(),
    });
  }

  createControlDbBackup(): Promise<ControlDbFile> {
    return Promise.resolve({ name: "controldb1795486544709.zip", path: "/data/controldb1795486544709.zip" });
  }

  /** Every file of a context, by name. */
  files(context: string): Map<string, Buffer> {
    const log = this.logs.get(context) ?? [];
    return new Map([...filesOf(log, "events"), ...filesOf([], "snapshots")]);
  }

  list(context: string, store: StoreKind, cursor: StoreCursor | undefined): Promise<StoreListing> {
    this.lists++;
    const segments: SourceFile<SegmentName>[] = [...this.files(context).keys()].flatMap((file) => {
      const name = parseStoreFileName(file, store);
      return name?.kind === "segment" ? [{ name, path: `/data/${context}/${file}`, context }] : [];
    });
    const last = segments.at(-2)?.name.segment;
    return Promise.resolve(
      this.onList({
        context,
        store,
        lastClosedSegment: last,
        closed: segments
          .slice(0, -1)
          .filter(({ name }) => cursor === undefined || name.segment > cursor.lastClosedSegment),
        open: segments.slice(-1),
        indexes: [],
      }),
    );
  }

  open(file: SourceFile | ControlDbFile): Promise<SourceHandle> {
    const bytes = "context" in file ? this.files(file.context).get(basename(file.path)) : CONTROL_DB;
    if (bytes === undefined)
      return Promise.reject(new AxonServerError("vanished", `${file.path} is gone`, "None."));
    return Promise.resolve({
      size: bytes.length,
      read: (buffer, position) => {
        const from = Math.min(position, bytes.length);
        return Promise.resolve(bytes.copy(buffer, 0, from, Math.min(bytes.length, from + buffer.length)));
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
}

/** A listing as it was when the store had fewer events. */
export function listingOf(log: Log, { context, store }: StoreListing): StoreListing {
  const names = [...filesOf(log, store).keys()];
  const file = (name: string): SourceFile<SegmentName> => {
    const parsed = parseStoreFileName(name, store);
    if (parsed?.kind !== "segment") throw new Error(name);
    return { name: parsed, path: `/data/${context}/${name}`, context };
  };
  const last = names.at(-2);
  return {
    context,
    store,
    lastClosedSegment: last === undefined ? undefined : token(Number.parseInt(last, 10)),
    closed: names.slice(0, -1).map(file),
    open: names.slice(-1).map(file),
    indexes: [],
  };
}
