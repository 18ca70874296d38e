import { type FileHandle, open, unlink } from "node:fs/promises";
import { HEADER_BYTES, type SegmentScan, SegmentScanner } from "@axon-backup/axon-server";
import type { CutPoint, EventTrail } from "./cut.js";
import { inside, onDisk } from "./disk.js";
import { unshare } from "./obtain.js";
import type { PlannedFile } from "./plan.js";

const READ_BYTES = 1024 * 1024;

/** What cutting the snapshots did. */
export interface SnapshotCut extends CutPoint {
  readonly file: PlannedFile;
  /** Files that stay, the one that was cut among them. */
  readonly kept: readonly PlannedFile[];
}

/**
 * Cuts fetched snapshots before the first one that may be of a later state than the events that were restored. The segment that holds it stays, as an open one without index files, even if
 * nothing but its header is left: so it looks on a server that just began a segment. Later files go.
 * @returns undefined when every snapshot may stay
 */
export async function cutSnapshots(
  directory: string,
  files: readonly PlannedFile[],
  trail: EventTrail,
  signal: AbortSignal | undefined,
): Promise<SnapshotCut | undefined> {
  for (const file of files.filter(({ scan }) => scan)) {
    const point = await withFile(inside(directory, file.name), "r", (handle) =>
      findCut(handle, file, trail, signal),
    );
    if (point === undefined) continue;
    const isKept = (other: PlannedFile): boolean =>
      other.first < file.first || (other === file && point.offset > 0);
    for (const other of files.filter((candidate) => !isKept(candidate)))
      await onDisk(`removing ${other.name}`, () => unlink(inside(directory, other.name)));
    if (point.offset > 0) {
      const path = inside(directory, file.name);
      await onDisk(`copying ${path}`, () => unshare(path));
      await withFile(path, "r+", (handle) => cutFile(handle, point.offset, file.length));
    }
    return { ...point, file, kept: files.filter(isKept) };
  }
  return undefined;
}

/** Cuts an open file and fills it with zeros to its length, which a server relies on. */
export async function cutFile(handle: FileHandle, offset: number, length: number): Promise<void> {
  await handle.truncate(offset);
  await handle.truncate(length);
  await handle.sync();
}

async function findCut(
  handle: FileHandle,
  file: PlannedFile,
  trail: EventTrail,
  signal: AbortSignal | undefined,
): Promise<CutPoint | undefined> {
  let point: CutPoint | undefined;
  const scanner = new SegmentScanner({
    segment: file.first,
    onEvents({ offset, firstToken }, snapshots) {
      if (snapshots.some((snapshot) => trail.isLater(snapshot))) point ??= { offset, nextToken: firstToken };
    },
  });
  const buffer = Buffer.allocUnsafe(Math.min(READ_BYTES, file.length));
  for (let position = 0; point === undefined && !scanner.done;) {
    signal?.throwIfAborted();
    const { bytesRead } = await handle.read(buffer, 0, buffer.byteLength, position);
    if (bytesRead === 0) break;
    scanner.push(buffer.subarray(0, bytesRead));
    position += bytesRead;
  }
  return point ?? unreadable(scanner.end(), file);
}

/** Snapshots that can't be looked at can't stay. */
function unreadable(scan: SegmentScan, file: PlannedFile): CutPoint | undefined {
  if (scan.state === "foreign") return { offset: 0, nextToken: file.first };
  if (scan.flags !== 0 && scan.transactions > 0) return { offset: HEADER_BYTES, nextToken: file.first };
  return scan.state === "torn"
    ? { offset: Math.max(scan.validBytes, HEADER_BYTES), nextToken: scan.nextToken }
    : undefined;
}

async function withFile<T>(path: string, flags: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  return onDisk(`reading ${path}`, async () => {
    const handle = await open(path, flags);
    try {
      return await use(handle);
    } finally {
      await handle.close();
    }
  });
}
