import { isSinkError, type Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { encodeContext } from "../repository/layout.js";
import { Repository } from "../repository/repository.js";
import { withPieces } from "../repository/pieces.js";
import { ObjectFault } from "./fetch.js";
import { FallbackRepository, type RepositoryReader } from "./fallback-repository.js";

/** So many restore points are looked at for one that can be read. */
const TRIED = 5;

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
  /** The number of a context's newest timeline there, as far as can be told; the context as it stands in keys. */
  readonly timelines: (encodedContext: string) => Promise<number>;
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
    const open = Promise.resolve(withPieces(first.sink));
    this.#order = [
      this.#source(first.name, () => open),
      ...others.map((other) => this.#source(other.name, this.#lazy(other))),
    ];
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

  #lazy({ open }: OtherSink): () => Promise<Sink> {
    let opening: Promise<Sink> | undefined;
    const sink = async (): Promise<Sink> => {
      try {
        const opened = await open();
        this.#opened.push(opened);
        return withPieces(opened);
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
    return () => (opening ??= sink());
  }

  #source(name: string, sink: () => Promise<Sink>): Source {
    let newest: Promise<ReadonlyMap<string, number>> | undefined;
    const source: Source = {
      name,
      sink,
      timelines: async (context) => (await (newest ??= this.#timelines(source))).get(context) ?? 0,
    };
    return source;
  }

  /** By its newest restore point that can be read. */
  async #timelines(source: Source): Promise<ReadonlyMap<string, number>> {
    try {
      const repository = await this.#repository(source);
      for (const id of (await repository.restorePoints()).toReversed().slice(0, TRIED)) {
        const manifest = await repository.manifest(id).catch(undefinedIfDamaged);
        if (manifest)
          return new Map(manifest.contexts.map(({ name, timeline }) => [encodeContext(name), timeline]));
      }
    } catch (error) {
      this.signal?.throwIfAborted();
      // The objects are asked for under the plain keys: what is wrong with the sink, they tell.
      if (!isFault(error)) throw error;
    }
    return new Map();
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

function undefinedIfDamaged(error: unknown): undefined {
  if (!isFault(error)) throw error;
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
