import { dirname } from "node:path";
import {
  AxonServerError,
  isOnNetwork,
  parseStoreFileName,
  scanSegment,
  segmentFileName,
  type SegmentName,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreCursor,
  type StoreKind,
  type Token,
} from "@axon-backup/axon-server";
import type { Clock } from "../sinks/clock.js";
import { isNews, peek } from "./peek.js";
import { addSeen } from "./seen.js";
import type { Seen, StorePosition, WatchedSegment } from "./types.js";

/** Asked for with it, a server lists its open segments alone. */
const OPEN_ALONE: StoreCursor = {
  lastClosedSegment: Number.MAX_SAFE_INTEGER as Token,
  lastVersion: 2 ** 31 - 1,
};
/** Milliseconds between two listings while the server has complete segments that it doesn't call closed yet; it takes a second for each. */
const LISTING_MS = 5_000;
/** The same, where nothing but a listing can tell that there is another segment. */
const SLOW_LISTING_MS = 60_000;
/** Segments that are read in one look: in a burst, what was seen is told before all of it is. */
const SEGMENTS_AT_ONCE = 8;
/** Segments that are remembered: more than any head has. */
const REMEMBERED = 1024;
/** Looks between two readings of a transaction that doesn't become complete. */
const TORN_LOOKS = 10;

export interface StoreWatchTools {
  readonly source: ServerSource;
  readonly clock: Clock;
  readonly now: () => Date;
  readonly warn: (message: string) => void;
  readonly signal: AbortSignal;
}

/** Follows one store's files: where its last segment ends, and which one comes next. Holds that one open. */
export class StoreWatch {
  #segments: readonly WatchedSegment[] = [];
  #seen: readonly Seen[] = [];
  #lastClosed: Token | undefined;
  #listed = -Infinity;
  #epoch = 0;
  #isOnNetwork = false;
  #handle: SourceHandle | undefined;
  /** What stands in front of the end of what is known. */
  #before = Buffer.alloc(0);
  /** What stands behind it, if that isn't a transaction yet, and for how many looks. */
  #torn: { readonly behind: Buffer; looks: number } | undefined;
  /** Where the listing has the next segment, if not where it is expected. */
  #successor: SourceFile<SegmentName> | undefined;

  constructor(
    private readonly tools: StoreWatchTools,
    readonly context: string,
    readonly store: StoreKind,
  ) {}

  /** Undefined until it was looked at. */
  get position(): StorePosition | undefined {
    const last = this.#segments.at(-1);
    return (
      last && {
        segments: this.#segments,
        nextToken: last.nextToken,
        lastClosedSegment: this.#lastClosed,
        seen: this.#seen,
      }
    );
  }

  /** Another one when what was seen before doesn't hold any more. */
  get epoch(): number {
    return this.#epoch;
  }

  get isOnNetwork(): boolean {
    return this.#isOnNetwork;
  }

  /** Looks whether there is anything new. @returns whether there is more to be seen at once */
  async look(): Promise<boolean> {
    for (let count = 0; count < SEGMENTS_AT_ONCE; count++) {
      const last = this.#segments.at(-1);
      if (last === undefined) {
        await this.#begin();
        return false;
      }
      if (last.unknownFormat !== undefined) return false;
      const goesOn = last.complete ? await this.#next(last) : await this.#read(last);
      if (!goesOn) return false;
    }
    return true;
  }

