import type { Sink } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { decodeDocument } from "./document.js";
import { LAYOUT_VERSION, REPOSITORY_KEY, restorePointKey, WRITER_KEY } from "./layout.js";
import type { Manifest, RepositoryInfo } from "./manifest.js";
import { options, readOptional } from "./read-optional.js";
import type { RestorePointId } from "./restore-point-id.js";
import { parseScratch } from "./scratch.js";

/** Of a repository whose `repository.json` can't be read, before its restore points were asked. */
export const UNKNOWN: RepositoryInfo = { layout: LAYOUT_VERSION, id: "", created: "" };

/**
 * What `repository.json` says; undefined for one that is damaged.
 * @throws EngineError `failed` for a repository of another layout
 */
export function decodeInfo(bytes: Uint8Array): RepositoryInfo | undefined {
  let info: RepositoryInfo;
  try {
    info = decodeDocument("repository", bytes, REPOSITORY_KEY) as RepositoryInfo;
  } catch (error) {
    if (isDamage(error)) return undefined;
    throw error;
  }
  if (info.layout === LAYOUT_VERSION) return info;
  throw new EngineError(
    "failed",
    `the repository has layout ${info.layout}; this version of axon-backup knows layout ${LAYOUT_VERSION}`,
    "Use the version of axon-backup that wrote it, or a newer one.",
  );
}

/**
 * What restore points say of their repository: the newest one that can be read, or all of them.
 * @returns undefined when none can be read
 * @throws EngineError `failed` when they say different things
 */
export async function infoOfManifests(
  repository: {
    readonly restorePoints: () => Promise<RestorePointId[]>;
    readonly manifest: (id: RestorePointId) => Promise<Manifest>;
  },
  which: "newest" | "all",
): Promise<RepositoryInfo | undefined> {
  let info: RepositoryInfo | undefined;
  for (const id of (await repository.restorePoints()).reverse()) {
    let manifest: Manifest;
    try {
      manifest = await repository.manifest(id);
    } catch (error) {
      if (isDamage(error)) continue;
      throw error;
    }
    requireSameRepository(manifest, info?.id ?? manifest.repository, "a newer restore point");
    info = { layout: LAYOUT_VERSION, id: manifest.repository, created: manifest.started };
    if (which === "newest") break;
  }
  return info;
}

/** @throws EngineError `failed` when a restore point belongs to another repository than `expected`, which `where` says */
export function requireSameRepository({ id, repository }: Manifest, expected: string, where: string): void {
  if (repository === expected) return;
  throw new EngineError(
    "failed",
    `restore point ${id} is of the repository ${repository}, and ${where} says that this is ${expected}`,
    "Objects of two repositories have got into one place. Back up to a new, empty sink, and find out which of them belong here. Nothing was changed.",
  );
}

/** What stands under a restore point's name, if it is that one's manifest. @throws EngineError `usage` when there is none; `damage` */
export function requireManifest(manifest: Manifest | undefined, id: RestorePointId): Manifest {
  if (manifest?.id === id) return manifest;
  if (manifest === undefined)
    throw new EngineError(
      "usage",
      `there is no restore point ${id}`,
      "`axon-backup list` shows the restore points there are.",
    );
  throw new EngineError(
    "damage",
    `${restorePointKey(id)} is the manifest of restore point ${manifest.id}: it was copied or renamed`,
    `Give it back its name, ${restorePointKey(manifest.id)}, or remove it if that one is there.`,
  );
}

/**
 * Makes sure that a sink on which there was no `repository.json` is empty.
 * @returns what another one has written there since; undefined for an empty sink
 * @throws EngineError `failed` when there is something else
 */
export async function madeMeanwhile(
  sink: Sink,
  signal: AbortSignal | undefined,
): Promise<RepositoryInfo | undefined> {
  for await (const object of sink.list("", options(signal))) {
    // A check that was killed, or runs now; a first backup that was, or does.
    if (parseScratch(object.key) || object.key === WRITER_KEY) continue;
    const made = await readOptional(sink, REPOSITORY_KEY, signal);
    const theirs = made && decodeInfo(made);
    if (theirs) return theirs;
    throw new EngineError(
      "failed",
      `the sink holds objects (${object.key}, for instance) but no ${REPOSITORY_KEY}`,
      "Give axon-backup a place of its own: an empty directory, bucket or prefix. If this was a repository, its repository.json has been removed.",
    );
  }
  return undefined;
}

function isDamage(error: unknown): boolean {
  return error instanceof EngineError && error.kind === "damage";
}
