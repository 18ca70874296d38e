import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** Labels of a value. */
export type Labels = Readonly<Record<string, string>>;

/** One value, as it is now. */
export interface Sample {
  readonly labels?: Labels;
  readonly value: number;
}

/** Durations that were counted by bucket. */
export interface Distribution {
  readonly labels: Labels;
  /** Seconds, of all together. */
  readonly sum: number;
  /** One entry more than there are bounds, each for what is above the bound before it and up to its own. */
  readonly buckets: readonly number[];
}

/** What a metric is, apart from its values. */
export interface Definition {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
}

// Values are asked for when they are scraped: nothing has to be kept up to date, and what is gone (a sink, a context) has no value left behind.

/** A gauge that has the values of `read` whenever it is scraped. */
export function scrapedGauge(
  registry: Registry,
  { name, help, labels }: Definition,
  read: () => Iterable<Sample>,
): void {
  const gauge = new Gauge({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      gauge.reset();
      // One without labels starts at 0, which would be a value.
      if (labels.length === 0) gauge.remove();
      for (const sample of read()) gauge.set(sample.labels ?? {}, sample.value);
    },
  });
}

/** A counter that has the values of `read` whenever it is scraped; they are counted elsewhere. */
export function scrapedCounter(
  registry: Registry,
  { name, help, labels }: Definition,
  read: () => Iterable<Sample>,
): void {
  const counter = new Counter({
    name,
    help,
    labelNames: labels,
    registers: [registry],
    collect() {
      counter.reset();
      for (const sample of read()) counter.inc(sample.labels ?? {}, sample.value);
    },
  });
}

/** A histogram of what was counted elsewhere, whenever it is scraped. */
export class ScrapedHistogram extends Histogram {
  readonly #definition: Definition;
  readonly #bounds: readonly number[];
  readonly #read: () => Iterable<Distribution>;

  /** @param bounds the buckets' upper bounds, in seconds, ascending; above the last is one more */
  constructor(
    registry: Registry,
    definition: Definition,
    bounds: readonly number[],
    read: () => Iterable<Distribution>,
  ) {
    const { name, help, labels } = definition;
    super({ name, help, labelNames: labels, buckets: [...bounds], registers: [registry] });
    this.#definition = definition;
    this.#bounds = bounds;
    this.#read = read;
  }

  /** What the registry and the library's own `get` take the values from: counts can't be put into a histogram in another way. */
  getForPromString(): Promise<object> {
    const { name, help } = this.#definition;
    const values = [...this.#read()].flatMap((distribution) => this.#values(name, distribution));
    return Promise.resolve({ name, help, type: "histogram", values, aggregator: "sum" });
  }

  #values(name: string, { labels, sum, buckets }: Distribution): readonly object[] {
    let count = 0;
    const cumulative = buckets.map((bucket, i) => {
      count += bucket;
      const le = this.#bounds[i] ?? "+Inf";
      return { metricName: `${name}_bucket`, labels: { ...labels, le }, sharedLabels: {}, value: count };
    });
    return [
      ...cumulative,
      { metricName: `${name}_sum`, labels, sharedLabels: {}, value: sum },
      { metricName: `${name}_count`, labels, sharedLabels: {}, value: count },
    ];
  }
}
