import { measure, type Usage } from "./child.js";
import { rotated } from "./statistics.js";

/** A command in a comparison. */
export interface Contestant {
  readonly name: string;
  readonly command: (round: number) => readonly [string, ...string[]];
  /** Its environment, beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /** What it writes to: created new by it; synced and timed after it. */
  readonly target?: (round: number) => string;
}

/** One run of one contestant. */
export interface Sample extends Usage {
  /** Until `sync -f` of the target's file system had ended, too: when everything was on the disk. */
  readonly durableSeconds?: number;
}

export interface Series {
  readonly name: string;
  readonly samples: readonly Sample[];
}

/** A comparison's result; the first of the series is the one that the others are compared with. */
export interface Contest {
  readonly title: string;
  readonly note: string;
  /** Whether the series do different things, so that their times can't be compared. */
  readonly apart?: boolean;
  readonly series: readonly Series[];
}

export interface ContestPlan {
  readonly title: string;
  readonly note: string;
  readonly contestants: readonly Contestant[];
}

/** Collects the samples of comparisons, which are told apart by their titles, round by round. */
export class Contests {
  readonly #samples = new Map<string, Map<string, Sample[]>>();

  constructor(
    private readonly say: (text: string) => void,
    private readonly signal: AbortSignal,
  ) {}

  /** One round of one comparison: every contestant once, each round beginning with another one. */
  async round(plan: ContestPlan, round: number): Promise<void> {
    const series = this.#samples.get(plan.title) ?? new Map<string, Sample[]>();
    this.#samples.set(plan.title, series);
    for (const contestant of rotated(plan.contestants, round)) {
      const sample = await this.#run(contestant, round);
      series.set(contestant.name, [...(series.get(contestant.name) ?? []), sample]);
      this.say(`${plan.title}, round ${round + 1}: ${contestant.name} ${sample.seconds.toFixed(2)} s`);
    }
  }

  result(plan: ContestPlan): Contest {
    const series = this.#samples.get(plan.title);
    return {
      title: plan.title,
      note: plan.note,
      series: plan.contestants.map(({ name }) => ({ name, samples: series?.get(name) ?? [] })),
    };
  }

  async #run({ command, env, target }: Contestant, round: number): Promise<Sample> {
    const [program, ...args] = command(round);
    const usage = await measure(program, args, this.signal, env);
    if (target === undefined) return usage;
    const { seconds } = await measure("sync", ["-f", target(round)], this.signal);
    return { ...usage, durableSeconds: usage.seconds + seconds };
  }
}
