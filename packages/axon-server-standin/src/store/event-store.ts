import { existsSync, mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";

import { StandinError } from "../errors.js";
import { encodeEvent, type StandinEvent } from "../format/event.js";
import {
  fileName,
  INDEX_EXTENSIONS,
  longName,
  type SegmentId,
  segmentsOf,
  type Store,
} from "../format/names.js";
import { readSegment } from "../format/reader.js";
import { encodeTransaction, END_BYTES, HEADER_BYTES } from "../format/segment.js";

import { beginTransformation, compact, type Transformation } from "../transform/transformation.js";
import { beginIndexFile, type IndexFileOptions, writeIndexFiles } from "./index-files.js";
import { SegmentFile } from "./segment-file.js";

export interface EventStoreOptions {
  /** The context's directory; made if it isn't there. */
  readonly directory: string;
  readonly store: Store;
  /** Bytes. */
  readonly segmentSize: number;
  /** Whether a transaction larger than a segment gets one of its own size (4.6 and newer) or is refused (4.4). */
  readonly oversize: "own-segment" | "refused";
  readonly index: IndexFileOptions;
  /** Whether segments have versions. */
  readonly versions: boolean;
  /** Where handing over stands; -1 for none. Default: everything before the last segment. */
  readonly lastClosed?: number;
  /** Whether a completed segment is handed over at once. */
  readonly handoverAtOnce: boolean;
  /** Write index files that closed segments lack, as a server does when it starts. */
  readonly rebuildIndexes: boolean;
}

/** What a listing is made from. */
export interface StoreState {
  readonly lastClosed: number;
  /** The names in the context's directory. */
  readonly names: readonly string[];
}

/** Where an append went. */
export interface Appended {
  /** The token of the first event. */
  readonly firstToken: number;
  /** The token after the last event. */
  readonly nextToken: number;
  /** The segment that holds them. */
  readonly segment: number;
}

/** One store of one context: appends, rolls over, hands over. Synchronous, so that the order of its writes is the order of its calls. */
export class EventStore {
  private current: SegmentFile;
  private closedUpTo: number;
  private isClosed = false;
  private readonly waiting: number[];
  private readonly refusesAppends: boolean;

  constructor(private readonly options: EventStoreOptions) {
    const { directory, store } = options;
    mkdirSync(directory, { recursive: true });
    const segments = [...new Set(segmentsOf(store, readdirSync(directory)).map((id) => id.segment))];
    this.current = this.openLast(segments.at(-1));
    const complete = segments.filter((segment) => segment !== this.current.segment);
    this.closedUpTo = options.lastClosed ?? complete.at(-1) ?? -1;
    this.waiting = complete.filter((segment) => segment > this.closedUpTo);
    this.beginHandover();
    // A server that finds an index takes the segment for a closed one, and appends nothing (docs/axon-server.md, section 5).
    const { index } = this.filesOf(this.current.segment);
    this.refusesAppends = existsSync(join(directory, index));
    if (options.rebuildIndexes) this.rebuildIndexes();
    if (options.handoverAtOnce) while (this.handover());
  }

  /** The token that the next event will have. */
  get nextToken(): number {
    return this.current.nextToken;
  }

  /** How many completed segments haven't been handed over yet. */
  get waitingSegments(): number {
    return this.waiting.length;
  }

  /** The state as it is now; later changes don't touch it. */
  state(): StoreState {
    return { lastClosed: this.closedUpTo, names: readdirSync(this.options.directory) };
  }

  /**
   * Appends one transaction.
   * @throws StandinError `AXONIQ-2001` if it is larger than a segment and the generation refuses that.
   */
  append(events: readonly StandinEvent[]): Appended {
    return this.appendEncoded(events.map(encodeEvent));
  }

  /** Appends one transaction of events that are protobuf bytes already. */
  appendEncoded(events: readonly Uint8Array[]): Appended {
    if (this.isClosed) throw new Error("the stand-in is closed");
    if (this.refusesAppends) {
      // That a real server refuses was seen; its code was not recorded.
      throw new StandinError(
        "AXONIQ-9100",
        `${this.options.directory}: segment ${this.current.segment} has an index file, so it counts as closed`,
      );
    }
    const transaction = encodeTransaction(events);
    if (!this.current.fits(transaction.byteLength)) this.makeRoom(transaction.byteLength);
    const firstToken = this.current.nextToken;
    this.current.append(transaction, events.length);
    return { firstToken, nextToken: this.current.nextToken, segment: this.current.segment };
  }

  /** Hands over the oldest completed segment: writes its index files, then calls it closed. False if none waits. */
  handover(): boolean {
    const segment = this.waiting.shift();
    if (segment === undefined) return false;
    const { directory, store, index } = this.options;
    writeIndexFiles(directory, store, this.filesOf(segment).id, index);
    this.closedUpTo = segment;
    this.beginHandover();
    return true;
  }

  /**
   * Begins an event transformation.
   * @throws RangeError if an event isn't in a closed segment, or this store has no versions
   */
  beginTransformation(deleted: Iterable<number>): Transformation {
    const { directory, store, index, versions } = this.options;
    if (!versions || store !== "events")
      throw new RangeError("only events are transformed, by 2023.x and newer");
    return beginTransformation({ directory, lastClosed: this.closedUpTo, index }, deleted);
  }

  /** Deletes superseded versions; returns the names. */
  compact(): readonly string[] {
    return compact(this.options.directory);
  }

  /** Gives every file whose name has 14 digits the name with 20; returns how many there were. */
  lengthenNames(): number {
    const { directory } = this.options;
    const short = readdirSync(directory).filter((name) => longName(name) !== name);
    for (const name of short) renameSync(join(directory, name), join(directory, longName(name)));
    return short.length;
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.current.close();
  }

  private openLast(last: number | undefined): SegmentFile {
    const { segmentSize, store } = this.options;
    if (last === undefined) return SegmentFile.create(this.path(0, store), 0, segmentSize);
    const id = segmentsOf(store, readdirSync(this.options.directory)).at(-1) ?? { segment: last, version: 0 };
    const path = join(this.options.directory, fileName(id, store));
    return SegmentFile.open(path, last) ?? this.behind(path, last);
  }

  /** The last segment is complete: a new one is made behind it. */
  private behind(path: string, last: number): SegmentFile {
    const { nextToken } = readSegment(path, last);
    return SegmentFile.create(this.path(nextToken, this.options.store), nextToken, this.options.segmentSize);
  }

  private makeRoom(bytes: number): void {
    const { segmentSize, store, oversize } = this.options;
    const needed = HEADER_BYTES + bytes + END_BYTES;
    if (needed > segmentSize && oversize === "refused") {
      throw new StandinError(
        "AXONIQ-2001",
        `Transaction size ${bytes} exceeds the segment size ${segmentSize}`,
      );
    }
    if (this.current.isEmpty) {
      this.current.grow(bytes);
      return;
    }
    const full = this.current;
    const { segment, nextToken } = full;
    full.complete();
    this.current = SegmentFile.create(this.path(nextToken, store), nextToken, Math.max(segmentSize, needed));
    full.close();
    this.waiting.push(segment);
    if (this.waiting.length === 1) this.beginHandover();
    if (this.options.handoverAtOnce) this.handover();
  }

  private beginHandover(): void {
    const [segment] = this.waiting;
    const { directory, store, index } = this.options;
    if (segment !== undefined && index.temporaryName)
      beginIndexFile(directory, store, this.filesOf(segment).id, index);
  }

  private rebuildIndexes(): void {
    const { directory, store, index } = this.options;
    const names = new Set(readdirSync(directory));
    for (const id of segmentsOf(store, names)) {
      const missing = INDEX_EXTENSIONS[store].some((extension) => !names.has(fileName(id, extension)));
      if (id.segment <= this.closedUpTo && missing) writeIndexFiles(directory, store, id, index);
    }
  }

  /** Version 0 of a segment that is there, under its own name. */
  private filesOf(segment: number): { readonly id: SegmentId; readonly index: string } {
    const { directory, store } = this.options;
    const id = segmentsOf(store, readdirSync(directory)).find(
      (candidate) => candidate.segment === segment && candidate.version === 0,
    ) ?? { segment, version: 0 };
    return { id, index: fileName(id, INDEX_EXTENSIONS[store][0]) };
  }

  private path(segment: number, extension: string): string {
    return join(this.options.directory, fileName({ segment, version: 0 }, extension));
  }
}
