/**
 * Local directories (and what is mounted there) as a sink of axon-backup.
 * @packageDocumentation
 */
export { type LocalOptions } from "./options.js";
export { plugin, plugin as default } from "./plugin.js";
