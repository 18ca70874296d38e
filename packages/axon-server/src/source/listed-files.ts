import { AxonServerError } from "../errors.js";
import { baseName, directoryName, mapPath, normalisePath, whyNotInStorage } from "../files/path.js";
import {
  compareStoreFiles,
  parseStoreFileName,
  storeFileIdentity,
  whyNoStoreFileName,
} from "../files/store-file-name.js";
import type { StoreKind } from "../names.js";
import { quote } from "../text.js";
import type { Storage } from "./options.js";
import type { SourceFile } from "./types.js";

/** What a listing is checked against. */
export interface ListingRules {
  readonly context: string;
  readonly store: StoreKind;
  readonly storage: Storage;
  /** The server's other contexts: a directory named after one of them is not this one's. */
  readonly otherContexts: ReadonlySet<string>;
}

/** Entries; a store with more would need more than a million segments. */
export const MAX_ENTRIES = 4_000_000;

/**
 * A server's list of paths as files of this machine: normalised, mapped, confined, each once, sorted. Nothing is opened; time grows with n log n.
 * @throws AxonServerError `refused` if a single entry isn't what it must be: a server that lists such things is not to be trusted with the others.
 * @throws AxonServerError `unexpected` if a name is listed with two paths, or the list is too long.
 */
export function checkListing(paths: readonly string[], rules: ListingRules): readonly SourceFile[] {
  if (paths.length > MAX_ENTRIES)
    throw new AxonServerError(
      "unexpected",
      `${describe(rules)}: the server lists ${paths.length} files, more than the ${MAX_ENTRIES} that can be`,
      "Check that server.url is an Axon Server's.",
    );
  const files = new Map<string, SourceFile>();
  const places: Places = new Map();
  for (const listed of paths) {
    const file = checkEntry(listed, rules, places);
    const identity = storeFileIdentity(file.name);
    const known = files.get(identity);
    if (known === undefined) files.set(identity, file);
    else if (known.path !== file.path) throw twice(known, file, rules);
  }
  return [...files.values()].sort((a, b) => compareStoreFiles(a.name, b.name));
}

/** Where a directory of the listing is here, or why it may not be read. */
type Place = { readonly local: string } | { readonly refused: string };

/** Directories that were seen already: a store has few, however many files. */
type Places = Map<string, Place>;

function checkEntry(listed: string, rules: ListingRules, places: Places): SourceFile {
  const slash = listed.lastIndexOf("/");
  const text = listed.slice(slash + 1);
  const name = parseStoreFileName(text, rules.store);
  if (name === undefined)
    throw refuse(listed, whyNoStoreFileName(text, rules.store) ?? "unknown name", rules);
  // With the slash: `x.events` is not `/x.events`.
  const directory = listed.slice(0, slash + 1);
  let place = places.get(directory);
  if (place === undefined) {
    place = placeOf(directory, rules);
    places.set(directory, place);
  }
  if ("refused" in place) throw refuse(listed, place.refused, rules);
  return { name, path: `${place.local}/${text}`, context: rules.context };
}

function placeOf(directory: string, rules: ListingRules): Place {
  const { roots, mappings } = rules.storage;
  const normalised = normalisePath(`${directory}x`);
  if (!normalised.ok) return { refused: normalised.reason };
  const local = mapPath(directoryName(normalised.path), mappings);
  const outside = whyNotInStorage(local, rules.context, roots);
  if (outside !== undefined) return { refused: outside };
  if (rules.otherContexts.has(baseName(local))) return { refused: "in the directory of another context" };
  return { local };
}

function describe(rules: ListingRules): string {
  return `the listing of ${rules.store} of context ${quote(rules.context)}`;
}

function refuse(listed: string, reason: string, rules: ListingRules): AxonServerError {
  return new AxonServerError(
    "refused",
    `${describe(rules)} has ${quote(listed)}: ${reason}`,
    rules.storage.roots.length > 0
      ? "Nothing was read. If the file is the server's, add its directory to server.storage, or map it with server.paths. If not, find out who changed the server."
      : "Nothing was read. If the file is the server's, name the directories of its event stores in server.storage. If not, find out who changed the server.",
  );
}

function twice(a: SourceFile, b: SourceFile, rules: ListingRules): AxonServerError {
  return new AxonServerError(
    "unexpected",
    `${describe(rules)} has the same file twice: ${quote(a.path)} and ${quote(b.path)}`,
    "Files may be moving between storage tiers: the next run will tell. If it stays so, remove the copy that the server doesn't use.",
  );
}
