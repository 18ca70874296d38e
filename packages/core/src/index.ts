/**
 * The engine of axon-backup: plan, backup, manifest, verify, restore.
 * @packageDocumentation
 */
export { EngineError, type EngineErrorKind, LockedError } from "./errors.js";
export { type EngineEvent, ignoreEvents, type Observer } from "./observer.js";
export {
  isRestorePointId,
  nextRestorePointId,
  type RestorePointId,
  restorePointId,
  timeOf,
} from "./repository/restore-point-id.js";
export { type KnownProblem, knownProblems } from "./repository/known-problems.js";
export {
  type Commits,
  type FoundHead,
  headProblem,
  idOfChoice,
  type RestorePointChoice,
} from "./repository/find-head.js";
export { type Head, headOf } from "./repository/head.js";
export type { HeadContext, HeadManifest, HeadStore } from "./repository/head-manifest.js";
export { controlDbKeyOf } from "./repository/layout.js";
export type {
  Branch,
  ClosedFile,
  ContextManifest,
  Manifest,
  OpenSegment,
  PageReference,
  StoredControlDb,
  StoreManifest,
} from "./repository/manifest.js";
export type { VerifiedDepth, VerifiedRestorePoint } from "./repository/verification.js";
export { parseScratch, type Scratch, SCRATCH, scratchPrefix } from "./repository/scratch.js";
export { Repository } from "./repository/repository.js";
export { type Timeline, timelineTrees } from "./repository/timeline-tree.js";
export { backup } from "./backup/backup.js";
export { compareHistory } from "./backup/compare-history.js";
export type {
  BackupOptions,
  BackupReport,
  ContextReport,
  NamedSink,
  SinkReport,
  Tally,
  TimelineChange,
} from "./backup/types.js";
export { restore } from "./restore/restore.js";
export {
  type PreviewedContext,
  type PreviewedStore,
  previewRestore,
  type RestorePreview,
} from "./restore/preview.js";
export type { ExaminedTarget } from "./restore/examine-target.js";
export type { Measured, Sample } from "./restore/measure-rate.js";
export {
  type ContextContent,
  type ContextPlan,
  type PlannedFile,
  planRestore,
  type RestorePlan,
  type StoreContent,
  type StorePlan,
} from "./restore/plan.js";
export type {
  KeptFiles,
  RestoredContext,
  RestoredControlDb,
  RestoredStore,
  RestoreOptions,
  RestoreReport,
} from "./restore/types.js";
export type { Line } from "./retention/given-up.js";
export { prune } from "./retention/prune.js";
export type { BrokenPoint } from "./retention/broken.js";
export type { Candidate } from "./retention/plan.js";
export { type Decision, hasRules, type KeepReason, type RetentionRules } from "./retention/policy.js";
export type { FailedRemoval, PruneOptions, PruneReport } from "./retention/types.js";
export {
  type CheckedContext,
  checkRestored,
  type CheckRestoredOptions,
  type CheckRestoredReport,
} from "./restore/check-restored.js";
export type { CheckedStore } from "./restore/check-context.js";
export type { CheckFinding } from "./restore/judge-store.js";
export type { OtherSink } from "./restore/sources.js";
export {
  type ContextDiff,
  type FileChange,
  type FileChangeKind,
  type RestorePointDiff,
  type StoreDiff,
} from "./diff/diff.js";
export { diffRestorePoints } from "./diff/diff-restore-points.js";
export {
  type FoundLock,
  type Lock,
  type LockOptions,
  readLock,
  removeLock,
  watchLock,
} from "./lease/unlock.js";
export { type ContextBehind, measureBehind } from "./status/behind.js";
export { type LastPrune, notePrune, readLastPrune } from "./retention/last-prune.js";
export type { LastFailure } from "./status/last-failure.js";
export { readStatus, type RepositoryStatus } from "./status/status.js";
export { verify } from "./verify/verify.js";
export type { Budget } from "./verify/budget.js";
export type {
  Finding,
  LastRead,
  PointVerified,
  StoreTruth,
  VerifyOptions,
  VerifyReport,
} from "./verify/types.js";
export { follow } from "./continuous/follow.js";
export { lagsOf } from "./continuous/lag.js";
export { watchSource } from "./continuous/source-watch.js";
export type {
  ContextLag,
  ContextPosition,
  FollowEnd,
  FollowEvent,
  FollowOptions,
  FollowReason,
  Notice,
  PutRate,
  Seen,
  SourceWatch,
  StoredContextMark,
  StoredMoment,
  StoreMark,
  StorePosition,
  WatchedSegment,
  WatchEvent,
  WatchOptions,
  WatchState,
} from "./continuous/types.js";
export {
  DEFAULT_RETRIES,
  type RetriedCall,
  type RetryEvent,
  type RetryOptions,
  type RetryPolicy,
} from "./sinks/attempts.js";
export { bandwidth, type BandwidthLimits } from "./sinks/bandwidth.js";
export { type Clock, systemClock } from "./sinks/clock.js";
export { connections } from "./sinks/connections.js";
export {
  counting,
  DURATION_BOUNDS,
  type FailureKind,
  type MethodCounts,
  SinkCounters,
  type SinkCounts,
} from "./sinks/counters.js";
export { type WithCapabilitiesOf } from "./sinks/decorate.js";
export { logging } from "./sinks/logging.js";
export { retry } from "./sinks/retry.js";
export { stallTimeout } from "./sinks/stall.js";
export { TokenBucket } from "./sinks/token-bucket.js";
export { DEFAULT_POLICY, openSink, type SinkHooks, type SinkPolicy, wrapSink } from "./sinks/wrap-sink.js";
