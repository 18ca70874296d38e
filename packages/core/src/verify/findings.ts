import type { ObjectKey } from "@axon-backup/sink";
import type { RestorePointId } from "../repository/restore-point-id.js";
import type { Depth, Finding } from "./types.js";

/** Something that isn't right. */
export interface Reported {
  readonly key: ObjectKey;
  /** A sentence that reads on after the key. */
  readonly finding: string;
  /** The check that found it. */
  readonly depth: Depth;
  /** Those that can't be restored because of it. */
  readonly restorePoints: Iterable<RestorePointId>;
  /** Whether storing the object again would mend it: it is then marked for the next backup. */
  readonly mend: boolean;
  /** How many of the object's first bytes this is about; left out, or 0, for all of it. A restore point that needs fewer isn't concerned. */
  readonly beginning?: number;
  /** Whether the next backup mends it without a mark. */
  readonly mendedAnyway?: boolean;
}

export type Report = (reported: Reported) => void;

/** Gathers findings: the same one of several restore points is one. */
export class Findings {
  readonly #found = new Map<
    string,
    Omit<Reported, "restorePoints"> & { readonly restorePoints: Set<RestorePointId> }
  >();

  readonly report: Report = ({ restorePoints, ...reported }) => {
    const { key, finding } = reported;
    const id = `${key}\n${finding}`;
    const known = this.#found.get(id) ?? { ...reported, restorePoints: new Set() };
    for (const restorePoint of restorePoints) known.restorePoints.add(restorePoint);
    this.#found.set(id, known);
  };

  /** Leaves out what is only about restore points that aren't there any more: they were removed while this was running. */
  keepOnly(restorePoints: ReadonlySet<RestorePointId>): void {
    for (const [id, found] of this.#found) {
      if (found.restorePoints.size === 0) continue;
      for (const restorePoint of found.restorePoints)
        if (!restorePoints.has(restorePoint)) found.restorePoints.delete(restorePoint);
      if (found.restorePoints.size === 0) this.#found.delete(id);
    }
  }

  /** Those that something is wrong with. */
  restorePoints(): Set<RestorePointId> {
    return new Set([...this.#found.values()].flatMap(({ restorePoints }) => [...restorePoints]));
  }

  /** Sorted by key. */
  list(): Finding[] {
    return [...this.#found.values()]
      .map(({ key, finding, depth, mend, mendedAnyway = false, restorePoints }) => ({
        key,
        finding,
        depth,
        mendable: mend || mendedAnyway,
        restorePoints: [...restorePoints].sort(),
      }))
      .sort((a, b) => (a.key === b.key ? compare(a.finding, b.finding) : compare(a.key, b.key)));
  }

  /** What the next backup should store again, with one finding about each: the one about the shortest beginning. */
  toMend(): Map<ObjectKey, Pick<Reported, "finding" | "beginning">> {
    const keys = new Map<ObjectKey, Pick<Reported, "finding" | "beginning">>();
    for (const { key, finding, beginning = 0, mend } of this.#found.values())
      if (mend && beginning < (keys.get(key)?.beginning ?? Infinity)) keys.set(key, { finding, beginning });
    return keys;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
