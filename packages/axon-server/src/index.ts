/**
 * Everything that axon-backup knows about Axon Server, and nothing else.
 * @packageDocumentation
 */
export { type AxonServerErrorKind, AxonServerError } from "./errors.js";
export { isToken, type Token, token } from "./token.js";
export {
  type GlobalIndexName,
  type IndexExtension,
  type IndexName,
  type SegmentName,
  STORE_KINDS,
  type StoreFileName,
  type StoreKind,
} from "./names.js";
export {
  compareStoreFiles,
  indexFileName,
  isControlDbName,
  isJumpSkipIndex,
  parseStoreFileName,
  segmentFileName,
  whyNoStoreFileName,
} from "./files/store-file-name.js";
export { isWithin, mapPath, normalisePath, type PathMapping, type PathResult } from "./files/path.js";
export { AxonServerClient, type EventstoreAnswer, type ListingCursor } from "./client/client.js";
export {
  type AxonServerOptions,
  type AxonServerTls,
  type ServerClock,
  type ServerHead,
  type ServerHeads,
  type ServerIdentity,
  type StoreCursor,
} from "./client/types.js";
export { AxonServerSource } from "./source/source.js";
export { isOnNetwork } from "./source/network-file-system.js";
export { type AxonServerSourceOptions } from "./source/options.js";
export {
  type ControlDbFile,
  type LogFile,
  type LogListing,
  type ServerSource,
  type SourceFile,
  type SourceHandle,
  type StoreListing,
} from "./source/types.js";
export {
  type EventHeader,
  type SegmentEvent,
  type SegmentHeader,
  type SegmentPosition,
  type SegmentScan,
  type SegmentVisitor,
  type Transaction,
  type UnreadableEvent,
} from "./segment/types.js";
export { HEADER_BYTES, segmentHeader } from "./segment/header.js";
export { SegmentScanner, type SegmentScannerOptions } from "./segment/scanner.js";
export { SegmentSkimmer, type Skimmed, type SkimVisitor } from "./segment/skimmer.js";
export { scanSegment, type ScanSegmentOptions } from "./segment/scan-segment.js";
export { isLogIndex, type LogIndex, logIndex } from "./log/log-index.js";
export {
  compareLogFiles,
  logFileName,
  type LogFileName,
  type LogIndexName,
  type LogSegmentName,
  parseLogFileName,
  whyNoLogFileName,
} from "./log/log-file-name.js";
export { type LogEntry, type LogSegmentScan, type LogVisitor } from "./log/types.js";
export { LogScanner, type LogScannerOptions } from "./log/scanner.js";
export { scanLogSegment, type ScanLogSegmentOptions } from "./log/scan-log-segment.js";
export { holdsEntry, logChain, type LogChain, type LogProblem } from "./log/log-chain.js";
export { ADMIN_GROUP, groupsOf, isInternal, isPrimary, primariesOf, roleOf } from "./cluster/membership.js";
export {
  type ClusterContext,
  type ClusterFacts,
  type ClusterNode,
  NODE_ROLES,
  type NodeRole,
  type ReplicationGroup,
  type RoleOf,
  type SelfFacts,
} from "./cluster/types.js";
export { type ClusterCalls } from "./client/cluster-calls.js";
export {
  type ClusterPlan,
  type ClusterPlanInput,
  type NodeView,
  type NoNode,
  planCluster,
  type PlannedGroup,
} from "./cluster/plan.js";
