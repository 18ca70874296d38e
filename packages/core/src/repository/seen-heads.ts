import type { Manifest } from "./manifest.js";
import type { RestorePointId } from "./restore-point-id.js";

/** A reader needs the one that it began with. */
const KEPT = 8;

/**
 * The heads that were read: a head that is replaced meanwhile must not be gone in the middle of a restore. What it needs stays, because a later copy of an open segment begins with the same bytes.
 * Keeps a few, the last ones.
 */
export class SeenHeads {
  readonly #heads = new Map<RestorePointId, Manifest>();

  get(id: RestorePointId): Manifest | undefined {
    return this.#heads.get(id);
  }

  add(head: Manifest): void {
    this.#heads.delete(head.id);
    this.#heads.set(head.id, head);
    for (const id of this.#heads.keys()) if (this.#heads.size > KEPT) this.#heads.delete(id);
  }
}
