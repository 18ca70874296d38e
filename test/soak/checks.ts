import { rmSync } from "node:fs";
import { join } from "node:path";
import { axonBackup, type Done } from "./commands.js";
import { type Configuration, KEEP_LAST } from "./configuration.js";
import type { Journal } from "./journal.js";
import { CONTEXT } from "./server.js";
import type { SoakSink } from "./sinks.js";
import type { Judgement, Truth } from "./truth.js";

/** A restore point, or the head, as `list` tells of it. */
export interface Listed {
  readonly id: string;
  readonly timeline: number;
  /** The last event's token; -1 when there is none. */
  readonly lastEvent: number;
  readonly lastSnapshot: number;
}

interface Listing {
  readonly points: readonly Listed[];
  readonly head: Listed | undefined;
}

interface ListJson {
  readonly sinks: readonly {
    readonly restorePoints?: readonly PointJson[];
    readonly head?: PointJson | null;
  }[];
}

interface PointJson {
  readonly id: string;
  readonly error?: { readonly message: string };
  readonly contexts?: readonly {
    readonly name: string;
    readonly timeline: number;
    readonly lastEventToken: number | null;
    readonly lastSnapshotToken: number | null;
  }[];
}

/** What is known of a sink by looking at it from outside. */
class Known {
  /** Every restore point that was listed and that retention hasn't taken since. */
  readonly points = new Map<string, Listed>();
  /** The last event that was there, by timeline. */
  readonly stored = new Map<number, number>();
}

/** Looks at sinks and restores from them, as a user would, and holds what comes against the truth. */
export class Checks {
  readonly #known = new Map<string, Known>();
  #restores = 0;

  constructor(
    private readonly configuration: Configuration,
    private readonly truth: Truth,
    private readonly journal: Journal,
    private readonly scratch: string,
    private readonly secrets: readonly string[],
    private readonly signal: AbortSignal,
  ) {}

  /** Restores one restore point of one sink, and compares. */
  async restoreSome(sinks: readonly SoakSink[], random: () => number): Promise<void> {
    const sink = sinks[Math.floor(random() * sinks.length)];
    const [which, way] = [random(), random() < 0.7 ? "direct" : "faulty"] as const;
    const before = sink && (await this.list(sink));
    if (sink === undefined || before === undefined || before.points.length === 0) return;
    const point =
      which < 0.5 ? undefined : before.points[Math.floor(((which - 0.5) / 0.5) * before.points.length)];
    await this.restore(sink, point, way, before);
  }

