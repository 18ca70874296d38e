import { EngineError } from "../errors.js";
import { decodeDocument } from "./document.js";
import { LAYOUT_VERSION, REPOSITORY_KEY } from "./layout.js";
import type { Manifest, RepositoryInfo } from "./manifest.js";
import type { RestorePointId } from "./restore-point-id.js";

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

function isDamage(error: unknown): boolean {
  return error instanceof EngineError && error.kind === "damage";
}
