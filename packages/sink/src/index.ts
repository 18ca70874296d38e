/**
 * The contract between axon-backup and a storage plugin. Read `sink.ts` first: the promises are in prose there.
 * @packageDocumentation
 */
export { CONTRACT_VERSION, type SinkPlugin, type OpenContext, type SinkLog } from "./plugin.js";
export { type JsonSchema } from "./json-schema.js";
export {
  isSinkError,
  SinkError,
  type SinkErrorKind,
  type SinkErrorOptions,
  SINK_ERROR_KINDS,
} from "./errors.js";
export { isObjectKey, joinKey, type ObjectKey, objectKey, MAX_KEY_BYTES, MAX_PART_BYTES } from "./key.js";
export { checkKeep, checkRange } from "./bounds.js";
export { gather } from "./gather.js";
export { Secret } from "./secret.js";
export {
  type CallOptions,
  type ConditionalPut,
  type ByteRange,
  type LeftoverOptions,
  type ObjectKind,
  type PutOptions,
  type Sink,
  type StoredChecksum,
  type StoredObject,
} from "./sink.js";
export { SINK_METHODS, type SinkMethod } from "./sink-method.js";
export { bytesSource, exactly, readAll, type Source, sliceSource } from "./source.js";
export { dirModeSchema, fileModeSchema, type ModeSchema, parseMode } from "./file-mode.js";
export {
  machineOf,
  type ProcessIdentity,
  type ProcessState,
  processState,
  processStateOn,
  thisProcess,
} from "./process-identity.js";
export { ELSEWHERE_MS, newTempName, parseTempName, type TempName, writerState } from "./temp-name.js";
