import type { IndexExtension, SegmentName, StoreFileName, StoreKind } from "../names.js";
import { type Token, token } from "../token.js";

/** What the files of each store are called (docs/axon-server.md, section 3). */
const EXTENSIONS: Readonly<Record<string, { readonly store: StoreKind; readonly index: boolean }>> = {
  events: { store: "events", index: false },
  index: { store: "events", index: true },
  bloom: { store: "events", index: true },
  nindex: { store: "events", index: true },
  xref: { store: "events", index: true },
  snapshots: { store: "snapshots", index: false },
  sindex: { store: "snapshots", index: true },
  sbloom: { store: "snapshots", index: true },
  snindex: { store: "snapshots", index: true },
  sxref: { store: "snapshots", index: true },
};

/** `%020d` (or 14 digits, from very old versions), `_%05d` unless the version is 0, the extension. */
const OF_SEGMENT = /^(\d{14}|\d{20})(?:_(\d{5}|[1-9]\d{5,15}))?\.([a-z]+)$/;

/** `%05d` grows beyond five digits without leading zeros. */
const GLOBAL_INDEX = /^global-index-(?:\d{5}|[1-9]\d{5,15})\.(s?xref)$/;

/** Longer ones are of no grammar; said before any regular expression runs. */
const MAX_LENGTH = 64;

type Parsed =
  { readonly ok: true; readonly name: StoreFileName } | { readonly ok: false; readonly reason: string };

const refused = (reason: string): Parsed => ({ ok: false, reason });

function parse(name: string, store: StoreKind): Parsed {
  if (name.length > MAX_LENGTH) return refused("longer than any name that Axon Server gives");
  if (GLOBAL_INDEX.test(name)) return parseGlobalIndex(name, store);
  const match = OF_SEGMENT.exec(name);
  if (match === null) return refused(reasonForUnknown(name));
  const [, digits = "", versionDigits, extension = ""] = match;
  const type = Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined;
  if (type === undefined) return refused(`extension .${extension} is of no known file`);
  if (type.store !== store) return refused(`a file of the ${type.store}, not of the ${store}`);
  const number = Number(digits);
  const version = versionDigits === undefined ? 0 : Number(versionDigits);
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(version))
    return refused("a number beyond 2^53 - 1");
  if (versionDigits !== undefined && version === 0) return refused("version 0 is written without a suffix");
  const segment = token(number);
  if (!type.index) return { ok: true, name: { kind: "segment", store, name, segment, version } };
  return {
    ok: true,
    name: { kind: "index", store, name, segment, version, extension: extension as IndexExtension },
  };
}

function parseGlobalIndex(name: string, store: StoreKind): Parsed {
  const owner: StoreKind = name.endsWith(".sxref") ? "snapshots" : "events";
  if (owner !== store) return refused(`a file of the ${owner}, not of the ${store}`);
  return { ok: true, name: { kind: "global-index", store, name } };
}

function reasonForUnknown(name: string): string {
  if (/\.(?:temp|transformed)$/.test(name)) return "work in progress, which is never backed up";
  return "not a name of a segment or of an index file";
}

/**
 * The file name `name` as one of `store`; undefined if it isn't of the grammar of docs/axon-server.md, section 3. Anything else
 * (`.temp`, `.transformed`, other extensions, the other store's files, numbers beyond 2^53 - 1, version `_00000`) is refused.
 */
export function parseStoreFileName(name: string, store: StoreKind): StoreFileName | undefined {
  const result = parse(name, store);
  return result.ok ? result.name : undefined;
}

/** Why `parseStoreFileName` refuses `name`, to stand behind "… is "; undefined if it doesn't. */
export function whyNoStoreFileName(name: string, store: StoreKind): string | undefined {
  const result = parse(name, store);
  return result.ok ? undefined : result.reason;
}

/**
 * The file name that the server gives to a segment.
 * @param version 0, or the number of a transformation.
 * @throws RangeError if `version` isn't an integer from 0 to 2^53 - 1.
 */
export function segmentFileName(store: StoreKind, segment: Token, version = 0): string {
  return storeFileName(store, segment, version);
}

/**
 * The file name that the server gives to an index file of a segment.
 * @throws RangeError if `version` isn't an integer from 0 to 2^53 - 1.
 */
export function indexFileName(extension: IndexExtension, segment: Token, version = 0): string {
  return storeFileName(extension, segment, version);
}

function storeFileName(extension: string, segment: Token, version: number): string {
  if (!Number.isSafeInteger(version) || version < 0)
    throw new RangeError(`not a segment version: ${version}`);
  const suffix = version === 0 ? "" : `_${String(version).padStart(5, "0")}`;
  return `${String(segment).padStart(20, "0")}${suffix}.${extension}`;
}

/** What tells two files of a store apart, whether their names have 14 digits or 20: the name with 20. */
export function storeFileIdentity(file: StoreFileName): string {
  // In a name with 14 digits, `.` or `_` stands there.
  if (file.kind === "global-index" || /\d/.test(file.name.charAt(14))) return file.name;
  return storeFileName(extensionOf(file), file.segment, file.version);
}

/** Order of files: by segment, version, extension (the segment before its index files); global index files last, by name. */
export function compareStoreFiles(a: StoreFileName, b: StoreFileName): number {
  if (a.kind === "global-index" || b.kind === "global-index") {
    if (a.kind !== b.kind) return a.kind === "global-index" ? 1 : -1;
    return a.name.length - b.name.length || compareText(a.name, b.name);
  }
  return (
    a.segment - b.segment ||
    a.version - b.version ||
    Number(a.kind === "index") - Number(b.kind === "index") ||
    compareText(extensionOf(a), extensionOf(b)) ||
    compareText(a.name, b.name)
  );
}

const extensionOf = (file: Exclude<StoreFileName, { kind: "global-index" }>): string =>
  file.kind === "index" ? file.extension : file.store;

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Whether `file` is a segment. */
export function isSegmentName(file: StoreFileName): file is SegmentName {
  return file.kind === "segment";
}

/** Whether `file` is of the jump skip index, whose files are never restored (docs/axon-server.md, section 7). */
export function isJumpSkipIndex(file: StoreFileName): boolean {
  if (file.kind === "index") return /^s?(?:nindex|xref)$/.test(file.extension);
  return file.kind === "global-index";
}

/** Whether `name` is `controldb<epochMillis>.zip`, as the server names the backups of its control DB. */
export function isControlDbName(name: string): boolean {
  return /^controldb\d{1,20}\.zip$/.test(name);
}
