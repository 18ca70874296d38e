import { randomUUID } from "node:crypto";
import { isSinkError, type ObjectKey, type Sink } from "@axon-backup/sink";
import { mapConcurrent } from "../concurrency.js";
import { EngineError } from "../errors.js";
import { decodeDocument, encodeDocument, sha256, type WriteDocument } from "./document.js";
import { Documents } from "./documents.js";
import { type Commits, findCommits } from "./find-head.js";
import {
  CHECKPOINTS,
  CONTROL_DBS,
  checkpointKey,
  DAMAGED,
  damagedKey,
  damageMarkKey,
  HEAD_KEY,
  LAYOUT_VERSION,
  pageKey,
  PIECES,
  REPOSITORY_KEY,
  RESTORE_POINTS,
  restorePointKey,
  VERIFIED_OBJECTS_KEY,
  VERIFIED_RESTORE_POINTS_KEY,
} from "./layout.js";
import type {
  Checkpoint,
  ClosedFile,
  DamageMark,
  Manifest,
  Page,
  PageReference,
  RepositoryInfo,
  StoreManifest,
} from "./manifest.js";
import type { HeadManifest } from "./head-manifest.js";
import { orphanedControlDbs } from "./orphans.js";
import { pieceOf } from "./pieces.js";
import { options, readOptional } from "./read-optional.js";
import { decodeInfo, infoOfManifests, madeMeanwhile, requireManifest, UNKNOWN } from "./repository-info.js";
import type { RestorePointId } from "./restore-point-id.js";
import { SeenHeads } from "./seen-heads.js";
import type { VerifiedObjects, VerifiedRestorePoint, VerifiedRestorePoints } from "./verification.js";

/** Pieces that are removed at a time. */
const REMOVED_AT_ONCE = 8;

/**
 * The documents of a repository on one sink: what exists, read and written with their checksums.
 */
export class Repository {
  readonly #documents: Documents;

  private constructor(
    readonly sink: Sink,
    readonly info: RepositoryInfo,
    private readonly signal: AbortSignal | undefined,
    /** What was wrong with `repository.json` when it was opened, as a sentence that reads on after its name: `info` is then what restore points say. */
    readonly problem?: string,
    private readonly heads = new SeenHeads(),
  ) {
    this.#documents = new Documents(sink, signal);
  }

  /**
   * Opens the repository that the sink holds. Without its `repository.json`, if a restore point can be read: then `problem` says so.
   * @returns undefined when the sink is empty
   * @throws EngineError `failed` when there is something else on the sink, or a repository of a newer layout; `damage`
   */
  static async open(sink: Sink, signal?: AbortSignal): Promise<Repository | undefined> {
    const bytes = await readOptional(sink, REPOSITORY_KEY, signal);
    const info = bytes && decodeInfo(bytes);
    if (info) return new Repository(sink, info, signal);
    const problem = bytes ? "is damaged: its content is not what was written" : "is missing";
    const told = await infoOfManifests(new Repository(sink, UNKNOWN, signal), "newest");
    if (told) return new Repository(sink, told, signal, problem);
    if (bytes)
      throw new EngineError(
        "damage",
        `${REPOSITORY_KEY} ${problem}, and there is no restore point that can be read`,
        "Use another sink. If this one never had a restore point, empty it and begin anew.",
      );
    const made = await madeMeanwhile(sink, signal);
    return made && new Repository(sink, made, signal);
  }

