import { headOf, type Manifest, type StoreManifest } from "@axon-backup/core";

/** What a manifest says about one store, counted. */
export interface StoreSummary {
  /** Closed segments and index files. */
  readonly closedFiles: number;
  readonly openSegments: number;
  /** Of all of them. */
  readonly bytes: number;
  readonly lastClosedSegment: number | null;
  /** The last event's (or snapshot's) token; null when there is none. */
  readonly lastToken: number | null;
  /** False when there may be more: see `Head`. */
  readonly lastTokenExact: boolean;
}

export function summariseStore(store: StoreManifest): StoreSummary {
  const sum = (items: readonly { readonly size: number }[]) =>
    items.reduce((total, { size }) => total + size, 0);
  const pages = store.pages.reduce(
    (total, page) => ({ files: total.files + page.files, bytes: total.bytes + page.bytes }),
    { files: 0, bytes: 0 },
  );
  const head = headOf(store);
  const open = store.open.reduce((total, segment) => total + segment.validBytes, 0);
  return {
    closedFiles: pages.files + store.recent.length,
    openSegments: store.open.length,
    bytes: pages.bytes + sum(store.recent) + open,
    lastClosedSegment: store.lastClosedSegment,
    lastToken: head.lastToken,
    lastTokenExact: head.exact,
  };
}

/** Everything that a restore of this restore point would read. */
export function manifestBytes(manifest: Manifest): number {
  return manifest.contexts.reduce(
    (total, { events, snapshots }) => total + summariseStore(events).bytes + summariseStore(snapshots).bytes,
    manifest.controlDb.size,
  );
}

/** A head's token, and whether there may be more. */
export function headText(token: number | null, exact: boolean): string {
  if (exact) return tokenText(token);
  return token === null ? "unknown" : `at least ${token}`;
}

/** A token, or that there is none. */
export function tokenText(token: number | null): string {
  return token === null ? "none" : String(token);
}
