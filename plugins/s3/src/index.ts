/**
 * Amazon S3 and compatible object stores as a sink of axon-backup.
 * @packageDocumentation
 */
export { type Encryption, type S3Options } from "./options.js";
export { plugin, plugin as default } from "./plugin.js";
