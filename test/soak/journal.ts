/** Something that should not have been. */
export interface Problem {
  /** Seconds since the start. */
  readonly second: number;
  readonly what: string;
}

/** What was seen: what is wrong, and how often the rest was. */
export class Journal {
  readonly problems: Problem[] = [];
  readonly #counts = new Map<string, number>();
  readonly #began = performance.now();

  constructor(private readonly say: (text: string) => void) {}

  /** Seconds since the start. */
  get second(): number {
    return (performance.now() - this.#began) / 1000;
  }

  /** Goes on: one thing that is wrong must not hide another. */
  wrong(what: string): void {
    this.problems.push({ second: Math.round(this.second), what });
    this.note(`WRONG: ${what}`);
  }

  note(text: string): void {
    this.say(`${this.second.toFixed(1).padStart(7)} s  ${text}`);
  }

  count(what: string, by = 1): void {
    this.#counts.set(what, this.counted(what) + by);
  }

  counted(what: string): number {
    return this.#counts.get(what) ?? 0;
  }

  /** What was counted under names with this in front, without it. */
  countsOf(prefix: string): ReadonlyMap<string, number> {
    return new Map(
      [...this.#counts]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, count]) => [name.slice(prefix.length), count] as const)
        .sort(([one], [other]) => (one < other ? -1 : 1)),
    );
  }
}
