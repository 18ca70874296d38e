/**
 * The sink contract as executable cases, a sink in memory, and a sink with scripted failures.
 * @packageDocumentation
 */
export {
  type CaseResult,
  contractCases,
  runContract,
  type RunContractOptions,
  shortContractCases,
} from "./contract.js";
export {
  CAPABILITIES,
  type Capability,
  type ContractCase,
  type Harness,
  type HarnessOptions,
  hasCapability,
  runCase,
} from "./contract-case.js";
export { describeSink, type DescribeSinkOptions } from "./describe-sink.js";
export { type Failure, type Fault } from "./faults.js";
export { faultySink, type FaultySink, type FaultyOptions, type FaultScript } from "./faulty-sink.js";
export {
  type CallCounts,
  type MemoryObject,
  memorySink,
  MemorySink,
  type MemoryStorage,
} from "./memory-sink.js";
export {
  chunkedSource,
  failingSource,
  filledSource,
  type GatedSource,
  gatedSource,
  Latch,
  lyingSource,
  pattern,
  stuckSource,
} from "./sources.js";
// For sinks that keep objects as files.
export { leaveTemporaryFiles, temporaryFiles, withDirectory } from "./file-sinks/temporary-files.js";
export {
  KEPT_BYTES,
  requireWholePut,
  startWriter,
  writeUntilKilled,
  type Writer,
  type WriterMode,
} from "./file-sinks/writer.js";
