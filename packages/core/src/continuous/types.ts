import type {
  SegmentName,
  ServerIdentity,
  ServerSource,
  SourceFile,
  StoreKind,
  Token,
} from "@axon-backup/axon-server";
import type { Sink } from "@axon-backup/sink";
import type { LeaseForTests } from "../backup/types.js";
import type { OpenSegment } from "../repository/manifest.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { Clock } from "../sinks/clock.js";

// What the continuous mode is made of, and what it tells. `watchSource` is one for all sinks; `follow` is one for each.

/** How news are noticed: by reading the files, by asking the server for its head, or as the file system allows. */
export type Notice = "files" | "server" | "auto";

export interface WatchOptions {
  readonly source: ServerSource;
  /** The contexts to watch; every one that the server stores, if left out. */
  readonly contexts?: readonly string[];
  /** Milliseconds between two looks. */
  readonly interval: number;
  /** Default `auto`: `server` where the files are on a network file system, else `files`. */
  readonly notice?: Notice;
  readonly onEvent?: (event: WatchEvent) => void;
  readonly clock?: Clock;
  readonly now?: () => Date;
}

/** What whoever watches the server tells. */
export type WatchEvent =
  /** The server answered. */
  | { readonly kind: "server"; readonly identity: ServerIdentity; readonly at: Date }
  /** It didn't, or a file of it couldn't be read; told once, until it is well again. Watching goes on. */
  | { readonly kind: "problem"; readonly error: unknown; readonly at: Date }
  | { readonly kind: "recovered"; readonly at: Date }
  | { readonly kind: "warning"; readonly message: string };

/** Watches the server's stores for all sinks. Never fails: what can't be seen now is looked at again. */
export interface SourceWatch {
  readonly source: ServerSource;
  readonly interval: number;
  /** What is known now. */
  readonly state: WatchState;
  /** Resolves with the state as soon as its revision is another one than `seen`; rejects with the signal's reason. */
  next(seen: number, signal?: AbortSignal): Promise<WatchState>;
  /** Looks now: something may have happened. */
  wake(): void;
  /** Ends it; resolves when nothing of it runs any more. Whoever waits in `next` gets an error. */
  close(): Promise<void>;
}

/** Everything that is known of the server at one moment. */
export interface WatchState {
  /** Another one with each change. */
  readonly revision: number;
  /** Undefined until the server has answered once. */
  readonly identity: ServerIdentity | undefined;
  /** The contexts that are watched; undefined until they are known. Sorted. */
  readonly contexts: readonly string[] | undefined;
  /** Where each stands. A context is here once both of its stores have been looked at. */
  readonly positions: ReadonlyMap<string, ContextPosition>;
}

/** Where a context stands. The snapshots' end was fixed before the events' end. */
export interface ContextPosition {
  readonly context: string;
  /** Another one when what was seen before doesn't hold any more: files were replaced or removed, bytes have changed. */
  readonly epoch: number;
  readonly snapshots: StorePosition;
  readonly events: StorePosition;
}

export interface StorePosition {
  /** The last segments, ascending, without a gap; the last one is the one being written, or is complete and its successor isn't there yet. */
  readonly segments: readonly WatchedSegment[];
  readonly nextToken: Token;
  /** What the server called the last closed segment when it was asked last. */
  readonly lastClosedSegment: Token | undefined;
  /** When which token was seen first, ascending; the older, the coarser. */
  readonly seen: readonly Seen[];
}

export interface Seen {
  readonly nextToken: Token;
  readonly at: Date;
}

/** A segment as far as it was seen. */
export interface WatchedSegment extends Omit<OpenSegment, "sha256"> {
  readonly file: SourceFile<SegmentName>;
  /** The last bytes of what was seen, with the last transaction's CRC: they tell it from other content of the same length. */
  readonly tail?: Uint8Array;
}

