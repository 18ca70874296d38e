import { isSinkError } from "@axon-backup/sink";
import { restorePointKey } from "../repository/layout.js";
import type { Manifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import { type ExclusivePuts, storedByAnother } from "./exclusive-puts.js";

/** Commits a restore point that this run alone makes. @throws EngineError `locked` when another one has made one of the same id */
export async function commit(
  repository: Repository,
  manifest: Manifest,
  { create }: ExclusivePuts,
): Promise<void> {
  try {
    await repository.commit(manifest, create);
  } catch (error) {
    throw isSinkError(error, "conflict") ? storedByAnother(restorePointKey(manifest.id), error) : error;
  }
}
