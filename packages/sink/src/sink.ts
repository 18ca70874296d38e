import type { ObjectKey } from "./key.js";
import type { Source } from "./source.js";

/**
 * # The contract of a sink
 *
 * A sink keeps objects (bytes under a key) for the backup engine. It may be a directory, an object store, a server somewhere. The
 * engine relies on what follows and on nothing else; `describeSink` of `@axon-backup/sink-testkit` checks every sentence of it that shows
 * from outside (a power cut and the use of memory don't).
 *
 * **Atomic.** `put` creates or replaces an object as a whole. Whoever reads it meanwhile, whoever lists it, and whoever comes after
 * a crash sees the old object or the new one, never a part, never a mixture, and no longer tail of the old one. When `put` rejects, for
 * whatever reason (source failed, signal aborted, disk full), the old object stands and nothing new can be listed.
 *
 * **Durable.** When `put`, `extend` or `delete` resolves, its effect survives a power cut of the storage as far as the storage can promise it.
 *
 * **Read after write.** When `put` resolves, every later `get`, `stat` and `list`, through this or another connection, shows it. The
 * same holds for `delete` and `extend`.
 *
 * **Exact.** `put` stores exactly `source.size` bytes. A source that gives fewer or more makes it reject. What `put` returns is what the
 * storage says that it holds, not what was sent: the engine compares.
 *
 * **Keys** are of the grammar in `key.ts`. Upper and lower case differ. There are no directories: `a/b` may come and go without anything
 * else changing. A key that is an object is never also the beginning of another key (`a` and `a/b`): the engine doesn't do that.
 *
 * **Errors.** A method rejects with a `SinkError` whose kind tells the engine what to do; with the signal's reason when aborted; with the
 * source's own error, unchanged, when the source fails. The storage's own error is the `cause`. A sink never tries again by itself and never
 * logs an error instead of returning it.
 *
 * **Concurrent.** Methods may be called while others run. Two puts to one key at once leave one of the two objects, whole; one of
 * them resolves, and the other one may reject as `transient`.
 *
 * **Bounded.** Memory doesn't depend on the size of an object or on the number of objects.
 *
 * Optional capabilities are optional methods: a sink that can't do one leaves the method out, and the engine goes another way. A method
 * that is there keeps its promise.
 */
export interface Sink {
  /** Creates or replaces an object, atomically. Resolves when it is durable. */
  put(key: ObjectKey, source: Source, options?: PutOptions): Promise<StoredObject>;

  /**
   * The object's bytes, or those of a range of it. Reading goes on as fast as the consumer takes the chunks; the object's bytes are those
   * of one moment even when it is replaced meanwhile, or the read fails. A consumer that stops early releases what was held.
   * A chunk belongs to the sink: a consumer that keeps it beyond its next step copies it.
   *
   * Rejects at the first step: `not-found`; `range` when `range.offset` is beyond the end (equal to the size gives no bytes).
   */
  get(key: ObjectKey, options?: CallOptions & { readonly range?: ByteRange }): AsyncIterable<Uint8Array>;

  /** What the storage says about the object. Rejects with `not-found`. */
  stat(key: ObjectKey, options?: CallOptions): Promise<StoredObject>;

  /**
   * Every object whose key begins with `prefix` (whole parts or not; "" is all), each once, in any order, over every page. Objects that come
   * or go while it runs may be listed or not; all others are. Only finished objects: nothing half uploaded, no temporary names.
   */
  list(prefix: string, options?: CallOptions): AsyncIterable<StoredObject>;

  /** Removes an object. One that isn't there is success. */
  delete(key: ObjectKey, options?: CallOptions): Promise<void>;

  /** Releases connections and the like. May be called twice. Calls that still run may fail. */
  close(): Promise<void>;

  /**
   * Optional: grows an object in place. Keeps its first `keep` bytes and puts the source's bytes behind them; what came after them goes.
   * The result has `keep + source.size` bytes.
   *
   * The continuous mode uses it between backups; each backup puts an open segment's copy whole.
   *
   * It needn't be atomic. But the first `keep` bytes survive any failure, byte for byte; after one, the object is at least `keep` bytes long.
   * Rejects with `not-found`, and with `range` if the object is shorter than `keep`.
   */
  extend?(key: ObjectKey, keep: number, source: Source, options?: PutOptions): Promise<StoredObject>;

  /**
   * Optional: from how many kept bytes on `extend` costs less than a put of the whole. Below, it reads and sends them again, and the engine uses it as rarely as it puts. 0 if left out.
   */
  readonly extendFrom?: number;

