declare const objectKeyBrand: unique symbol;

/**
 * The name of an object on a sink: parts joined by `/`, as `contexts/default/events/00000000000000000000.events`.
 *
 * Grammar: one or more parts; each part is 1 to 200 of the characters `A-Z a-z 0-9 . _ % = @ + -`, and doesn't begin with a dot;
 * the whole is at most 800 bytes. The grammar is small on purpose: such a key is a valid path on every file system and a valid
 * name on every object store, with room for a prefix, and never needs escaping. Names that begin with a dot are
 * left to the sinks for temporary files of their own.
 */
export type ObjectKey = string & { readonly [objectKeyBrand]: true };

/** Longest whole key, in bytes (keys are ASCII). S3 allows 1024 and Azure Blob 1024 characters; the rest is for a prefix. */
export const MAX_KEY_BYTES = 800;

/** Longest part of a key, in bytes. File systems allow 255; the rest is for the temporary names that sinks make from it. */
export const MAX_PART_BYTES = 200;

const PART = /^[A-Za-z0-9_%=@+-][A-Za-z0-9._%=@+-]*$/;

/** Whether `text` is of the key grammar. */
export function isObjectKey(text: string): text is ObjectKey {
  return (
    text.length <= MAX_KEY_BYTES &&
    text.split("/").every((part) => part.length <= MAX_PART_BYTES && PART.test(part))
  );
}

/**
 * `text` as a key.
 * @throws RangeError if it isn't of the grammar.
 */
export function objectKey(text: string): ObjectKey {
  if (!isObjectKey(text))
    throw new RangeError(`not a valid object key: ${JSON.stringify(text.slice(0, MAX_KEY_BYTES))}`);
  return text;
}

/**
 * Parts joined to a key. A part may itself hold several (`contexts/default`).
 * @throws RangeError if the result isn't of the grammar.
 */
export function joinKey(...parts: readonly string[]): ObjectKey {
  return objectKey(parts.join("/"));
}