  /** Asks the server which segments it calls closed, if that may have changed; not often. */
  async ask(): Promise<void> {
    const { source, clock, signal } = this.tools;
    const last = this.#segments.at(-1);
    if (last === undefined) return;
    const isOver = (segment: WatchedSegment): boolean =>
      segment.complete && (this.#lastClosed === undefined || segment.file.name.segment > this.#lastClosed);
    const pause = this.#segments.some(isOver)
      ? LISTING_MS
      : last.unknownFormat === undefined
        ? Infinity
        : SLOW_LISTING_MS;
    if (clock.now() - this.#listed < pause) return;
    this.#listed = clock.now();
    const cursor =
      this.#lastClosed === undefined
        ? undefined
        : { lastClosedSegment: this.#lastClosed, lastVersion: OPEN_ALONE.lastVersion };
    const listing = await source.list(this.context, this.store, cursor, signal);
    const { lastClosedSegment } = listing;
    // An answer that goes back is an old one, or the files tell.
    if (lastClosedSegment !== undefined && lastClosedSegment > (this.#lastClosed ?? -1))
      this.#lastClosed = lastClosedSegment;
    this.#successor = listing.open.find(({ name }) => name.segment === last.nextToken);
    const newest = listing.open.at(-1);
    if (last.unknownFormat !== undefined && newest && newest.name.segment !== last.file.name.segment)
      await this.#lose(`${newest.name.name} follows ${last.name}`);
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
  }

  async #begin(): Promise<void> {
    const { source, clock, signal } = this.tools;
    const listing = await source.list(this.context, this.store, OPEN_ALONE, signal);
    this.#listed = clock.now();
    this.#lastClosed = listing.lastClosedSegment;
    const [first] = listing.open;
    this.#isOnNetwork = first !== undefined && (await isOnNetwork(dirname(first.path)));
    let segments: WatchedSegment[] = [];
    for (const file of listing.open) {
      const before = segments.at(-1);
      // What doesn't go on to this one, nobody needs: whoever wants it compares, and is told why.
      if (before && !(before.complete && before.nextToken === file.name.segment)) segments = [];
      segments.push(await this.#scan(await this.#open(file), file));
    }
    this.#keep(segments);
  }

  /** The segment behind a complete one. @returns whether it is there and complete */
  async #next({ file, nextToken }: WatchedSegment): Promise<boolean> {
    const next =
      this.#successor?.name.segment === nextToken ? this.#successor : this.#expected(file, nextToken);
    if (next === undefined) return false;
    let handle: SourceHandle;
    try {
      handle = await this.#open(next);
    } catch (error) {
      if (isVanished(error)) return false;
      throw error;
    }
    // It is just being made.
    if ((await peek(handle, 0)).behind.byteLength === 0) return false;
    const segment = await this.#scan(handle, next);
    this.#keep([...this.#segments, segment]);
    return segment.complete;
  }

  #expected({ path, context }: SourceFile<SegmentName>, token: Token): SourceFile<SegmentName> | undefined {
    const text = segmentFileName(this.store, token);
    const name = parseStoreFileName(text, this.store);
    return name?.kind === "segment" ? { name, path: `${dirname(path)}/${text}`, context } : undefined;
  }

  /** What came behind the known end of the open segment. @returns whether it is complete by now */
  async #read(last: WatchedSegment): Promise<boolean> {
    const { file, validBytes } = last;
    let handle = this.#handle;
    try {
      if (handle?.isCurrent === undefined || this.#isOnNetwork) handle = await this.#open(file);
      else if (!(await handle.isCurrent())) return await this.#lose(`${file.path} was removed or replaced`);
      const found = await peek(handle, validBytes);
      if (!found.before.equals(this.#before)) return await this.#loseChanged(last);
      if (!isNews(found)) {
        this.#torn = undefined;
        return false;
      }
      if (this.#torn?.behind.equals(found.behind) && ++this.#torn.looks < TORN_LOOKS) return false;
      // Opened anew: it may have grown since.
      handle = await this.#open(file);
      const again = await peek(handle, validBytes);
      if (!again.before.equals(this.#before)) return await this.#loseChanged(last);
      const segment = await this.#scan(handle, file, last);
      if (segment.validBytes === validBytes) return false;
      this.#keep([...this.#segments.slice(0, -1), segment]);
      return segment.complete;
    } catch (error) {
      if (isVanished(error)) return this.#lose(`${file.path} is gone`);
      throw error;
    }
  }

  async #scan(
    handle: SourceHandle,
    file: SourceFile<SegmentName>,
    known?: WatchedSegment,
  ): Promise<WatchedSegment> {
    const { name, segment } = file.name;
    const scan = await scanSegment(handle, {
      segment,
      ...(known && { from: { offset: known.validBytes, token: known.nextToken } }),
      signal: this.tools.signal,
    });
    const isForeign = scan.state === "foreign";
    const validBytes = isForeign ? 0 : scan.validBytes;
    const found = await peek(handle, validBytes);
    this.#before = Buffer.from(found.before);
    if (scan.state === "torn" && this.#torn === undefined)
      this.tools.warn(`${file.path}: ${scan.reason}; taken up to the last complete transaction for now`);
    if (isForeign)
      this.tools.warn(
        `${file.path}: segments of format version ${scan.formatVersion} are not known, and can't be followed; restore points alone have it`,
      );
    this.#torn = scan.state === "torn" ? { behind: Buffer.from(found.behind), looks: 0 } : undefined;
    if (scan.state === "closed") await this.close();
    return {
      file,
      name,
      validBytes,
      length: handle.size,
      nextToken: isForeign ? segment : scan.nextToken,
      complete: scan.state === "closed",
      tail: this.#before,
      ...(isForeign && { unknownFormat: scan.formatVersion }),
    };
  }

  #keep(segments: readonly WatchedSegment[]): void {
    this.#segments = segments.slice(-REMEMBERED);
    this.#successor = undefined;
    const last = segments.at(-1);
    if (last) this.#seen = addSeen(this.#seen, { nextToken: last.nextToken, at: this.tools.now() });
  }

  #loseChanged({ file, validBytes }: WatchedSegment): Promise<false> {
    return this.#lose(`${file.path} is not what it was: the bytes before ${validBytes} have changed`);
  }

  /** What was seen doesn't hold any more: the next look begins anew. */
  async #lose(why: string): Promise<false> {
    this.tools.warn(`${why}; ${this.context} (${this.store}) is looked at anew`);
    this.#epoch++;
    this.#segments = [];
    this.#seen = [];
    this.#torn = undefined;
    await this.close();
    return false;
  }

  async #open(file: SourceFile<SegmentName>): Promise<SourceHandle> {
    await this.close();
    this.#handle = await this.tools.source.open(file);
    return this.#handle;
  }
}

function isVanished(error: unknown): boolean {
  return error instanceof AxonServerError && error.kind === "vanished";
}