  /** Optional: put under a condition, decided by the storage itself in one step with the put. */
  readonly conditional?: ConditionalPut;

  /**
   * Optional: removes what writers that are dead left behind (temporary files, unfinished uploads). Never touches what a living
   * writer is working on, here or on another machine, except for `options.others`. Resolves with the number of things removed.
   */
  removeLeftovers?(options?: LeftoverOptions): Promise<number>;

  /** Optional: how many bytes can still be stored, as far as the storage knows. */
  freeBytes?(options?: CallOptions): Promise<number>;
}

/** Options of every call. */
export interface CallOptions {
  /** Ends the call early: it rejects with the signal's reason, and what it was writing is removed. */
  readonly signal?: AbortSignal;
  /**
   * The engine aborts a call in which nothing moves for a while (a minute, say). It sees a source's bytes being taken, and those of a `get` and the objects
   * of a `list` coming. A sink that works long without any of these (it sends from large buffers of its own, copies on the storage, removes many
   * things) calls this whenever it got on. Optional for both sides.
   */
  readonly onProgress?: () => void;
}

/** Options of `removeLeftovers`. */
export interface LeftoverOptions extends CallOptions {
  /**
   * Where what *others* have begun to store goes as well, though they may be alive: the caller has the repository for itself. `place` is what keys begin with there: "", or
   * something that ends in "/". Others are all but this very sink object.
   *
   * When the call resolves, no put of another one that had read the last byte of its source before the call began takes effect any more: it rejects as `transient`. (Whoever lost the
   * repository while it stood still asks, with its last byte, whether it still has it.) A sink with `conditional.ifUnchanged` needn't do this: what others store is then told by the version. One that has neither can only hope that nobody stands still for
   * a minute in that very moment.
   */
  readonly others?: (place: string) => boolean;
}

/** Options of calls that store something. */
export interface PutOptions extends CallOptions {
  /** What is stored. A sink may use it to choose a storage class or tags, and for nothing that its reader could notice. */
  readonly kind?: ObjectKind;
}

/**
 * What an object is:
 *
 * - `closed-segment`, `index`: written once, read for a restore or a check alone. `index` can be done without.
 * - `open-segment`: replaced at every backup, every second perhaps. Storage with a minimum age or a price per change is wrong for it.
 * - `control-db`, `replication-log`: written once, a set for each restore point.
 * - `document`: small, and read by every run.
 */
export type ObjectKind =
  "closed-segment" | "open-segment" | "index" | "control-db" | "replication-log" | "document";

/** A part of an object. */
export interface ByteRange {
  /** First byte, from 0. */
  readonly offset: number;
  /** How many bytes at most; to the end if left out. A range that reaches beyond the end is cut there. */
  readonly length?: number;
}

/** What the storage says about an object. */
export interface StoredObject {
  readonly key: ObjectKey;
  /** Bytes that the storage holds. */
  readonly size: number;
  /** Changes whenever the object does (an ETag, for instance). Given by every method of a sink with `conditional["if-unchanged"]`. */
  readonly version?: string;
  /** A checksum of the whole object that the storage itself computed or checked. Left out when it has none. */
  readonly checksum?: StoredChecksum;
  /** When the object was last written, by the storage's clock, if it tells. */
  readonly modified?: Date;
  /**
   * Whether the storage keeps this object as a version, and has it paid for, also once it is replaced or deleted, until some rule of its own removes it. Given by `put`, if the storage tells
   * (a version id in its answer, say); left out where it doesn't, or keeps nothing. `check` warns of it where copies are replaced every second.
   */
  readonly staysAsVersion?: true;
}

/** A checksum over a whole object, as lower-case hex. */
export interface StoredChecksum {
  readonly algorithm: "sha256" | "md5" | "crc32" | "crc32c" | "crc64nvme";
  readonly value: string;
}

/** Puts under a condition. Each may be there or not; both reject with `conflict` when the condition doesn't hold. */
export interface ConditionalPut {
  /** Creates the object only if there is none under this key. */
  readonly ifAbsent?: (key: ObjectKey, source: Source, options?: PutOptions) => Promise<StoredObject>;
  /** Replaces the object only if its `version` is still this one. */
  readonly ifUnchanged?: (
    key: ObjectKey,
    version: string,
    source: Source,
    options?: PutOptions,
  ) => Promise<StoredObject>;
}
