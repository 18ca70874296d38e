/**
 * The engine of axon-backup: plan, backup, manifest, verify, restore.
 * @packageDocumentation
 */
export { EngineError, type EngineErrorKind } from "./errors.js";
export { type EngineEvent, ignoreEvents, type Observer } from "./observer.js";
export {
  isRestorePointId,
  nextRestorePointId,
  type RestorePointId,
  restorePointId,
  timeOf,
} from "./repository/restore-point-id.js";
export type {
  ClosedFile,
  ContextManifest,
  Manifest,
  OpenSegment,
  PageReference,
  StoredControlDb,
  StoreManifest,
} from "./repository/manifest.js";
export { Repository } from "./repository/repository.js";
export { backup } from "./backup/backup.js";
export type {
  BackupOptions,
  BackupReport,
  ContextReport,
  NamedSink,
  SinkReport,
  Tally,
} from "./backup/types.js";
