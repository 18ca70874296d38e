import { isSinkError, type Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { Repository } from "../repository/repository.js";
import { ObjectFault } from "./fetch.js";
import { FallbackRepository, type RepositoryReader } from "./fallback-repository.js";

/** A sink that is opened when it is needed. */
export interface OtherSink {
  readonly name: string;
  readonly open: () => Promise<Sink>;
}

/** One of the sinks of a restore. */
export interface Source {
  readonly name: string;
  /** The sink, opened once. Rejects with the same error each time when it can't be. */
  readonly sink: () => Promise<Sink>;
}

/** The sinks of a restore: the first one that has what is asked for serves, and the others stand in for what is damaged there. */
export class Sources {
  #order: readonly Source[];
  readonly #opened: Sink[] = [];
  readonly #repositories = new Map<Source, Promise<Repository>>();

  /** @param first is open, and stays so */
  constructor(
    first: { readonly name: string; readonly sink: Sink },
    others: readonly OtherSink[],
    private readonly warn: (message: string) => void,
    private readonly signal: AbortSignal | undefined,
  ) {
    const open = Promise.resolve(first.sink);
    this.#order = [{ name: first.name, sink: () => open }, ...others.map((other) => this.#lazy(other))];
  }

  /** In the order in which they are to be asked. */
  get inOrder(): readonly Source[] {
    return this.#order;
  }

  /**
   * What `read` gives for the first sink for which it doesn't fail; that one is the first to be asked from then on.
   * @throws the only sink's error; of several, an EngineError that tells what each of them said
   */
  async serve<Result>(read: (repository: RepositoryReader) => Promise<Result>): Promise<Result> {
    const failures: { readonly name: string; readonly error: Error }[] = [];
    for (const source of this.#order) {
      try {
        const result = await read(await this.#reader(source));
        for (const { name, error } of failures)
          this.warn(`${name} can't serve: ${error.message}; restoring from ${source.name}`);
        this.#order = [source, ...this.#order.filter((other) => other !== source)];
        return result;
      } catch (error) {
        this.signal?.throwIfAborted();
        if (!(error instanceof Error) || !isFault(error)) throw error;
        failures.push({ name: source.name, error });
      }
    }
    throw together(failures);
  }

  /** Asks this one last from now on: it can't be reached, or refuses. */
  demote(source: Source, why: string): void {
    if (this.#order.length === 1 || this.#order.at(-1) === source) return;
    this.#order = [...this.#order.filter((other) => other !== source), source];
    this.warn(`${source.name} ${why}; from now on it is asked last`);
  }

  /** Closes the sinks that were opened here. */
  async close(): Promise<void> {
    await Promise.all(this.#opened.map((sink) => sink.close()));
  }

  #lazy({ name, open }: OtherSink): Source {
    let opening: Promise<Sink> | undefined;
    const sink = async (): Promise<Sink> => {
      try {
        const opened = await open();
        this.#opened.push(opened);
        return opened;
      } catch (error) {
        this.signal?.throwIfAborted();
        const why = error instanceof Error ? error.message : String(error);
        throw new ObjectFault(
          "failed",
          `it can't be opened: ${why}`,
          `can't be had: the sink can't be opened: ${why}`,
          "Run `axon-backup check`.",
          error,
        );
      }
    };
    return { name, sink: () => (opening ??= sink()) };
  }

  /** A sink's repository, with the others for what is damaged in it. */
  async #reader(source: Source): Promise<RepositoryReader> {
    const others = this.#order
      .filter((other) => other !== source)
      .map((other) => ({ name: other.name, repository: () => this.#repository(other) }));
    return new FallbackRepository(
      { name: source.name, repository: await this.#repository(source) },
      others,
      this.warn,
    );
  }

  #repository(source: Source): Promise<Repository> {
    let repository = this.#repositories.get(source);
    if (repository === undefined) {
      repository = this.#openRepository(source);
      this.#repositories.set(source, repository);
    }
    return repository;
  }

  async #openRepository(source: Source): Promise<Repository> {
    const repository = await Repository.open(await source.sink(), this.signal);
    if (repository) return repository;
    throw new EngineError(
      "usage",
      "the sink is empty: there is nothing to restore",
      "Check the sink's configuration, or use another sink.",
    );
  }
}

/** Whether it is about what is on a sink, or the way there: another sink may do better. */
export function isFault(error: unknown): boolean {
  return error instanceof EngineError || isSinkError(error);
}

function together(failures: readonly { readonly name: string; readonly error: Error }[]): Error {
  const [first] = failures;
  if (first === undefined) throw new RangeError("a restore needs a sink");
  if (failures.length === 1) return first.error;
  const kinds = failures.map(({ error }) => (error instanceof EngineError ? error.kind : "failed"));
  const same = kinds.every((kind) => kind === kinds[0]) ? kinds[0] : undefined;
  const remedies = failures.flatMap(({ error }) => (error instanceof EngineError ? error.remedy : []));
  return new EngineError(
    same ?? (kinds.includes("damage") ? "damage" : "failed"),
    `no sink can serve: ${failures.map(({ name, error }) => `${name}: ${error.message}`).join("; ")}`,
    [...new Set(remedies)].join(" ") || "Run `axon-backup check`.",
    first.error,
  );
}
