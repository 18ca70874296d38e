import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import {
  AxonServerError,
  type ControlDbFile,
  type IndexName,
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

/**
 * A source over a context directory, without a server: what is closed is said by the test. Counts what the engine asks of it.
 */
export class DirectorySource implements ServerSource {
  readonly calls: string[] = [];
  /** The number of the last closed segment of each store; undefined for none. */
  readonly lastClosed: Record<StoreKind, number | undefined>;
  /** Directories of contexts that aren't in the one. */
  readonly elsewhere = new Map<string, string>();
  /** Files that are listed though they aren't there. */
  readonly phantoms = new Set<string>();
  /** Sees what was read of a file, and may spoil it. */
  onRead: (name: string, bytes: Uint8Array, position: number) => void = () => undefined;
  /** Called before each call with its name, so that a test can change the world in between. */
  onCall: (call: string) => void | Promise<void> = () => undefined;
  identity: ServerIdentity = {
    productName: "Axon Server",
    version: "2023.2.2",
    nodeName: "axonserver",
    edition: "SE",
    listing: "eventstore",
    versions: true,
    authentication: false,
    contexts: ["default"],
  };

  constructor(
    readonly directory: string,
    readonly controlDb: string,
    lastClosed: Partial<Record<StoreKind, number>>,
  ) {
    this.lastClosed = { events: lastClosed.events, snapshots: lastClosed.snapshots };
  }

  async identify(): Promise<ServerIdentity> {
    await this.#called("identify");
    return this.identity;
  }

  async createControlDbBackup(): Promise<ControlDbFile> {
    await this.#called("controldb");
    return { name: "controldb1795486544709.zip", path: this.controlDb };
  }

  async list(context: string, store: StoreKind, cursor: StoreCursor | undefined): Promise<StoreListing> {
    await this.#called(`list ${context} ${store} ${cursor?.lastClosedSegment ?? "all"}`);
    const last = this.lastClosed[store];
    const directory = this.elsewhere.get(context) ?? this.directory;
    const files = [...(await readdir(directory)), ...this.phantoms].sort().flatMap((name) => {
      const parsed = parseStoreFileName(name, store);
      return parsed ? [{ name: parsed, path: join(directory, name), context }] : [];
    });
    const isNew = ({ name }: SourceFile<SegmentName | IndexName>): boolean =>
      cursor === undefined || name.segment > cursor.lastClosedSegment || name.version > cursor.lastVersion;
    const segments = files.filter((file): file is SourceFile<SegmentName> => file.name.kind === "segment");
    const indexes = files.filter((file): file is SourceFile<IndexName> => file.name.kind === "index");
    return {
      context,
      store,
      lastClosedSegment: last === undefined ? undefined : token(last),
      closed: segments.filter((file) => last !== undefined && file.name.segment <= last && isNew(file)),
      open: segments.filter((file) => last === undefined || file.name.segment > last),
      indexes: indexes.filter((file) => last !== undefined && file.name.segment <= last && isNew(file)),
    };
  }

  async open(file: SourceFile | ControlDbFile): Promise<SourceHandle> {
    const name = typeof file.name === "string" ? file.name : file.name.name;
    await this.#called(`open ${name}`);
    try {
      const handle = await open(file.path);
      const { size } = await handle.stat();
      return {
        size,
        read: async (buffer, position) => {
          const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position);
          this.onRead(name, buffer.subarray(0, bytesRead), position);
          return bytesRead;
        },
        close: () => handle.close(),
      };
    } catch (error) {
      throw new AxonServerError("vanished", `${file.path} is gone`, "None.", error);
    }
  }

  measure(): Promise<number> {
    return Promise.resolve(0);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #called(call: string): Promise<void> {
    this.calls.push(call);
    await this.onCall(call);
  }
}
