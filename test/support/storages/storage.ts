import { randomBytes } from "node:crypto";
import { closeSync, openSync, readdirSync, readSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { bytesSource, objectKey, readAll, type Sink } from "@axon-backup/sink";
import type { RestartOptions, ServerKind } from "@axon-backup/test-servers";

/** A kind of storage that the agent backs up to over a network. */
export interface Storage {
  /** The sink's type. */
  readonly type: string;
  readonly server: ServerKind;
  start(options?: StorageOptions): Promise<StorageServer>;
}

export interface StorageOptions {
  /** The objects are on a file system of this many bytes, which the server alone sees: what looks at its files doesn't work. Not for Azure. */
  readonly diskBytes?: number;
}

/** A server that runs. */
export interface StorageServer {
  readonly host: string;
  readonly port: number;
  /** A new, empty place for a sink. @param directory for files that its configuration refers to: secrets */
  newPlace(directory: string): Promise<Place>;
  /** Ends the server and starts it again; undefined for one that was there before. */
  readonly restart: ((options?: RestartOptions) => Promise<void>) | undefined;
  close(): Promise<void>;
}

/** Where a sink's objects are, and how to look behind its back. */
export interface Place {
  /** The sink's YAML file. @param port that of a proxy in front of the server */
  yaml(port?: number): readonly string[];
  /** Texts that must be nowhere but in the files that hold them. */
  readonly secrets: readonly string[];
  /** The sink, without the agent and without a proxy. */
  open(purpose: "read" | "write"): Promise<Sink>;
  /** Changes one bit of a stored object, and nothing else. */
  flipBit(key: string, at: number): Promise<void>;
  /** Of each object something that changes whenever it is stored again. */
  versions(): Promise<ReadonlyMap<string, string>>;
  /** Paths of what a writer left half done, as far as it can be seen. */
  leftovers(): readonly string[];
}

/** A name that no other test has. */
export function newName(): string {
  return `axon-backup-test-${randomBytes(6).toString("hex")}`;
}

/** Uses the place's sink, and closes it. */
export async function withSink<T>(
  place: Pick<Place, "open">,
  purpose: "read" | "write",
  use: (sink: Sink) => Promise<T>,
): Promise<T> {
  const sink = await place.open(purpose);
  try {
    return await use(sink);
  } finally {
    await sink.close();
  }
}

/** flipBit for a server that keeps objects as files. */
export function flipBitInFile(path: string, at: number): void {
  const file = openSync(path, "r+");
  try {
    const byte = Buffer.alloc(1);
    if (readSync(file, byte, 0, 1, at) !== 1) throw new Error(`${path} has no byte ${at}`);
    writeSync(file, Buffer.of((byte[0] ?? 0) ^ 4), 0, 1, at);
  } finally {
    closeSync(file);
  }
}

/** flipBit for any storage: the object is stored again. */
export async function flipBitByPut(place: Pick<Place, "open">, key: string, at: number): Promise<void> {
  await withSink(place, "write", async (sink) => {
    const bytes = await readAll(sink.get(objectKey(key)));
    if (at >= bytes.byteLength) throw new Error(`${key} has no byte ${at}`);
    bytes[at] = (bytes[at] ?? 0) ^ 4;
    await sink.put(objectKey(key), bytesSource(bytes));
  });
}

/** versions for a server that keeps objects as files. */
export function versionsOfFiles(directory: string): ReadonlyMap<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const { mtimeNs, ino } = statSync(path, { bigint: true });
      return [path.slice(directory.length + 1), `${ino} ${mtimeNs}`];
    }),
  );
}

/** versions for a storage that tells them. */
export function versionsBySink(place: Pick<Place, "open">): Promise<ReadonlyMap<string, string>> {
  return withSink(place, "read", async (sink) => {
    const versions = new Map<string, string>();
    for await (const { key, version, modified } of sink.list(""))
      versions.set(key, `${version ?? ""} ${modified?.toISOString() ?? ""}`);
    return versions;
  });
}
