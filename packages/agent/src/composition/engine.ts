import {
  backup,
  checkRestored,
  compareHistory,
  previewRestore,
  prune,
  Repository,
  restore,
  verify,
} from "@axon-backup/core";

/** What the commands use of the engine. */
export interface Engine {
  readonly backup: typeof backup;
  readonly verify: typeof verify;
  readonly restore: typeof restore;
  readonly previewRestore: typeof previewRestore;
  readonly checkRestored: typeof checkRestored;
  readonly prune: typeof prune;
  readonly compareHistory: typeof compareHistory;
  readonly openRepository: typeof Repository.open;
}

export const engine: Engine = {
  backup,
  verify,
  restore,
  previewRestore,
  checkRestored,
  prune,
  compareHistory,
  openRepository: (sink, signal) => Repository.open(sink, signal),
};