  /**
   * Opens the repository, makes one on an empty sink, or writes a `repository.json` that is missing or damaged anew.
   * @throws EngineError as `open`; `failed` when restore points are of several repositories
   */
  static async openOrCreate(sink: Sink, now: Date, signal?: AbortSignal): Promise<Repository> {
    const existing = await Repository.open(sink, signal);
    if (existing && existing.problem === undefined) return existing;
    const info: RepositoryInfo = (existing && (await infoOfManifests(existing, "all"))) ?? {
      layout: LAYOUT_VERSION,
      id: randomUUID(),
      created: now.toISOString(),
    };
    const repository = new Repository(sink, info, signal, existing?.problem);
    try {
      await repository.#documents.write(
        "repository",
        REPOSITORY_KEY,
        info,
        existing ? undefined : sink.conditional?.ifAbsent,
      );
    } catch (error) {
      // Somebody else was faster, or the marker of a deleted object looks like one.
      if (!isSinkError(error, "conflict")) throw error;
      const theirs = await Repository.open(sink, signal);
      if (theirs) return theirs;
      await repository.#documents.write("repository", REPOSITORY_KEY, info);
    }
    return repository;
  }

  /** The same repository for calls that end with another signal. */
  withSignal(signal: AbortSignal): Repository {
    return new Repository(this.sink, this.info, signal, this.problem, this.heads);
  }

  /** The restore points, oldest first. Lists names alone: a manifest may still turn out to be damaged. The head is none of them. */
  async restorePoints(): Promise<RestorePointId[]> {
    return (await this.#documents.runs(RESTORE_POINTS, ".json")).sort();
  }

  /**
   * A restore point's manifest; or that of a head: the one that counts, or one that counted when this object looked, whatever has replaced it since.
   * @throws EngineError `usage` when there is neither; `damage`
   */
  async manifest(id: RestorePointId): Promise<Manifest> {
    const known = this.heads.get(id);
    if (known) return known;
    try {
      return await this.#storedManifest(id);
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "usage")) throw error;
      const head = await this.head();
      if (head?.id === id) return head;
      throw error;
    }
  }

  /**
   * Commits: after this, and only after this, the restore point exists. Reads it back before it believes.
   * @param put how the manifest is put
   */
  async commit(manifest: Manifest, put?: WriteDocument): Promise<void> {
    await this.#documents.write("restore-point", restorePointKey(manifest.id), manifest, put);
  }

  /** The head as it stands on the sink, whatever it belongs to; undefined for none. @throws EngineError `damage` */
  async readHead(): Promise<HeadManifest | undefined> {
    return (await this.#documents.read("head", HEAD_KEY)) as HeadManifest | undefined;
  }

  /** The restore points, and whether there is a head that counts. */
  async commits(): Promise<Commits> {
    const commits = await findCommits({
      readHead: () => this.readHead(),
      restorePoints: () => this.restorePoints(),
      manifest: (id) => this.#storedManifest(id),
    });
    if (commits.head.state === "current") this.heads.add(commits.head.manifest);
    return commits;
  }

  /** The head, as a manifest, if there is one that counts. A damaged one doesn't: `commits` tells. */
  async head(): Promise<Manifest | undefined> {
    const { head } = await this.commits();
    return head.state === "current" ? head.manifest : undefined;
  }

  /**
   * Writes the head, in the place of the one before. What it needs must be stored and confirmed before. Reads it back.
   * @param put how it is put
   */
  async writeHead(head: HeadManifest, put?: WriteDocument): Promise<void> {
    await this.#documents.write("head", HEAD_KEY, head, put);
  }

  /** Removes the head, and before it every piece: no head needs one then. */
  async removeHead(): Promise<void> {
    const pieces: ObjectKey[] = [];
    for await (const { key } of this.sink.list(PIECES, options(this.signal)))
      if (pieceOf(key)) pieces.push(key);
    await mapConcurrent(pieces, REMOVED_AT_ONCE, this.signal, (key, signal) =>
      this.sink.delete(key, options(signal)),
    );
    await this.sink.delete(HEAD_KEY, options(this.signal));
  }

  async #storedManifest(id: RestorePointId): Promise<Manifest> {
    const manifest = (await this.#documents.read("restore-point", restorePointKey(id))) as
      Manifest | undefined;
    return requireManifest(manifest, id);
  }

  /** Every closed file of a store, older ones first. @throws EngineError `damage` when a page is missing or damaged */
  async closedFiles(store: StoreManifest): Promise<ClosedFile[]> {
    const files: ClosedFile[] = [];
    for (const reference of store.pages)
      for (const file of (await this.page(reference)).files) files.push(file);
    return files.concat(store.recent);
  }

  /** @throws EngineError `damage` when the page is missing or damaged */
  async page(reference: PageReference): Promise<Page> {
    const key = pageKey(reference.sha256);
    const bytes = await this.#documents.bytes(key);
    if (bytes === undefined || sha256(bytes) !== reference.sha256)
      throw new EngineError(
        "damage",
        `${key}, a part of the manifest, is ${bytes === undefined ? "missing" : "damaged"}`,
        "Use another sink that has the same restore point, or an older restore point of this one.",
      );
    return decodeDocument("page", bytes, key) as Page;
  }

  /** Stores a page. Doing it again changes nothing. */
  async writePage(page: Page): Promise<PageReference> {
    const hash = sha256(encodeDocument("page", page));
    const problems = page.files.filter(({ problem }) => problem !== undefined).length;
    await this.#documents.write("page", pageKey(hash), page);
    return {
      sha256: hash,
      files: page.files.length,
      bytes: page.files.reduce((sum, file) => sum + file.size, 0),
      ...(problems > 0 && { problems }),
    };
  }

  /** What runs that never committed have stored. A damaged checkpoint counts as none: it saves work, nothing else. */
  async checkpoints(): Promise<{ readonly key: ObjectKey; readonly checkpoint: Checkpoint | undefined }[]> {
    const found: { key: ObjectKey; checkpoint: Checkpoint | undefined }[] = [];
    for (const key of (await this.#documents.runs(CHECKPOINTS, ".json")).map(checkpointKey))
      found.push({
        key,
        checkpoint: (await this.#documents.readRecord("checkpoint", key)) as Checkpoint | undefined,
      });
    return found;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<ObjectKey> {
    const key = checkpointKey(checkpoint.run);
    await this.#documents.write("checkpoint", key, checkpoint);
    return key;
  }

  /** See the function of that name. */
  async orphanedControlDbs(): Promise<ObjectKey[]> {
    return orphanedControlDbs({
      controlDbs: () => this.#documents.runs(CONTROL_DBS, ".zip"),
      restorePoints: () => this.restorePoints(),
      verification: () => this.verification(),
      manifest: (id) => this.#storedManifest(id),
    });
  }

  /** The keys that `verify` found damaged and no backup has stored again. */
  async damagedKeys(): Promise<Set<ObjectKey>> {
    const keys = new Set<ObjectKey>();
    for await (const { key } of this.sink.list(DAMAGED, options(this.signal))) {
      const damaged = damagedKey(key);
      if (damaged !== undefined) keys.add(damaged);
    }
    return keys;
  }

  async markDamaged(mark: DamageMark & { readonly key: ObjectKey }): Promise<void> {
    await this.#documents.write("damage", damageMarkKey(mark.key), mark);
  }

  async removeDamageMark(key: ObjectKey): Promise<void> {
    await this.sink.delete(damageMarkKey(key), options(this.signal));
  }

  /** Which restore points were verified. A damaged record counts as none: it is written anew by the next verification. */
  async verifiedRestorePoints(): Promise<readonly VerifiedRestorePoint[]> {
    return (await this.verification()).restorePoints;
  }

  /** The same, with everything that the record says. */
  async verification(): Promise<VerifiedRestorePoints> {
    const record = await this.#documents.readRecord("verified-restore-points", VERIFIED_RESTORE_POINTS_KEY);
    return (record as VerifiedRestorePoints | undefined) ?? { restorePoints: [] };
  }

  async writeVerifiedRestorePoints(
    restorePoints: readonly VerifiedRestorePoint[],
    seen?: readonly RestorePointId[],
  ): Promise<void> {
    const record: VerifiedRestorePoints = { restorePoints, ...(seen && { seen }) };
    await this.#documents.write("verified-restore-points", VERIFIED_RESTORE_POINTS_KEY, record);
  }

  /** When objects were read last. A damaged record counts as none. */
  async verifiedObjects(): Promise<VerifiedObjects | undefined> {
    return (await this.#documents.readRecord("verified-objects", VERIFIED_OBJECTS_KEY)) as
      VerifiedObjects | undefined;
  }

  async writeVerifiedObjects(record: VerifiedObjects): Promise<void> {
    await this.#documents.write("verified-objects", VERIFIED_OBJECTS_KEY, record);
  }
}
