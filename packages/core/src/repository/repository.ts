import { randomUUID } from "node:crypto";
import { bytesSource, isSinkError, type ObjectKey, type Sink, type StoredObject } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument, type DocumentKind, encodeDocument, sha256, type WriteDocument } from "./document.js";
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
  REPOSITORY_KEY,
  RESTORE_POINTS,
  restorePointKey,
  runOf,
  VERIFIED_OBJECTS_KEY,
  VERIFIED_RESTORE_POINTS_KEY,
  WRITER_KEY,
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
import { leftOver, neverSeen } from "./orphans.js";
import { options, readOptional } from "./read-optional.js";
import { decodeInfo, infoOfManifests, UNKNOWN } from "./repository-info.js";
import type { RestorePointId } from "./restore-point-id.js";
import { parseScratch } from "./scratch.js";
import type { VerifiedObjects, VerifiedRestorePoint, VerifiedRestorePoints } from "./verification.js";

/**
 * The documents of a repository on one sink: what exists, read and written with their checksums.
 */
export class Repository {
  private constructor(
    readonly sink: Sink,
    readonly info: RepositoryInfo,
    private readonly signal: AbortSignal | undefined,
    /** What was wrong with `repository.json` when it was opened, as a sentence that reads on after its name: `info` is then what restore points say. */
    readonly problem?: string,
  ) {}

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
    for await (const object of sink.list("", options(signal))) {
      // A check that was killed, or runs now; a first backup that was, or does.
      if (parseScratch(object.key) || object.key === WRITER_KEY) continue;
      const made = await readOptional(sink, REPOSITORY_KEY, signal); // By another one, since it was looked for.
      const theirs = made && decodeInfo(made);
      if (theirs) return new Repository(sink, theirs, signal);
      throw new EngineError(
        "failed",
        `the sink holds objects (${object.key}, for instance) but no ${REPOSITORY_KEY}`,
        "Give axon-backup a place of its own: an empty directory, bucket or prefix. If this was a repository, its repository.json has been removed.",
      );
    }
    return undefined;
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
      await repository.#write(
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
      await repository.#write("repository", REPOSITORY_KEY, info);
    }
    return repository;
  }

  /** The same repository for calls that end with another signal. */
  withSignal(signal: AbortSignal): Repository {
    return new Repository(this.sink, this.info, signal, this.problem);
  }

  /** The restore points, oldest first. Lists names alone: a manifest may still turn out to be damaged. */
  async restorePoints(): Promise<RestorePointId[]> {
    const ids: RestorePointId[] = [];
    for await (const { key } of this.sink.list(RESTORE_POINTS, options(this.signal))) {
      const id = runOf(key, RESTORE_POINTS, ".json");
      if (id !== undefined) ids.push(id);
    }
    return ids.sort();
  }

  /** @throws EngineError `usage` when there is no such restore point; `damage` */
  async manifest(id: RestorePointId): Promise<Manifest> {
    const key = restorePointKey(id);
    const bytes = await readOptional(this.sink, key, this.signal);
    if (bytes === undefined)
      throw new EngineError(
        "usage",
        `there is no restore point ${id}`,
        "`axon-backup list` shows the restore points there are.",
      );
    const manifest = decodeDocument("restore-point", bytes, key) as Manifest;
    if (manifest.id === id) return manifest;
    throw new EngineError(
      "damage",
      `${key} is the manifest of restore point ${manifest.id}: it was copied or renamed`,
      `Give it back its name, ${restorePointKey(manifest.id)}, or remove it if that one is there.`,
    );
  }

  /**
   * Commits: after this, and only after this, the restore point exists. Reads it back before it believes.
   * @param put how the manifest is put
   */
  async commit(manifest: Manifest, put?: WriteDocument): Promise<void> {
    await this.#write("restore-point", restorePointKey(manifest.id), manifest, put);
  }

  /** The head as it stands on the sink, whatever it belongs to; undefined for none. @throws EngineError `damage` */
  async readHead(): Promise<HeadManifest | undefined> {
    const bytes = await readOptional(this.sink, HEAD_KEY, this.signal);
    return bytes && (decodeDocument("head", bytes, HEAD_KEY) as HeadManifest);
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
    const bytes = await readOptional(this.sink, key, this.signal);
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
    await this.#write("page", pageKey(hash), page);
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
    for await (const { key } of this.sink.list(CHECKPOINTS, options(this.signal))) {
      if (runOf(key, CHECKPOINTS, ".json") === undefined) continue;
      const bytes = await readOptional(this.sink, key, this.signal);
      let checkpoint: Checkpoint | undefined;
      try {
        if (bytes) checkpoint = decodeDocument("checkpoint", bytes, key) as Checkpoint;
      } catch (error) {
        if (!(error instanceof EngineError)) throw error;
      }
      found.push({ key, checkpoint });
    }
    return found;
  }

  async writeCheckpoint(checkpoint: Checkpoint): Promise<ObjectKey> {
    const key = checkpointKey(checkpoint.run);
    await this.#write("checkpoint", key, checkpoint);
    return key;
  }

  /**
   * Control DBs of runs that never committed, if they began long before the newest restore point: a run that stood still in its last step may still commit. Lists them before the restore points: one
   * that is about to be committed is none.
   */
  async orphanedControlDbs(): Promise<ObjectKey[]> {
    const keys: ObjectKey[] = [];
    for await (const { key } of this.sink.list(CONTROL_DBS, options(this.signal)))
      if (runOf(key, CONTROL_DBS, ".zip") !== undefined) keys.push(key);
    const orphans = leftOver(keys, await this.restorePoints());
    return orphans.length === 0 ? orphans : neverSeen(orphans, await this.verification());
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
    await this.#write("damage", damageMarkKey(mark.key), mark);
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
    const record = await this.#readRecord("verified-restore-points", VERIFIED_RESTORE_POINTS_KEY);
    return (record as VerifiedRestorePoints | undefined) ?? { restorePoints: [] };
  }

  async writeVerifiedRestorePoints(
    restorePoints: readonly VerifiedRestorePoint[],
    seen?: readonly RestorePointId[],
  ): Promise<void> {
    const record: VerifiedRestorePoints = { restorePoints, ...(seen && { seen }) };
    await this.#write("verified-restore-points", VERIFIED_RESTORE_POINTS_KEY, record);
  }

  /** When objects were read last. A damaged record counts as none. */
  async verifiedObjects(): Promise<VerifiedObjects | undefined> {
    return (await this.#readRecord("verified-objects", VERIFIED_OBJECTS_KEY)) as VerifiedObjects | undefined;
  }

  async writeVerifiedObjects(record: VerifiedObjects): Promise<void> {
    await this.#write("verified-objects", VERIFIED_OBJECTS_KEY, record);
  }

  /** A document that saves work or tells of work done, and that nothing is lost with. */
  async #readRecord(kind: DocumentKind, key: ObjectKey): Promise<unknown> {
    const bytes = await readOptional(this.sink, key, this.signal);
    try {
      return bytes && decodeDocument(kind, bytes, key);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      return undefined;
    }
  }

  /** Writes a document and reads it back: these are small, and everything else hangs on them. */
  async #write(
    kind: DocumentKind,
    key: ObjectKey,
    body: object,
    put: WriteDocument = this.sink.put.bind(this.sink),
  ): Promise<StoredObject> {
    const bytes = encodeDocument(kind, body);
    const stored = await put(key, bytesSource(bytes), { ...options(this.signal), kind: "document" });
    const back = await readOptional(this.sink, key, this.signal);
    if (back === undefined || Buffer.compare(back, bytes) !== 0)
      throw new EngineError(
        "failed",
        `${key} was written, but reading it back gives ${back === undefined ? "nothing" : "other bytes"}`,
        "The storage doesn't keep what it confirms. Don't use it before `axon-backup check` passes.",
      );
    return stored;
  }
}
