export { CONTROL_DB_ENTRY, SAMPLE_CONTROL_DB } from "./controldb.js";
export { StandinError } from "./errors.js";
export { encodeEvent, type StandinEvent } from "./format/event.js";
export type { SegmentId, Store } from "./format/names.js";
export { readSegment, type SegmentContent, type TransactionVisitor } from "./format/reader.js";
export type { AccessControl, Generation, StandinOptions, StandinTls } from "./options.js";
export { copyStore, sampleEvents, type SampleOptions, sampleStore, shortenNames } from "./sample.js";
export type { Behaviour, Misbehaviour, MisbehaviourHandle } from "./server/misbehaviour.js";
export type { AppendSampleOptions, ControlDbBackup, RecordedRequest, Standin } from "./standin.js";
export { startStandin } from "./start.js";
export type { Appended } from "./store/event-store.js";
export { type GeneratedStore, type GenerateOptions, generateStore } from "./generate/store.js";
export { inspectStore, type StoreContent } from "./inspect.js";
export { sampleTls } from "./sample-tls.js";
export type { Transformation } from "./transform/transformation.js";
export type {
  ClusterGroupOptions,
  ClusterNodeOptions,
  ClusterOptions,
  StandinCluster,
} from "./cluster/cluster.js";
export { startCluster } from "./cluster/start-cluster.js";
export type { Role } from "./cluster/state.js";
export { encodeLogEntry, type LogContent, readLogSegment } from "./format/log.js";
