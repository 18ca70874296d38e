import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { describeMachine } from "../bench/machine.js";
import { seededRandom } from "../support/random.js";
import { Checks } from "./checks.js";
import { Configuration, type Pace } from "./configuration.js";
import { endInOrder } from "./ending.js";
import { allFaults, type World } from "./faults.js";
import { Journal } from "./journal.js";
import { Lags } from "./lags.js";
import type { SoakOptions } from "./options.js";
import { makeReport, type SoakReport } from "./report.js";
import { SoakServer } from "./server.js";
import { SoakService } from "./service.js";
import { closeSinks, type SoakSink, startSinks } from "./sinks.js";
import { Trouble } from "./trouble.js";
import { Truth } from "./truth.js";

const MiB = 1024 ** 2;
const MINUTE_MS = 60_000;

/** `npm run soak`. */
export async function soak(
  options: SoakOptions,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<SoakReport> {
  const { minutes, seed, rate, directory } = options;
  const isShort = minutes < 10;
  const machine = describeMachine(directory);
  process.env["TMPDIR"] = directory;
  const folder = mkdtempSync(join(directory, "axon-backup-soak-"));
  say(`soak of ${minutes} minutes, --seed ${seed}, in ${folder}`);
  const journal = new Journal(say);
  // Each has its own, so that one that asks more often doesn't change what the others get.
  const random = seededRandom(seed);
  const [forServer, forFaults, forRestores] = [0, 0, 0].map(() => seededRandom(random() * 2 ** 32));
  if (!forServer || !forFaults || !forRestores) throw new Error("there are three");
  const stop = new AbortController();
  let sinks: readonly SoakSink[] = [];
  let server: SoakServer | undefined;
  let service: SoakService | undefined;
  let faults: Promise<unknown> = Promise.resolve();
  try {
    sinks = await startSinks(join(folder, "storages"), say);
    const truth = new Truth();
    const token = randomBytes(12).toString("hex");
    server = await SoakServer.start(join(folder, "server"), truth, { token, random: forServer, rate });
    const secrets = [token, ...sinks.flatMap((sink) => sink.secrets)];
    const configuration = new Configuration(join(folder, "config"), server, sinks, paceOf(minutes), token);
    service = new SoakService(configuration.service, join(folder, "service.log"), journal, secrets);
    const scratch = join(folder, "restored");
    mkdirSync(scratch);
    const checks = new Checks(configuration, truth, journal, scratch, secrets, signal);
    const world: World = { service, server, sinks, configuration, journal };
    const trouble = new Trouble(allFaults(world), journal, forFaults, minutes);
    const lags = new Lags(service, trouble);
    signal.addEventListener("abort", () => {
      trouble.end();
      stop.abort();
    });

    await service.start();
    server.begin();
    faults = trouble.run();
    const beside = [
      each(stop.signal, 2000, () => lags.look()),
      each(stop.signal, isShort ? 2000 : 15_000, () => {
        world.service.look();
      }),
      each(stop.signal, MINUTE_MS, () => {
        journal.note(progress(world, truth));
      }),
      each(stop.signal, isShort ? 500 : 12_000, () => checks.restoreSome(sinks, forRestores)),
    ];
    await Promise.race([delay(minutes * MINUTE_MS, undefined, { signal }), Promise.all([faults, ...beside])]);
    trouble.end();
    await faults;
    journal.note("no more faults");
    const end = async (): Promise<void> => {
      stop.abort();
      await Promise.all(beside);
    };
    const ending = await endInOrder({ ...world, truth, checks, minutes, random: forRestores, signal, end });
    return makeReport({ machine, options, world, truth, lags, ending });
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    stop.abort();
    await faults.catch(() => undefined);
    await service?.end("SIGKILL");
    await server?.close();
    await closeSinks(sinks);
    if (options.keep) say(`${folder} has the service's log, and everything else`);
    else rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** So that everything happens many times. */
function paceOf(minutes: number): Pace {
  const scaled = (seconds: number, least: number): number =>
    Math.max(least, Math.round(seconds * Math.min(1, minutes / 30)));
  return { restorePoints: scaled(180, 8), verify: scaled(240, 10), prune: scaled(120, 12) };
}

/** Does something again and again, with a pause between, until the signal is aborted. */
async function each(signal: AbortSignal, pause: number, act: () => unknown): Promise<void> {
  for (;;) {
    await delay(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    await act();
  }
}

function progress({ journal, service, sinks, server }: World, truth: Truth): string {
  server.requireRight();
  const sum = (counts: ReadonlyMap<string, number>): number =>
    [...counts.values()].reduce((all, count) => all + count, 0);
  const { events } = truth.current;
  const needs = service.needs.at(-1);
  return [
    `${events.length} events, history ${truth.current.id}`,
    `${sum(journal.countsOf("fault "))} faults`,
    `restore points ${sinks.map(({ name }) => journal.counted(`restore points ${name}`)).join("/")}`,
    `${sum(journal.countsOf("restores compared "))} restores compared`,
    ...(needs === undefined
      ? []
      : [`${(needs.residentBytes / MiB).toFixed(0)} MiB, ${needs.openFiles} files`]),
    `${journal.problems.length} wrong`,
  ].join(", ");
}
