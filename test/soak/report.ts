import type { Machine } from "../bench/machine.js";
import { machineText, table } from "../bench/report.js";
import type { Ending } from "./ending.js";
import type { World } from "./faults.js";
import type { Problem } from "./journal.js";
import type { Lags } from "./lags.js";
import type { SoakOptions } from "./options.js";
import type { Needs } from "./service.js";
import type { Truth } from "./truth.js";

const MiB = 1024 ** 2;
/** A process's needs are compared from then on, in seconds: before, it still fills its caches. */
const SETTLED = 120;

export interface SoakReport {
  readonly machine: Machine;
  readonly options: Pick<SoakOptions, "minutes" | "seed" | "rate">;
  /** Of the last history, and how many histories there were. */
  readonly events: number;
  readonly snapshots: number;
  readonly histories: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly sinks: readonly SinkReport[];
  readonly counts: Readonly<Record<string, number>>;
  /** Of each process of the service that lived for two minutes, or the one that lived longest: when it had settled, and at its end. */
  readonly processes: readonly { readonly first: Needs; readonly last: Needs }[];
  /** Seconds after SIGTERM, the most. */
  readonly slowestEnd: number | undefined;
  readonly peakBytes: number;
  readonly mostOpenFiles: number;
  readonly problems: readonly Problem[];
}

interface SinkReport {
  readonly sink: string;
  readonly restorePoints: number;
  readonly cycles: number;
  readonly verifications: number;
  readonly prunes: number;
  readonly divergences: number;
  readonly timelines: number;
  readonly failures: number;
  readonly restores: number;
  /** Seconds. */
  readonly calmLag: number | undefined;
  readonly currentAfter: number | undefined;
}

interface Made {
  readonly machine: Machine;
  readonly options: SoakOptions;
  readonly world: World;
  readonly truth: Truth;
  readonly lags: Lags;
  readonly ending: Ending;
}

export function makeReport({ machine, options, world, truth, lags, ending }: Made): SoakReport {
  const { journal, service, sinks } = world;
  const { minutes, seed, rate } = options;
  const lives = [...service.lives, service.needs].filter((life) => life.length > 0);
  const looks = lives.flat();
  return {
    machine,
    options: { minutes, seed, rate },
    events: truth.current.events.length,
    snapshots: truth.current.snapshots.length,
    histories: truth.histories.length,
    faults: Object.fromEntries(journal.countsOf("fault ")),
    sinks: sinks.map(({ name }) => {
      const logged = (event: string): number => journal.counted(`log ${event} ${name}`);
      return {
        sink: name,
        restorePoints: journal.counted(`restore points ${name}`),
        cycles: logged("cycle"),
        verifications: logged("verified"),
        prunes: logged("pruned"),
        divergences: logged("diverged"),
        timelines: ending.timelines.get(name) ?? 0,
        failures: logged("failed"),
        restores: journal.counted(`restores compared ${name}`),
        calmLag: lags.most.get(name),
        currentAfter: ending.currentAfter.get(name),
      };
    }),
    counts: Object.fromEntries(
      ["tails lost", "restore points pruned", "restores ended by a fault", "restores of what was pruned"].map(
        (what) => [what, journal.counted(what)],
      ),
    ),
    processes: lives.flatMap((life) => {
      const first = life.find(({ age }) => age >= SETTLED);
      const last = life.at(-1);
      return first === undefined || last === undefined ? [] : [{ first, last }];
    }),
    slowestEnd: service.slowestEnd,
    peakBytes: Math.max(0, ...looks.map(({ residentBytes }) => residentBytes)),
    mostOpenFiles: Math.max(0, ...looks.map(({ openFiles }) => openFiles)),
    problems: journal.problems,
  };
}

/** The report as text, with tables in Markdown. */
export function soakReportText(report: SoakReport): string {
  const { options, sinks, faults, counts, processes, problems } = report;
  const mib = (bytes: number): string => (bytes / MiB).toFixed(0);
  const text = (seconds: number | undefined): string => seconds?.toFixed(1) ?? "";
  const total = Object.values(faults).reduce((sum, count) => sum + count, 0);
  const lines = [
    ...machineText(report.machine, 1),
    "",
    `### ${options.minutes} minutes with faults (--seed ${options.seed}), ${options.rate} transactions a second`,
    "",
    `${report.events} events and ${report.snapshots} snapshots in the last of ${report.histories} histories; ${total} faults:`,
    "",
    ...table([["fault", "times"], ...Object.entries(faults).map(([kind, times]) => [kind, String(times)])]),
    "",
    ...table([
      ["", ...sinks.map(({ sink }) => sink)],
      ["restore points", ...sinks.map(({ restorePoints }) => String(restorePoints))],
      ["cycles", ...sinks.map(({ cycles }) => String(cycles))],
      ["verifications", ...sinks.map(({ verifications }) => String(verifications))],
      ["prunes", ...sinks.map(({ prunes }) => String(prunes))],
      ["other histories noticed", ...sinks.map(({ divergences }) => String(divergences))],
      ["timelines in the end", ...sinks.map(({ timelines }) => String(timelines))],
      ["failures told", ...sinks.map(({ failures }) => String(failures))],
      ["restores compared", ...sinks.map(({ restores }) => String(restores))],
      ["most seconds behind in calm times", ...sinks.map(({ calmLag }) => text(calmLag))],
      ["seconds until current in the end", ...sinks.map(({ currentAfter }) => text(currentAfter))],
    ]),
    "",
    ...Object.entries(counts).map(([what, count]) => `- ${count} ${what}`),
    `- SIGTERM ended the service within ${text(report.slowestEnd)} s`,
    `- Resident memory: ${mib(report.peakBytes)} MiB at most; open files: ${report.mostOpenFiles} at most`,
    ...processes.map(
      ({ first, last }) =>
        `- A process of the service: ${mib(first.residentBytes)} MiB and ${first.openFiles} open files after ${first.age.toFixed(0)} s, ${mib(last.residentBytes)} MiB and ${last.openFiles} after ${last.age.toFixed(0)} s`,
    ),
    "",
    ...(problems.length === 0
      ? ["Nothing was wrong."]
      : [
          `WRONG (--seed ${options.seed}):`,
          "",
          ...problems.map(({ second, what }) => `- at ${second} s: ${what}`),
        ]),
  ];
  return `${lines.join("\n")}\n`;
}
