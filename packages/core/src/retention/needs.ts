import type { ObjectKey, StoredObject } from "@axon-backup/sink";
import { kindOfKey } from "../repository/key-kind.js";

/** What restore points need of an object. */
export interface Need {
  /** Bytes: it must have so many at least. Of a document, which is read, 0. */
  readonly least: number;
  /** Bytes: it must have just so many. Of a file that never changes. */
  readonly exact?: number;
}

/** What restore points need, by key. */
export type Needs = Map<ObjectKey, Need>;

/** Adds to what is needed of an object already. */
export function addNeed(needs: Needs, key: ObjectKey, need: Need): void {
  const before = needs.get(key);
  if (before === undefined) needs.set(key, need);
  else if (before.least !== need.least || before.exact !== need.exact) {
    const exact = before.exact ?? need.exact;
    needs.set(key, { least: Math.max(before.least, need.least), ...(exact !== undefined && { exact }) });
  }
}

/** What is wrong with an object, as a sentence; undefined if nothing. @param size of the object that is there */
export function unmet(key: ObjectKey, { least, exact }: Need, size: number | undefined): string | undefined {
  if (size === undefined) return `${key} is missing`;
  if (exact !== undefined && size !== exact) return `${key} has ${size} bytes, and ${exact} were stored`;
  return size < least ? `${key} has ${size} bytes, and ${least} are needed of it` : undefined;
}

/** Goes through a listing of everything: whether what is needed is there, has its size, and isn't marked as damaged. */
export class NeedsCheck {
  readonly #unseen: Set<ObjectKey>;
  #isWhole = true;

  constructor(private readonly needs: ReadonlyMap<ObjectKey, Need>) {
    this.#unseen = new Set(needs.keys());
  }

  add({ key, size }: StoredObject): void {
    const need = this.needs.get(key);
    if (need !== undefined) {
      this.#unseen.delete(key);
      if (unmet(key, need, size) !== undefined) this.#isWhole = false;
      return;
    }
    const kind = kindOfKey(key);
    if (kind.kind === "damage-mark" && this.needs.has(kind.of)) this.#isWhole = false;
  }

  /** @returns whether all is right */
  end(): boolean {
    return this.#isWhole && this.#unseen.size === 0;
  }
}
