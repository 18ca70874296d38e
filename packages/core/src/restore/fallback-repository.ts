import { isSinkError } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { type Commits, findCommits } from "../repository/find-head.js";
import { pageKey, restorePointKey } from "../repository/layout.js";
import type { ClosedFile, Manifest, Page, PageReference, StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** What a restore reads of a repository. */
export type RepositoryReader = Pick<
  Repository,
  "restorePoints" | "commits" | "manifest" | "page" | "closedFiles" | "problem"
>;

export interface NamedRepository {
  readonly name: string;
  readonly repository: () => Promise<Repository>;
}

/**
 * A repository whose damaged manifests and pages are taken from other sinks. A page is named by its hash, and one run gives its restore points the same id on every sink, if it can; that what a
 * manifest from elsewhere lists is what was stored here, the hashes of the objects decide.
 */
export class FallbackRepository implements RepositoryReader {
  constructor(
    private readonly own: { readonly name: string; readonly repository: Repository },
    private readonly others: readonly NamedRepository[],
    private readonly warn: (message: string) => void,
  ) {}

  get problem(): string | undefined {
    return this.own.repository.problem;
  }

  restorePoints(): Promise<RestorePointId[]> {
    return this.own.repository.restorePoints();
  }

  /** The head is this sink's own, and no other's: each sink has one of its own. The restore point that it goes on from may be taken from another one. */
  commits(): Promise<Commits> {
    return findCommits({
      readHead: () => this.own.repository.readHead(),
      restorePoints: () => this.restorePoints(),
      manifest: (id) => this.manifest(id),
    });
  }

  manifest(id: RestorePointId): Promise<Manifest> {
    return this.#elsewhere(restorePointKey(id), (repository) => repository.manifest(id));
  }

  page(reference: PageReference): Promise<Page> {
    return this.#elsewhere(pageKey(reference.sha256), (repository) => repository.page(reference));
  }

  async closedFiles(store: StoreManifest): Promise<ClosedFile[]> {
    const files: ClosedFile[] = [];
    for (const reference of store.pages)
      for (const file of (await this.page(reference)).files) files.push(file);
    return files.concat(store.recent);
  }

  /** @throws what the own repository says, with the sinks that were asked besides */
  async #elsewhere<Document>(
    key: string,
    read: (repository: Repository) => Promise<Document>,
  ): Promise<Document> {
    try {
      return await read(this.own.repository);
    } catch (error) {
      if (!isFault(error) || this.others.length === 0) throw error;
      const asked: string[] = [];
      for (const { name, repository } of this.others)
        try {
          const document = await read(await repository());
          this.warn(`${key} can't be read on ${this.own.name} (${error.message}); taken from ${name}`);
          return document;
        } catch (other) {
          if (!(other instanceof EngineError) && !isSinkError(other)) throw other;
          asked.push(`${name}: ${other.message}`);
        }
      throw new EngineError(
        error instanceof EngineError ? "damage" : "failed",
        `${error.message}; nor can it be had from another sink: ${asked.join("; ")}`,
        "Choose another restore point: `axon-backup list` shows them.",
        error,
      );
    }
  }
}

/** Damaged, or not to be read. */
function isFault(error: unknown): error is Error {
  return (error instanceof EngineError && error.kind === "damage") || isSinkError(error);
}
