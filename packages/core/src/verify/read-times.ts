import type { ReadEntry, VerifiedObjects } from "../repository/verification.js";
import type { Present } from "./examine.js";

/** Digits of a hash that tell one content from another: nobody chooses them, and what is at stake is when an object is read again. */
const HASH_DIGITS = 8;

/** When objects were read last, and which bytes of them: the record on the sink, while it is used. */
export class ReadTimes {
  readonly #entries: Map<string, ReadEntry>;

  private constructor(entries: Map<string, ReadEntry>) {
    this.#entries = entries;
  }

  static of(record: VerifiedObjects | undefined): ReadTimes {
    const entries = new Map<string, ReadEntry>();
    for (const [folder, names] of Object.entries(record?.folders ?? {}))
      for (const [name, entry] of Object.entries(names))
        entries.set(folder === "" ? name : `${folder}/${name}`, entry);
    return new ReadTimes(entries);
  }

  /** The second in which the object was read last, whatever its bytes are now. */
  last(key: string): number | undefined {
    return this.#entries.get(key)?.[0];
  }

  /** The second in which the bytes that restore points need of it now were read and found right. */
  valid(object: Present): number | undefined {
    const [seconds, hash, claims = 1, copy] = this.#entries.get(object.object.key) ?? [];
    const now = identityOf(object);
    const same = hash === now.hash && claims >= now.claims && copy === now.copy;
    return same ? seconds : undefined;
  }

  /** Whether something was wrong with it when it was read last. */
  wasWrong(key: string): boolean {
    return this.#entries.get(key)?.[1] === "";
  }

  right(object: Present, seconds: number): void {
    const { hash, claims, copy } = identityOf(object);
    const entry: ReadEntry =
      copy !== undefined
        ? [seconds, hash, claims, copy]
        : claims > 1
          ? [seconds, hash, claims]
          : [seconds, hash];
    this.#entries.set(object.object.key, entry);
  }

  wrong({ object: { key } }: Present, seconds: number): void {
    this.#entries.set(key, [seconds, ""]);
  }

  /** Forgets the objects that `keep` says no to. */
  retain(keep: (key: string) => boolean): void {
    for (const key of this.#entries.keys()) if (!keep(key)) this.#entries.delete(key);
  }

  record(now: Date): VerifiedObjects {
    const folders = new Map<string, Map<string, ReadEntry>>();
    for (const [key, entry] of this.#entries) {
      const slash = key.lastIndexOf("/");
      const folder = key.slice(0, Math.max(0, slash));
      let names = folders.get(folder);
      if (names === undefined) folders.set(folder, (names = new Map<string, ReadEntry>()));
      names.set(key.slice(slash + 1), entry);
    }
    return {
      written: now.toISOString(),
      folders: Object.fromEntries([...folders].map(([folder, names]) => [folder, Object.fromEntries(names)])),
    };
  }
}

/**
 * What tells the bytes of an object that were checked from others. A closed object never changes: its hash and how many of its parts restore points need (which
 * only becomes less) do. An open segment's copy may have been replaced by the same bytes, written anew.
 */
function identityOf({ claims, copy }: Present): {
  readonly hash: string;
  readonly claims: number;
  readonly copy: string | undefined;
} {
  const largest = claims.reduce((a, b) => (b.bytes > a.bytes || (b.bytes === a.bytes && b.whole) ? b : a));
  return { hash: largest.sha256.slice(0, HASH_DIGITS), claims: claims.length, copy };
}