/** So many whole objects in so many milliseconds. */
export interface PutRate {
  readonly count: number;
  readonly per: number;
}

export interface FollowOptions {
  readonly watch: SourceWatch;
  /** Opened for writing, and wrapped. The caller's: it is not closed. */
  readonly sink: Sink;
  /** The sink's name. */
  readonly name: string;
  /** The version of the agent, for the head. */
  readonly agent: string;
  /** How often an open segment's copy may be put whole, where it can't be extended. */
  readonly maxPutRate: PutRate;
  /** Milliseconds from one cycle to the next, at least. If left out, as often as something new is seen. */
  readonly interval?: number;
  readonly onEvent?: (event: FollowEvent) => void;
  readonly signal?: AbortSignal;
  /** Milliseconds without anything new after which the lease is given back. Default 30,000. */
  readonly idle?: number;
  /** Complete segments in a head, from which on a restore point is asked for. Default 256. */
  readonly manySegments?: number;
  readonly now?: () => Date;
  readonly clock?: Clock;
  /** For tests. */
  readonly lease?: LeaseForTests;
}

/** What a sink has: its newest restore point, or the head that goes on from it. */
export interface StoredMoment {
  readonly id: RestorePointId;
  /** The restore point; its own id, or the one that the head goes on from. */
  readonly restorePoint: RestorePointId;
  /** When the server was looked at. */
  readonly at: Date;
  readonly contexts: readonly StoredContextMark[];
}

export interface StoredContextMark extends Readonly<Record<StoreKind, StoreMark>> {
  readonly context: string;
}

/** Where a store ends on a sink. */
export interface StoreMark {
  /** The last segment; undefined when none is stored. */
  readonly segment: Token | undefined;
  readonly validBytes: number;
  readonly nextToken: Token;
}

export type FollowEvent =
  /** What the sink has was compared with the server's files, and goes on from there. */
  | { readonly kind: "started"; readonly stored: StoredMoment }
  /** New bytes are on the sink, and in its head. */
  | {
      readonly kind: "cycle";
      readonly stored: StoredMoment;
      /** Bytes of segments that were sent; the head is not among them. */
      readonly bytes: number;
      readonly objects: number;
      readonly milliseconds: number;
    }
  /** A segment that the server has closed, or an index file of it, was stored whole: the next restore point needn't send it. */
  | { readonly kind: "settled"; readonly key: string; readonly bytes: number }
  | { readonly kind: "lease"; readonly held: boolean }
  | { readonly kind: "warning"; readonly message: string };

/**
 * Why following ended by itself. All but `changed` ask for a restore point:
 *
 * - `no-restore-point`: there is none that could be gone on from.
 * - `diverged`: the server's history isn't the one that the sink has.
 * - `contexts-changed`: the server has other contexts than the newest restore point.
 * - `many-segments`: the head has many complete segments by now.
 * - `transformed`: there are new versions of segments.
 * - `unreadable`: a segment in the middle can't be read to its end, so that nothing behind it can be told.
 * - `changed`: files aren't what they were when they were looked at. Follow again, after a while: that compares, and tells whether it is another history.
 */
export type FollowReason =
  | "no-restore-point"
  | "diverged"
  | "contexts-changed"
  | "many-segments"
  | "transformed"
  | "unreadable"
  | "changed";

export interface FollowEnd {
  readonly reason: FollowReason;
  /** For people: a sentence without a full stop. */
  readonly message: string;
}

/** How far a sink is behind the server with one context. */
export interface ContextLag {
  readonly context: string;
  /** Tokens of the last event on the sink and on the server; null for none. */
  readonly storedToken: Token | null;
  readonly serverToken: Token | null;
  /** Events that the sink doesn't have; and snapshots. */
  readonly tokens: number;
  readonly snapshots: number;
  /** Bytes of both. */
  readonly bytes: number;
  /** When the oldest of them was seen; undefined when there is none. */
  readonly since: Date | undefined;
}
