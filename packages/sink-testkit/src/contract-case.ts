import { randomBytes } from "node:crypto";
import { joinKey, type ObjectKey, type Sink } from "@axon-backup/sink";

/** What a sink may leave out. `reopen` isn't the sink's but the test's: a second connection to the same storage. */
export const CAPABILITIES = [
  "extend",
  "conditional.ifAbsent",
  "conditional.ifUnchanged",
  "removeLeftovers",
  "freeBytes",
  "reopen",
] as const;
export type Capability = (typeof CAPABILITIES)[number];

/** One promise of the contract, checked: rejects when the sink breaks it. Independent of any test framework. */
export interface ContractCase {
  /** Unique; reads on after "the sink …". */
  readonly name: string;
  /** Which promise of the contract it belongs to. */
  readonly group: string;
  /** Whether it belongs to the short form, for a user's real storage: some seconds, some hundred KiB. */
  readonly short: boolean;
  /** What the sink must have for it to make sense. */
  readonly needs?: Capability;
  readonly run: (harness: Harness) => Promise<void>;
}

/** What a case works with. It touches only keys from `key`, which are removed after it. */
export interface Harness {
  readonly sink: Sink;
  /** Another connection to the same storage. The case closes it. */
  readonly reopen: () => Promise<Sink>;
  /** What all of the case's keys begin with: ends in `/`, and nothing else uses it. */
  readonly prefix: string;
  /** A key below the prefix. */
  readonly key: (...parts: readonly string[]) => ObjectKey;
  /** How many objects are surely more than one page of a list. */
  readonly pageObjects: number;
  /** Rejects when `promise` takes longer than a call may hang. */
  readonly within: <T>(what: string, promise: Promise<T>) => Promise<T>;
}

/** Options of every way of running cases. */
export interface HarnessOptions {
  readonly reopen?: (() => Promise<Sink>) | undefined;
  /** Beginning of all keys, ending in `/`, at most 100 bytes. Default: random, below `contract-test/`. */
  readonly prefix?: string | undefined;
  /** Default 1100: more than the 1000 of S3's pages. Slow sinks may lower it to what is more than a page of theirs. */
  readonly pageObjects?: number | undefined;
  /** Milliseconds after which a call counts as hanging. Default 60 000. */
  readonly patience?: number | undefined;
}

/** Whether `sink` has a capability. */
export function hasCapability(sink: Sink, capability: Exclude<Capability, "reopen">): boolean {
  switch (capability) {
    case "conditional.ifAbsent":
      return sink.conditional?.ifAbsent !== undefined;
    case "conditional.ifUnchanged":
      return sink.conditional?.ifUnchanged !== undefined;
    case "extend":
    case "removeLeftovers":
    case "freeBytes":
      return sink[capability] !== undefined;
  }
}

/** Runs one case under a prefix of its own and removes what it stored. Rejects when the case fails, or the removal does. */
export async function runCase(test: ContractCase, sink: Sink, options: HarnessOptions = {}): Promise<void> {
  const keys = new Set<ObjectKey>();
  const prefix = `${options.prefix ?? "contract-test/"}${randomBytes(4).toString("hex")}/`;
  const patience = options.patience ?? 60_000;
  const { reopen } = options;
  const harness: Harness = {
    sink,
    prefix,
    pageObjects: options.pageObjects ?? 1100,
    reopen: () => {
      if (reopen === undefined) throw new Error("no second connection to the storage was given");
      return reopen();
    },
    key: (...parts) => {
      const key = joinKey(prefix.slice(0, -1), ...parts);
      keys.add(key);
      return key;
    },
    within: (what, promise) => within(what, promise, patience),
  };
  try {
    await within(test.name, test.run(harness), patience * 5);
  } catch (error) {
    // The case's failure is the one to report, whatever becomes of its objects.
    await removeAll(sink, keys, patience).catch(() => undefined);
    throw error;
  }
  await removeAll(sink, keys, patience);
}

async function removeAll(sink: Sink, keys: ReadonlySet<ObjectKey>, patience: number): Promise<void> {
  const queue = [...keys];
  const worker = async (): Promise<void> => {
    for (let key = queue.pop(); key !== undefined; key = queue.pop())
      await within("removing what a case stored", sink.delete(key), patience);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

async function within<T>(what: string, promise: Promise<T>, patience: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`${what}: nothing happened for ${patience} ms`));
    }, patience);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
