import type { ObjectKey, StoredObject } from "@axon-backup/sink";
import { type KeyKind, kindOfKey } from "../repository/key-kind.js";
import { damageMarkKey } from "../repository/layout.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** An object that is to be removed, or could be. */
export interface Candidate {
  readonly key: ObjectKey;
  readonly kind: Exclude<KeyKind["kind"], "administration" | "unknown">;
  readonly bytes: number;
  /** Why it goes, or why it stays although nothing needs it. A clause: "no restore point needs it". */
  readonly reason: string;
}

/** Keys, whatever is known of each. */
export type KeySet = Pick<ReadonlySet<ObjectKey>, "has" | "keys">;

/** What is known when objects are looked at. */
export interface PlanInput {
  /** What the restore points need that stay. */
  readonly needed: KeySet;
  /** What runs that were cut off have stored. */
  readonly unfinished: KeySet;
  /** Whether that is all of it: a checkpoint that can't be read may list more. */
  readonly isUnfinishedComplete: boolean;
  /** Those that no rule keeps. */
  readonly removed: ReadonlySet<RestorePointId>;
  /** The newest restore point: no run that is older can still commit. */
  readonly newest: RestorePointId | undefined;
  /** Now, by the storage's clock. */
  readonly now: Date;
  /** Milliseconds: what is younger than this may be of a run that nobody knows of. */
  readonly safeAge: number;
}

/** What there is on a sink that no restore point needs. */
export interface RemovalPlan {
  /** In the order of their removal, from the manifests on. */
  readonly removals: readonly Candidate[];
  /** What nothing needs, and that stays for now. */
  readonly waiting: readonly Candidate[];
  /** What isn't ours. */
  readonly unknown: { readonly objects: number; readonly examples: readonly ObjectKey[] };
}

const EXAMPLES = 5;
/** Manifests first: with the first of anything else that goes, no restore point may need it. */
const ORDER: readonly Candidate["kind"][] = [
  "restore-point",
  "control-db",
  "page",
  "store-file",
  "damage-mark",
];

/** Goes through a listing of everything, and sorts out what goes. Pure. Memory grows with what isn't needed alone. */
export class RemovalPlanner {
  readonly #removals: Candidate[] = [];
  readonly #waiting: Candidate[] = [];
  readonly #marks = new Map<ObjectKey, StoredObject>();
  #unknown = 0;
  readonly #examples: ObjectKey[] = [];

  constructor(private readonly input: PlanInput) {}

  add(object: StoredObject): void {
    const { key, size } = object;
    if (this.input.needed.has(key)) return;
    const kind = kindOfKey(key);
    switch (kind.kind) {
      case "administration":
        return;
      case "unknown":
        if (this.#unknown++ < EXAMPLES) this.#examples.push(key);
        return;
      case "damage-mark":
        this.#marks.set(kind.of, object);
        return;
      case "restore-point":
        // One that came meanwhile is nobody's to remove.
        if (this.input.removed.has(kind.run))
          this.#remove({ key, kind: kind.kind, bytes: size, reason: "no rule keeps this restore point" });
        return;
      case "control-db":
        this.#addControlDb(object, kind.run);
        return;
      case "page":
      case "store-file":
        this.#addShared(object, kind.kind);
    }
  }

  end(): RemovalPlan {
    this.#addMarks();
    const removals = this.#removals.sort(
      (a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind) || (a.key < b.key ? -1 : 1),
    );
    return {
      removals,
      waiting: this.#waiting.sort((a, b) => (a.key < b.key ? -1 : 1)),
      unknown: { objects: this.#unknown, examples: this.#examples },
    };
  }

  #addControlDb(object: StoredObject, run: RestorePointId): void {
    const { key, size: bytes } = object;
    const { removed, newest } = this.input;
    if (removed.has(run))
      this.#remove({ key, kind: "control-db", bytes, reason: `of restore point ${run}, which goes` });
    else if (newest !== undefined && run < newest)
      this.#remove({ key, kind: "control-db", bytes, reason: `there is no restore point ${run}` });
    else this.#removeIfOld(object, "control-db", `there is no restore point ${run}`);
  }

  #addShared(object: StoredObject, kind: "page" | "store-file"): void {
    const { key, size: bytes } = object;
    const { unfinished, isUnfinishedComplete } = this.input;
    const wait = (reason: string): void => void this.#waiting.push({ key, kind, bytes, reason });
    if (unfinished.has(key)) wait("a run that was cut off has stored it, and the next one takes it over");
    else if (kind === "store-file" && !isUnfinishedComplete)
      wait("a checkpoint that can't be read may list it; the next backup removes the checkpoint");
    else this.#removeIfOld(object, kind, "no restore point needs it");
  }

  #removeIfOld(
    { key, size: bytes, modified }: StoredObject,
    kind: "control-db" | "page" | "store-file",
    reason: string,
  ): void {
    const { now, safeAge } = this.input;
    const candidate = { key, kind, bytes };
    if (modified === undefined)
      this.#waiting.push({ ...candidate, reason: "the storage doesn't tell how old it is" });
    else if (now.getTime() - modified.getTime() < safeAge)
      this.#waiting.push({ ...candidate, reason: "it is too young to be certainly of no run" });
    else this.#remove({ ...candidate, reason });
  }

  /** A mark goes with its object. */
  #addMarks(): void {
    const stay = new Set(this.#waiting.map(({ key }) => key));
    for (const [of, { key, size }] of this.#marks)
      if (!this.input.needed.has(of) && !stay.has(of))
        this.#remove({
          key,
          kind: "damage-mark",
          bytes: size,
          reason: `it marks ${of}, which nothing needs`,
        });
  }

  #remove(candidate: Candidate): void {
    this.#removals.push(candidate);
  }
}

/** The plan without what these keys need, of restore points whose manifests couldn't be removed. */
export function without(plan: RemovalPlan, needed: KeySet): RemovalPlan {
  const marks = new Set([...needed.keys()].map(damageMarkKey));
  return { ...plan, removals: plan.removals.filter(({ key }) => !needed.has(key) && !marks.has(key)) };
}
