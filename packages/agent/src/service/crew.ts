import { isDeepStrictEqual } from "node:util";
import type { ConfiguredSink } from "../composition/sinks.js";
import { pause, type Time } from "./time.js";
import { SinkWorker, type WorkerTools } from "./worker.js";

/** Milliseconds in which a worker that is to end does so; one that a storage holds up is left to itself. */
export const END_WITHIN = 7000;

/** A sink to work on, and what it is known by: a worker goes on undisturbed as long as that stays the same. */
export interface Assignment {
  readonly sink: ConfiguredSink;
  readonly key: unknown;
}

interface Member {
  readonly worker: SinkWorker;
  readonly key: unknown;
  readonly end: AbortController;
  readonly ended: Promise<void>;
}

/** The workers, one for each sink. They know nothing of each other. */
export class Crew {
  #members: ReadonlyMap<string, Member> = new Map();

  constructor(
    private readonly time: Time,
    /** Called when a worker ends with an error, which is a bug. */
    private readonly onBroken: (error: unknown) => void,
  ) {}

  /** Sorted by the names of their sinks. */
  get workers(): readonly SinkWorker[] {
    return [...this.#members.keys()].sort().flatMap((name) => this.#members.get(name)?.worker ?? []);
  }

  /** Has exactly these sinks worked on. @returns the names of those whose work is begun anew or ended */
  async assign(assignments: readonly Assignment[], tools: WorkerTools): Promise<readonly string[]> {
    const wanted = new Map(assignments.map((assignment) => [assignment.sink.name, assignment]));
    const going = [...this.#members].filter(
      ([name, { key }]) => !isDeepStrictEqual(wanted.get(name)?.key, key),
    );
    await this.#end(going.map(([, member]) => member));
    const stay = new Map([...this.#members].filter(([name]) => !going.some(([gone]) => gone === name)));
    const coming = assignments.filter(({ sink }) => !stay.has(sink.name));
    this.#members = new Map([
      ...stay,
      ...coming.map((one) => [one.sink.name, this.#begin(one, tools)] as const),
    ]);
    return [...new Set([...going.map(([name]) => name), ...coming.map(({ sink }) => sink.name)])].sort();
  }

  /** Ends all work. @returns the names of those that didn't end in time */
  async end(): Promise<readonly string[]> {
    return this.#end([...this.#members.values()]);
  }

  #begin({ sink, key }: Assignment, tools: WorkerTools): Member {
    const end = new AbortController();
    const worker = new SinkWorker(sink, tools);
    const ended = worker.run(end.signal).catch(this.onBroken);
    return { worker, key, end, ended };
  }

  async #end(members: readonly Member[]): Promise<readonly string[]> {
    for (const { end } of members) end.abort(new WorkEnded());
    const running = new Set(members);
    const all = members.map((member) => member.ended.then(() => running.delete(member)));
    const done = new AbortController();
    await Promise.race([Promise.all(all), pause(this.time, END_WITHIN, done.signal)]);
    done.abort();
    return [...running].map(({ worker }) => worker.name);
  }
}

/** The reason of what ends because the service does, or because of another configuration. */
export class WorkEnded extends Error {
  override readonly name = "WorkEnded";

  constructor() {
    super("the service was asked to end this");
  }
}
