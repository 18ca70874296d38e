import { setTimeout as delay } from "node:timers/promises";
import { backup, EngineError, openSink, type SinkReport } from "@axon-backup/core";
import { type Arena, asOf, expectWhole, POLICY } from "./contest.js";
import { GrowingServer } from "./growing-server.js";
import { StandingStill } from "./standing-still.js";

export interface Overtaken {
  /** Moments of a run at which it stood still while another one took over and committed. */
  readonly moments: number;
  /** Of these, those after which it committed nevertheless. */
  readonly committed: number;
}

/**
 * One writer stands still at one moment of its writing, at each in turn, until another one has taken over and committed; then it goes on. Rejects if any restore point doesn't restore then.
 * @param events that come meanwhile: some make the open segment grow, many close it
 */
export async function overtakenEverywhere(
  open: (round: number) => Promise<Arena>,
  { events, expiry, atOnce }: { readonly events: number; readonly expiry: number; readonly atOnce: number },
): Promise<Overtaken> {
  let next = 0;
  let committed = 0;
  let last = Infinity;
  const lane = async (): Promise<void> => {
    while (next < last) {
      const moment = next++;
      const arena = await open(moment);
      try {
        const outcome = await overtakenAt(arena, moment, events, expiry);
        if (outcome === "not reached") last = Math.min(last, moment);
        else if (outcome === "committed") committed++;
      } finally {
        await arena.close();
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, lane));
  return { moments: last, committed };
}

async function overtakenAt(
  arena: Arena,
  moment: number,
  events: number,
  expiry: number,
): Promise<"committed" | "locked" | "not reached"> {
  const server = new GrowingServer();
  const ids: string[] = [];
  for (let begin = 0; begin < 10; begin++) server.grow("events");
  const write = async (name: string, still: StandingStill): Promise<SinkReport> => {
    const open = async () => openSink(async () => still.around(await arena.open("write")), POLICY);
    const { sinks } = await backup({ ...asOf(name, expiry), source: server, sinks: [{ name, open }] });
    const [sink] = sinks;
    if (sink === undefined) throw new Error("no report");
    if (sink.outcome === "committed") ids.push(sink.restorePoint);
    else if (!(sink.error instanceof EngineError) || sink.error.kind !== "locked")
      throw new Error(`${name}, moment ${moment}: ${String(sink.error)}`, { cause: sink.error });
    return sink;
  };
  const never = (): StandingStill => new StandingStill(() => undefined);
  await write("zero", never());
  server.grow("events");

  let release = (): void => undefined;
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let moments = 0;
  let reached = (): void => undefined;
  const standing = new Promise<"standing">((resolve) => {
    reached = () => {
      resolve("standing");
    };
  });
  const still = new StandingStill((isWrite) => {
    if (!isWrite || moments++ !== moment) return undefined;
    reached();
    return released;
  });
  const first = write("one", still);
  first.catch(() => undefined);
  if ((await Promise.race([standing, first])) !== "standing") return "not reached";
  for (let more = 0; more < events; more++) server.grow("events");
  while ((await write("two", never())).outcome !== "committed") await delay(expiry / 4);
  release();
  const { outcome } = await first;
  await expectWhole(arena, ids, moment);
  return outcome === "committed" ? "committed" : "locked";
}
