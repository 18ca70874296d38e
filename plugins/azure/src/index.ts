/**
 * Azure Blob Storage as a sink of axon-backup.
 * @packageDocumentation
 */
export { type AzureOptions } from "./options.js";
export { plugin, plugin as default } from "./plugin.js";
