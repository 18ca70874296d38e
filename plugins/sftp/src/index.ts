/**
 * SFTP servers as a sink of axon-backup.
 * @packageDocumentation
 */
export { type SftpOptions } from "./options.js";
export { plugin, plugin as default } from "./plugin.js";
