import type { Finding } from "@axon-backup/core";

/** The objects of one sink that are known to be damaged. */
export class Damage {
  /** A backup mends these, if the server still has them. */
  #marked: ReadonlySet<string> = new Set();
  #unmendable: ReadonlySet<string> = new Set();

  get size(): number {
    return this.#all().size;
  }

  get isMendable(): boolean {
    return this.#marked.size > 0;
  }

  /** These are marked on the sink. @returns what wasn't known before */
  found(marked: ReadonlySet<string>): readonly string[] {
    const known = this.#all();
    this.#marked = marked;
    return [...marked].filter((key) => !known.has(key));
  }

  /** A verification found this. @returns what wasn't known before */
  verified(findings: readonly Finding[]): readonly string[] {
    const known = this.#all();
    const keys = (mendable: boolean): Set<string> =>
      new Set(findings.filter((finding) => finding.mendable === mendable).map(({ key }) => key));
    this.#marked = keys(true);
    this.#unmendable = keys(false);
    return [...this.#all()].filter((key) => !known.has(key));
  }

  #all(): Set<string> {
    return new Set([...this.#marked, ...this.#unmendable]);
  }
}
