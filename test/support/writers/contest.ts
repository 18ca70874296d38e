import { hostname } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { backup, type BackupOptions, EngineError, openSink, Repository, verify } from "@axon-backup/core";
import { type Sink, thisProcess } from "@axon-backup/sink";
import { seededRandom } from "../random.js";
import { GrowingServer } from "./growing-server.js";
import { StandingStill } from "./standing-still.js";

/** One storage on which writers compete. */
export interface Arena {
  /** A sink of a writer's own on the same objects. */
  open(purpose: "read" | "write"): Promise<Sink>;
  close(): Promise<void>;
}

export interface ContestOptions {
  readonly writers: number;
  readonly seed: number;
  /** Milliseconds until a lock expires. Writers stand still for up to ten times as long. */
  readonly expiry: number;
}

/** What became of the runs of one contest, or of many. */
export interface Tallies {
  committed: number;
  /** Ended because another one had the lock. */
  refused: number;
  /** Had the lock, and lost it. */
  lost: number;
  pauses: number;
}

export const POLICY = {
  connections: 4,
  limits: {},
  stall: 60_000,
  retries: { elapsed: 60_000, attempts: 5, base: 1, cap: 5 },
};
/** What a backup is told so that it seems to run on a machine of its own. */
export function asOf(name: string, expiry: number): Pick<BackupOptions, "agent" | "lease"> {
  return { agent: "0.1.0", lease: { expiry, process: { ...thisProcess(), host: `${hostname()} ${name}` } } };
}

/** How often each writer tries. */
const RUNS = 3;

/**
 * Several writers back up one server to one repository, each as if on a machine of its own, and stand still whenever it suits the worst. Rejects if any restore point that one of them
 * committed is not there or doesn't restore, or if one ends for any other reason than that there is another.
 */
export async function contest(arena: Arena, { writers, seed, expiry }: ContestOptions): Promise<Tallies> {
  const random = seededRandom(seed);
  const server = new GrowingServer((grown) => {
    for (const store of ["events", "events", "snapshots"] as const) if (random() < 0.5) grown.grow(store);
  });
  for (let begin = 0; begin < 10; begin++) server.grow("events");
  const tallies: Tallies = { committed: 0, refused: 0, lost: 0, pauses: 0 };
  const committed: string[] = [];

  const write = async (name: string, chance: number): Promise<void> => {
    const still = new StandingStill((isWrite) =>
      // More often where it comes at the worst time.
      random() < chance * (isWrite ? 5 : 1) ? delay(random() * 10 * expiry) : undefined,
    );
    // The worst that clocks can do: they differ, and nobody knows.
    const skew = Math.floor((random() - 0.5) * 4 * expiry);
    for (let run = 0; run < RUNS; run++) {
      const report = await backup({
        ...asOf(name, expiry),
        source: server,
        sinks: [{ name, open: () => openSink(async () => still.around(await arena.open("write")), POLICY) }],
        now: () => new Date(Date.now() + skew),
        checkpointInterval: random() < 0.5 ? 0 : 10_000,
      });
      const [sink] = report.sinks;
      if (sink?.outcome === "committed") {
        tallies.committed++;
        committed.push(sink.restorePoint);
      } else if (sink?.error instanceof EngineError && sink.error.kind === "locked") {
        if (/^another (backup writes|run's lock)|^writer.json/.test(sink.error.message)) tallies.refused++;
        else tallies.lost++;
      } else throw new Error(`seed ${seed}, ${name}: ${describe(sink?.error)}`, { cause: sink?.error });
      await delay(random() * expiry);
    }
    tallies.pauses += still.pauses;
  };

  // Half of them begin with an empty repository.
  if (random() < 0.5) await write("first", 0);
  const done = new AbortController();
  const looking = lookOn(arena, committed, seed, expiry, done.signal);
  await Promise.race([
    looking,
    Promise.all(Array.from({ length: writers }, (_, index) => write(`writer-${index}`, 0.015))),
  ]);
  done.abort();
  await looking;
  return tallies;
}

/** A restore point that doesn't restore for a while is one too many, though a later run may mend it. */
async function lookOn(
  arena: Arena,
  committed: readonly string[],
  seed: number,
  expiry: number,
  end: AbortSignal,
): Promise<void> {
  while (!end.aborted) {
    await expectWhole(arena, committed, seed);
    await delay(expiry);
  }
  await expectWhole(arena, committed, seed);
}

export async function expectWhole(arena: Arena, committed: readonly string[], seed: number): Promise<void> {
  const sink = await openSink(() => arena.open("read"), POLICY);
  try {
    const expected = [...committed];
    const there: readonly string[] = (await (await Repository.open(sink))?.restorePoints()) ?? [];
    const gone = expected.filter((id) => !there.includes(id));
    if (gone.length > 0) throw new Error(`seed ${seed}: committed, and gone: ${gone.join(", ")}`);
    if (there.length === 0) return;
    const { findings } = await verify({ sink, name: "arena", readData: true, mark: false });
    if (findings.length > 0)
      throw new Error(
        `seed ${seed}: ${findings.map(({ key, finding, restorePoints }) => `${key} ${finding} (${restorePoints.join(", ")})`).join("\n")}`,
      );
  } finally {
    await sink.close();
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Many contests, some at a time, alternately with two writers and with five. */
export async function contests(
  open: (round: number) => Promise<Arena>,
  { rounds, atOnce, seed, expiry }: Omit<ContestOptions, "writers"> & { rounds: number; atOnce: number },
): Promise<Tallies> {
  const all: Tallies = { committed: 0, refused: 0, lost: 0, pauses: 0 };
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < rounds) {
      const round = next++;
      const arena = await open(round);
      try {
        const writers = round % 2 === 0 ? 2 : 5;
        const tallies = await contest(arena, { writers, seed: seed + round, expiry });
        for (const name of ["committed", "refused", "lost", "pauses"] as const) all[name] += tallies[name];
      } finally {
        await arena.close();
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return all;
}
