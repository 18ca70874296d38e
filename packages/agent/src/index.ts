/**
 * The product: the command line. Its schemas and exit codes are exported for documentation and tests.
 * @packageDocumentation
 */
export { main } from "./main.js";
export { EXIT_CODES, EXIT_MEANINGS, type ExitCode, type ExitName } from "./exit-codes.js";
export { AGENT_SCHEMA } from "./config/agent-schema.js";
export { SINK_KEYS, sinkSchema } from "./config/sink-schema.js";
export type { OutputStream, Streams } from "./output/streams.js";