  /**
   * @param point undefined for the latest
   * @param before what was listed, while anything may change; undefined in the end, when nothing does
   */
  async restore(
    sink: SoakSink,
    point: Listed | undefined,
    way: "direct" | "faulty",
    before?: Listing,
  ): Promise<Judgement | undefined> {
    const { outages } = sink;
    const target = join(this.scratch, String(++this.#restores));
    const which = point?.id ?? "latest";
    const done = await this.#run(way, "restore", "--sink", sink.name, "--restore-point", which, "--to", target, "--json"); // prettier-ignore
    const title = `${sink.name}: restore of ${which}`;
    if (done.code !== 0) {
      rmSync(target, { recursive: true, force: true });
      const wasUp = sink.isUp && sink.outages === outages;
      const after = await this.list(sink);
      const isThere = point === undefined || after?.points.some(({ id }) => id === which) === true;
      if (done.code === 5 || (way === "direct" && wasUp && isThere && after !== undefined))
        this.journal.wrong(`${title} ended with ${done.code ?? "a signal"}: ${said(done)}`);
      else this.journal.count(isThere ? "restores ended by a fault" : "restores of what was pruned");
      return undefined;
    }
    const judgement = await this.truth.judge(join(target, CONTEXT));
    rmSync(target, { recursive: true, force: true });
    const after = before && (await this.list(sink));
    this.journal.count(`restores compared ${sink.name}`);
    const { problem, events, snapshots } = judgement;
    if (problem !== undefined) this.journal.wrong(`${title}: ${problem}`);
    if (point !== undefined) {
      if (events !== point.lastEvent + 1)
        this.journal.wrong(`${title} has ${events} events, and was listed with ${point.lastEvent + 1}`);
      if (snapshots > point.lastSnapshot + 1)
        this.journal.wrong(
          `${title} has ${snapshots} snapshots, and was listed with ${point.lastSnapshot + 1}`,
        );
    } else {
      const [was, is] = [before && newestOf(before), after && newestOf(after)];
      if (was !== undefined && was.timeline === is?.timeline && events < was.lastEvent + 1)
        this.journal.wrong(`${title} has ${events} events, and ${was.lastEvent + 1} were there before`);
    }
    return judgement;
  }

  /** Lists a sink's restore points. @returns undefined when its server was away */
  async list(sink: SoakSink): Promise<Listing | undefined> {
    for (let attempt = 1; ; attempt++) {
      const listing = await this.#listOnce(sink);
      const problem = listing && this.#compare(sink, listing);
      // What is listed is read piece by piece: a restore point may be made in the middle.
      if (problem !== undefined && attempt < 3) continue;
      if (problem !== undefined) this.journal.wrong(`${sink.name}: ${problem}`);
      return listing;
    }
  }

  /** Every byte of a sink. */
  async verify(sink: SoakSink): Promise<void> {
    const done = await this.#run("direct", "verify", "--sink", sink.name, "--read-data", "--json");
    if (done.code === 0) return;
    this.journal.wrong(
      `${sink.name}: verify --read-data ended with ${done.code ?? "a signal"}: ${findingsOf(done)}`,
    );
  }

  /** A backup by hand has nothing to tell. */
  async backup(): Promise<void> {
    const done = await this.#run("direct", "backup", "--json");
    if (done.code !== 0)
      this.journal.wrong(`a backup at the end ended with ${done.code ?? "a signal"}: ${said(done)}`);
  }

  /** What was on a sink of a timeline must still be in a restore point of it; @returns the last one of each, and all */
  async expectTimelinesWhole(
    sink: SoakSink,
  ): Promise<{
    readonly timelines: number;
    readonly lasts: readonly Listed[];
    readonly points: readonly Listed[];
  }> {
    const listing = await this.list(sink);
    if (listing === undefined) return { timelines: 0, lasts: [], points: [] };
    const lasts: Listed[] = [];
    for (const [timeline, lastEvent] of this.#knownOf(sink).stored) {
      const last = all(listing).findLast((point) => point.timeline === timeline);
      if (last === undefined || last.lastEvent < lastEvent)
        this.journal.wrong(
          `${sink.name}: timeline ${timeline} had event ${lastEvent}, and its last restore point has ${last?.lastEvent ?? "nothing"}`,
        );
      if (last !== undefined && last !== listing.head) lasts.push(last);
    }
    return { timelines: this.#knownOf(sink).stored.size, lasts, points: listing.points };
  }

  async #listOnce(sink: SoakSink): Promise<Listing | undefined> {
    const { outages, isUp } = sink;
    if (!isUp) return undefined;
    const done = await this.#run("direct", "list", "--sink", sink.name, "--json");
    if (done.code === 0) return listingOf(done.stdout);
    // There is no repository before the first restore point was begun.
    const isEarly = this.#knownOf(sink).points.size === 0;
    if (sink.isUp && sink.outages === outages && !isEarly)
      this.journal.wrong(`${sink.name}: list ended with ${done.code ?? "a signal"}: ${said(done)}`);
    return undefined;
  }

  /** Takes a listing as what is known. @returns what is wrong with it */
  #compare(sink: SoakSink, listing: Listing): string | undefined {
    const { points, stored } = this.#knownOf(sink);
    const ids = new Set(listing.points.map(({ id }) => id));
    for (const { id, timeline } of points.values()) {
      if (ids.has(id)) continue;
      const newer = listing.points.filter((point) => point.id > id);
      const isLastOfTimeline = ![...points.values(), ...newer].some(
        (point) => point.timeline === timeline && point.id > id,
      );
      if (newer.length < KEEP_LAST || isLastOfTimeline)
        return `restore point ${id} of timeline ${timeline} is gone, with ${newer.length} newer ones`;
      points.delete(id);
      this.journal.count("restore points pruned");
    }
    for (const point of listing.points) {
      if (!points.has(point.id)) this.journal.count(`restore points ${sink.name}`);
      points.set(point.id, point);
    }
    const newest = newestOf(listing);
    if (newest === undefined) return undefined;
    const before = stored.get(newest.timeline) ?? -1;
    if (newest.lastEvent < before)
      return `timeline ${newest.timeline} had event ${before}, and now has ${newest.lastEvent}`;
    stored.set(newest.timeline, newest.lastEvent);
    return undefined;
  }

  #knownOf({ name }: SoakSink): Known {
    const known = this.#known.get(name) ?? new Known();
    this.#known.set(name, known);
    return known;
  }

  async #run(way: "direct" | "faulty", ...args: readonly string[]): Promise<Done> {
    const done = await axonBackup(this.configuration[way], args, this.signal);
    if (this.secrets.some((secret) => (done.stdout + done.stderr).includes(secret)))
      this.journal.wrong(`${args[0] ?? ""} shows a secret`);
    return done;
  }
}

function all({ points, head }: Listing): readonly Listed[] {
  return head === undefined ? points : [...points, head];
}

export function newestOf(listing: Listing): Listed | undefined {
  return all(listing).at(-1);
}

function listingOf(text: string): Listing {
  const [sink] = (JSON.parse(text) as ListJson).sinks;
  const listed = ({ id, error, contexts }: PointJson): Listed[] => {
    if (error !== undefined) throw new Error(`list: ${id} is damaged: ${error.message}`);
    const context = contexts?.find(({ name }) => name === CONTEXT);
    if (context === undefined) return [];
    const { timeline, lastEventToken, lastSnapshotToken } = context;
    return [{ id, timeline, lastEvent: lastEventToken ?? -1, lastSnapshot: lastSnapshotToken ?? -1 }];
  };
  const head = sink?.head;
  return {
    points: (sink?.restorePoints ?? []).flatMap(listed),
    head: head === null || head === undefined ? undefined : listed(head)[0],
  };
}

function said({ stdout, stderr }: Done): string {
  return (stdout + stderr).trim().slice(-3000);
}

function findingsOf(done: Done): string {
  try {
    const { sinks } = JSON.parse(done.stdout) as {
      readonly sinks: readonly { readonly findings?: readonly object[]; readonly error?: object }[];
    };
    return sinks.map(({ findings, error }) => JSON.stringify(error ?? findings?.slice(0, 10))).join("\n");
  } catch (error) {
    if (error instanceof SyntaxError) return said(done);
    throw error;
  }
}
