import { token, type Token } from "@axon-backup/axon-server";

/** Whether a closed file is a segment. */
export function isSegmentFile(name: string): boolean {
  return name.endsWith(".events") || name.endsWith(".snapshots");
}

/** File names begin with the segment's number: that is what the grammar says of them. */
export function segmentOf(name: string): Token {
  return token(Number.parseInt(name, 10));
}

/** The version that a file is of: 0, or the number of the transformation that wrote it. */
export function versionOf(name: string): number {
  return Number(/^\d+_(\d+)\./.exec(name)?.[1] ?? 0);
}

/** The newest version of each segment among these files. Index files don't count: they are also listed for versions that aren't there (docs/axon-server.md, section 4). */
export function newestVersions(names: Iterable<string>): Map<Token, number> {
  const newest = new Map<Token, number>();
  for (const name of names) {
    if (!isSegmentFile(name)) continue;
    const [segment, version] = [segmentOf(name), versionOf(name)];
    if (version >= (newest.get(segment) ?? 0)) newest.set(segment, version);
  }
  return newest;
}

/** Whether a file is of another version of its segment than the one that counts: an older one, which no server serves any more, or, of an index file, one that isn't there. */
export function isSuperseded(name: string, newest: ReadonlyMap<Token, number>): boolean {
  const version = newest.get(segmentOf(name));
  return version !== undefined && versionOf(name) !== version;
}
