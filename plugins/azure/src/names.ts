import { isObjectKey, type ObjectKey } from "@axon-backup/sink";

/**
 * Names of blobs: the prefix and the key, except that a part that ends in a dot ends in `~` instead. Azure takes dots at the end of a part for nothing
 * (https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata), and `~` isn't in the grammar of keys.
 */
export function blobName(prefix: string, key: string): string {
  return prefix + key.replace(/\.(?=\/|$)/g, "~");
}

/** The key of a blob below the prefix. Undefined for what isn't one of ours. */
export function keyOf(prefix: string, name: string): ObjectKey | undefined {
  if (!name.startsWith(prefix)) return undefined;
  const key = name.slice(prefix.length).replace(/~(?=\/|$)/g, ".");
  return isObjectKey(key) ? key : undefined;
}

/** What the names of all blobs begin with whose keys begin with `start`; some others may, too. */
export function listPrefix(prefix: string, start: string): string {
  // A dot at the end may be the last of its part, or not.
  return blobName(prefix, start.replace(/\.+$/, ""));
}
