import type { StoreKind } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import type { ClosedFile, Page } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";

/** Which store of a repository. */
export interface StoreAddress {
  readonly context: string;
  readonly timeline: number;
  readonly store: StoreKind;
}

/**
 * Writes down, now and then, which closed files a run has stored, so that a run after one that was cut off doesn't send them again: the first
 * backup of a large store may take days.
 */
export class Checkpointer {
  readonly #files = new Map<string, { readonly address: StoreAddress; readonly files: ClosedFile[] }>();
  readonly #keys = new Set<ObjectKey>();
  #writing: Promise<void> | undefined;
  #written = performance.now();

  constructor(
    private readonly repository: Repository,
    private readonly run: RestorePointId,
    private readonly interval: number,
  ) {}

  /** The checkpoints written, to be removed after the commit. */
  get keys(): readonly ObjectKey[] {
    return [...this.#keys];
  }

  /** Notes a closed file that is stored and confirmed; writes a checkpoint if the last one is old enough and none is being written. */
  async stored(address: StoreAddress, file: ClosedFile): Promise<void> {
    const id = `${address.context}/${address.timeline}/${address.store}`;
    const entry = this.#files.get(id) ?? { address, files: [] };
    this.#files.set(id, entry);
    entry.files.push(file);
    if (this.#writing !== undefined || performance.now() - this.#written < this.interval) return;
    this.#writing = this.#write();
    try {
      await this.#writing;
    } finally {
      this.#writing = undefined;
      this.#written = performance.now();
    }
  }

  async #write(): Promise<void> {
    const stores: Page[] = Array.from(this.#files.values(), ({ address, files }) => ({
      ...address,
      files: [...files],
    }));
    this.#keys.add(await this.repository.writeCheckpoint({ run: this.run, stores }));
  }
}
