import { setTimeout as delay } from "node:timers/promises";
import type { Checks } from "./checks.js";
import type { World } from "./faults.js";
import type { State } from "./service.js";
import type { SoakSink } from "./sinks.js";
import type { Truth } from "./truth.js";

/** Failed jobs wait for up to ten minutes before they are tried again. */
const CURRENT_MS = 11 * 60_000;
const CAUGHT_UP_MS = 120_000;
/** Restore points that are restored of each sink in the end, beside the last ones of timelines. */
const RESTORES = 3;

/** How it ended. */
export interface Ending {
  /** Seconds after the last fault until each sink was current. */
  readonly currentAfter: ReadonlyMap<string, number>;
  /** Timelines that each sink has in the end. */
  readonly timelines: ReadonlyMap<string, number>;
}

export interface EndingOf extends World {
  readonly truth: Truth;
  readonly checks: Checks;
  readonly minutes: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Ends what goes on beside. */
  readonly end: () => Promise<void>;
}

/** There are no more faults: every sink becomes current by itself, has everything, and every byte of it is right. */
export async function endInOrder(all: EndingOf): Promise<Ending> {
  const { service, server, sinks, journal, checks, signal, end } = all;
  const currentAfter = await untilCurrent(all);
  await end();
  server.end();
  await untilCaughtUp(all);
  const ready = await service.ready();
  if (ready.status !== 200) journal.wrong(`/readyz answers ${ready.status}: ${ready.text.trim()}`);
  server.requireRight();
  await service.end("SIGTERM");

  journal.note("every byte is read");
  const timelines = new Map<string, number>();
  await Promise.all(
    sinks.map(async (sink) => {
      timelines.set(sink.name, await expectWhole(sink, all));
    }),
  );
  signal.throwIfAborted();
  await checks.backup();
  return { currentAfter, timelines };
}

/** @returns how many timelines the sink has */
async function expectWhole(
  sink: SoakSink,
  { checks, truth, journal, minutes, random }: EndingOf,
): Promise<number> {
  const isShort = minutes < 10;
  await checks.verify(sink);
  const { timelines, lasts, points } = await checks.expectTimelinesWhole(sink);
  const latest = await checks.restore(sink, undefined, "direct");
  const { id, events, snapshots } = truth.current;
  const hasAll =
    latest?.events === events.length &&
    latest.snapshots === snapshots.length &&
    latest.histories.includes(id);
  if (latest !== undefined && !hasAll)
    journal.wrong(
      `${sink.name}: in the end it has ${latest.events} events and ${latest.snapshots} snapshots, the server has ${events.length} and ${snapshots.length}`,
    );
  for (const last of isShort ? lasts.slice(0, 1) : lasts) await checks.restore(sink, last, "direct");
  for (let left = isShort ? 0 : RESTORES; left > 0; left--) {
    const point = points[Math.floor(random() * points.length)];
    if (point !== undefined) await checks.restore(sink, point, "direct");
  }
  return timelines;
}

async function untilCurrent({
  service,
  sinks,
  journal,
  signal,
}: EndingOf): Promise<ReadonlyMap<string, number>> {
  const began = performance.now();
  const currentAfter = new Map<string, number>();
  for (;;) {
    signal.throwIfAborted();
    const state = await service.state().catch(() => undefined);
    for (const { sink, health } of state?.sinks ?? [])
      if (health === "current")
        currentAfter.set(sink, currentAfter.get(sink) ?? (performance.now() - began) / 1000);
      else currentAfter.delete(sink);
    const ready = await service.ready().catch(() => undefined);
    if (currentAfter.size === sinks.length && ready?.status === 200) return currentAfter;
    if (performance.now() - began > CURRENT_MS) {
      journal.wrong(`not current ${CURRENT_MS / 1000} s after the last fault: ${reasonsOf(state)}`);
      return currentAfter;
    }
    await delay(200, undefined, { signal });
  }
}

async function untilCaughtUp({ service, truth, journal, signal }: EndingOf): Promise<void> {
  const lastToken = truth.current.events.length - 1;
  for (const end = performance.now() + CAUGHT_UP_MS; ;) {
    await delay(200, undefined, { signal });
    const state = await service.state().catch(() => undefined);
    const hasAll = state?.sinks.every(({ contexts }) =>
      contexts.some(({ storedToken, behind }) => storedToken === lastToken && behind.tokens === 0),
    );
    if (hasAll === true) return;
    if (performance.now() < end) continue;
    journal.wrong(
      `event ${lastToken} isn't on every sink after ${CAUGHT_UP_MS / 1000} s: ${reasonsOf(state)}`,
    );
    return;
  }
}

function reasonsOf(state: State | undefined): string {
  if (state === undefined) return "the service doesn't answer";
  return state.sinks
    .map(({ sink, health, reasons, contexts }) => {
      const stored = contexts.map(({ storedToken }) => storedToken ?? "nothing").join();
      return `${sink} is ${health} (${reasons.join("; ")}), has ${stored}`;
    })
    .join("; ");
}
