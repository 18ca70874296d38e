import {
  backup,
  checkRestored,
  compareHistory,
  diffRestorePoints,
  follow,
  measureBehind,
  previewRestore,
  prune,
  readLock,
  readStatus,
  removeLock,
  Repository,
  restore,
  verify,
  watchLock,
  watchSource,
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
  readonly diffRestorePoints: typeof diffRestorePoints;
  readonly readStatus: typeof readStatus;
  readonly measureBehind: typeof measureBehind;
  readonly readLock: typeof readLock;
  readonly watchLock: typeof watchLock;
  readonly removeLock: typeof removeLock;
  readonly openRepository: typeof Repository.open;
  readonly watchSource: typeof watchSource;
  readonly follow: typeof follow;
}

export const engine: Engine = {
  backup,
  verify,
  restore,
  previewRestore,
  checkRestored,
  prune,
  compareHistory,
  diffRestorePoints,
  readStatus,
  measureBehind,
  readLock,
  watchLock,
  removeLock,
  openRepository: (sink, signal) => Repository.open(sink, signal),
  watchSource,
  follow,
};
