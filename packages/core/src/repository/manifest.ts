import type { StoreKind, Token } from "@axon-backup/axon-server";
import type { RestorePointId } from "./restore-point-id.js";

/**
 * A restore point: everything needed to bring the store back as it was. Written last, never changed; the restore point exists when
 * its manifest does.
 */
export interface Manifest {
  readonly id: RestorePointId;
  /** The id of the repository that it belongs to. */
  readonly repository: string;
  /** The restore point that this one inherits from; null for the first. */
  readonly parent: RestorePointId | null;
  /** ISO 8601, UTC: when the run began and when everything was stored. */
  readonly started: string;
  readonly finished: string;
  /** The version of the agent that wrote it. */
  readonly agent: string;
  readonly server: ManifestServer;
  readonly controlDb: StoredControlDb;
  /** Sorted by name. */
  readonly contexts: readonly ContextManifest[];
}

export interface ManifestServer {
  readonly name: string;
  readonly version: string;
  readonly edition: "SE" | "EE";
}

export interface StoredControlDb {
  /** The name that the server gave it. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** The restore point whose run stored it; left out for the manifest's own. A head, and a restore point made of one, has that of the restore point before. */
  readonly run?: RestorePointId;
}

export interface ContextManifest {
  readonly name: string;
  /** 0 until the server's history diverges. */
  readonly timeline: number;
  /** Where the timeline left another one: on every manifest of it, so that it survives the first one. Left out of timeline 0. */
  readonly branch?: Branch;
  readonly snapshots: StoreManifest;
  readonly events: StoreManifest;
}

/** Where and why a timeline of a context began. */
export interface Branch {
  /** The timeline that it left. */
  readonly timeline: number;
  /** The last restore point of that one; null when none that has the context could be read. */
  readonly restorePoint: RestorePointId | null;
  /** What was found of the server's history, as a sentence without a full stop. */
  readonly reason: string;
  /** ISO 8601, UTC: when the run began that found it. */
  readonly begun: string;
}

/**
 * One store of a context. Its closed files are those of the pages, in order, then `recent`.
 */
export interface StoreManifest {
  /** The cursor: the last segment that the server called closed; null when it had closed none. */
  readonly lastClosedSegment: Token | null;
  /** The highest segment version among the closed files. */
  readonly lastVersion: number;
  /** The token that comes after the last event stored: 0 for an empty store. The head is the one before; `headOf` tells whether there may be more. */
  readonly nextToken: Token;
  /** Older closed files, in write-once objects that later manifests point to as well. */
  readonly pages: readonly PageReference[];
  /** Closed files that are in no page yet. */
  readonly recent: readonly ClosedFile[];
  /** Segments that were open: their copies are overwritten at every backup. Ascending. */
  readonly open: readonly OpenSegment[];
}

/** A segment or index file that never changes. */
export interface ClosedFile {
  /** As the server has it; with context, timeline and store it gives the key. */
  readonly name: string;
  readonly size: number;
  readonly sha256: string;
  /** Of a segment: the token after its last event, which the next segment begins with. Left out where it can't be told. */
  readonly nextToken?: Token;
  /** Of a segment that was damaged on the server when it was stored: what is wrong with it, as a sentence that reads on after its name. Left out of all others. */
  readonly problem?: string;
  /** The name of its object in the store's folder, where that is another one: of a segment that took the place of one with a problem, which older restore points need as it is. */
  readonly object?: string;
}

/**
 * A segment above `lastClosedSegment`, as far as it was valid. Every later copy, and the closed segment that it becomes, begins with these bytes.
 */
export interface OpenSegment {
  readonly name: string;
  /** How many bytes of the copy this restore point needs; restore fills with zeros behind them. */
  readonly validBytes: number;
  /** Of those bytes. */
  readonly sha256: string;
  /** The file's length on the server. A restored file must have it, or the server doesn't start. */
  readonly length: number;
  /** The token after its last event; with `unknownFormat`, its first one: the least that it can be. */
  readonly nextToken: Token;
  /** The version of its format, when the agent didn't know it: taken as it is, up to the last byte that isn't zero, and not read. Left out otherwise. */
  readonly unknownFormat?: number;
  /** Whether its end marker was there: full, but not handed over yet. `validBytes` then includes the marker. */
  readonly complete: boolean;
  /**
   * Of a head alone: where the pieces begin that the copy goes on in, as bytes of the segment, ascending (pieces.ts). The copy itself ends where the first one begins. Left out when the copy has
   * everything.
   */
  readonly pieces?: readonly number[];
}

/** Names a page. Pages are stored under the hash of their bytes, and never change. */
export interface PageReference {
  readonly sha256: string;
  /** How many files it lists. */
  readonly files: number;
  /** Their bytes in all. */
  readonly bytes: number;
  /** How many of them have a problem. Left out for none. */
  readonly problems?: number;
}

/** A page's content: closed files of one store, in the order of `compareClosedFiles`. */
export interface Page {
  readonly context: string;
  readonly timeline: number;
  readonly store: StoreKind;
  readonly files: readonly ClosedFile[];
}

/** `repository.json`. */
export interface RepositoryInfo {
  /** The layout's version. */
  readonly layout: number;
  readonly id: string;
  readonly created: string;
}

/** What a run that isn't committed yet has stored and confirmed, so that the next one needn't send it again. */
export interface Checkpoint {
  readonly run: RestorePointId;
  readonly stores: readonly Page[];
}

/** A finding of `verify`, for the next backup to mend. */
export interface DamageMark {
  readonly key: string;
  /** What was found, as a sentence. */
  readonly finding: string;
  readonly found: string;
  /** The object's first bytes, so many, aren't right; fewer are, if it can be read. Left out where nothing of it is of use, or it wasn't told. */
  readonly beginning?: number;
}
