import type { Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { atOnce, LargeGate } from "../at-once.js";
import { mapConcurrent } from "../concurrency.js";
import { ignoreEvents } from "../observer.js";
import { withPieces } from "../repository/pieces.js";
import type { Clock } from "../sinks/clock.js";
import { chooseToRead } from "./budget.js";
import type { Listing, Present } from "./examine.js";
import type { Findings } from "./findings.js";
import { type ReadResult, readObject } from "./read-object.js";
import type { ReadTimes } from "./read-times.js";
import type { RecordKeeper } from "./record-keeper.js";
import type { StoreTruth, VerifyOptions } from "./types.js";

/** What reading told. */
export interface Reading {
  readonly bytes: number;
  readonly objects: number;
  readonly seconds: number;
  /** The token after the last event of closed segments that were read. */
  readonly ends: ReadonlyMap<ObjectKey, Token>;
  /** Objects that were read. */
  readonly read: ReadonlySet<ObjectKey>;
  /** Those that nothing was found wrong with. */
  readonly right: ReadonlySet<ObjectKey>;
  readonly store: StoreTruth;
}

export const NOTHING_READ: Reading = {
  bytes: 0,
  objects: 0,
  seconds: 0,
  ends: new Map(),
  read: new Set(),
  right: new Set(),
  store: { segments: 0, transactions: 0, events: 0, controlDbs: 0 },
};

export interface ReadAllTools {
  readonly findings: Findings;
  readonly times: ReadTimes;
  /** Undefined where nothing is to be written. */
  readonly keeper: RecordKeeper | undefined;
  readonly notes: string[];
  readonly clock: Pick<Clock, "now">;
  readonly now: () => Date;
}

/** Reads what the budget allows, each object once, and notes for each when it was read. */
export async function readAll(
  options: VerifyOptions,
  { present, marked }: Pick<Listing, "present" | "marked">,
  { findings, times, keeper, notes, clock, now }: ReadAllTools,
): Promise<Reading> {
  const { name, signal, observer = ignoreEvents, connections, budget, within = Infinity } = options;
  const sink = withPieces(options.sink);
  observer({ kind: "step", sink: name, step: "data" });
  const isWrong = ({ object: { key } }: Present): boolean => marked.has(key) || times.wasWrong(key);
  const { again, rotation } = chooseToRead(present, times, isWrong, budget);
  const chosen = [...again, ...rotation];
  observer({
    kind: "work",
    sink: name,
    objects: chosen.length,
    bytes: chosen.reduce((sum, { bytes }) => sum + bytes, 0),
  });
  const begun = clock.now();
  const tally = new Tally();
  const [first] = rotation;
  const onBytes = (count: number): void => {
    tally.bytes += count;
    observer({ kind: "bytes", sink: name, bytes: count });
  };
  /** Of an object that is read twice: what was announced is each object once. */
  const onBytesAgain = (count: number): void => {
    tally.bytes += count;
  };
  const limits = atOnce(connections);
  const large = new LargeGate(limits.large);
  await mapConcurrent(chosen, limits.all, signal, (object, inner) =>
    large.pass(object.bytes, async () => {
      // What was wrong is read whatever the time, and one of the others: some progress in each run.
      const mayWait = object !== first && !isWrong(object);
      if (mayWait && clock.now() - begun >= within) return;
      const result = await readObject(
        { sink, report: findings.report, signal: inner, onBytes, onBytesAgain },
        object,
      );
      const seconds = Math.floor(now().getTime() / 1000);
      tally.add(object, result);
      if (result.right) times.right(object, seconds);
      else times.wrong(object, seconds);
      observer({ kind: "object", sink: name, key: object.object.key, bytes: object.bytes, what: "read" });
      await keeper?.changed();
    }),
  );
  for (const [version, count] of tally.foreign)
    notes.push(
      `${count} segments are of format version ${version}, which is not known: their SHA-256 was checked, and nothing else`,
    );
  return tally.reading((clock.now() - begun) / 1000);
}

/** Adds up what the objects told. */
class Tally {
  bytes = 0;
  readonly foreign = new Map<number, number>();
  #store = NOTHING_READ.store;
  readonly #ends = new Map<ObjectKey, Token>();
  readonly #read = new Set<ObjectKey>();
  readonly #right = new Set<ObjectKey>();

  add({ object: { key, kind } }: Present, result: ReadResult): void {
    const { right, nextToken, foreignVersion, transactions, events } = result;
    this.#read.add(key);
    if (right) this.#right.add(key);
    if (nextToken !== undefined) this.#ends.set(key, nextToken);
    if (foreignVersion !== undefined)
      this.foreign.set(foreignVersion, (this.foreign.get(foreignVersion) ?? 0) + 1);
    const store = this.#store;
    if (right && kind === "control-db") this.#store = { ...store, controlDbs: store.controlDbs + 1 };
    if (transactions !== undefined && events !== undefined)
      this.#store = {
        ...store,
        segments: store.segments + 1,
        transactions: store.transactions + transactions,
        events: store.events + events,
      };
  }

  reading(seconds: number): Reading {
    return {
      bytes: this.bytes,
      objects: this.#read.size,
      seconds,
      ends: this.#ends,
      read: this.#read,
      right: this.#right,
      store: this.#store,
    };
  }
}
