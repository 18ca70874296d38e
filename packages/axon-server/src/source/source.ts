import type { AxonServerClient, ListingCursor } from "../client/client.js";
import type { ServerClock, ServerHeads, ServerIdentity, StoreCursor } from "../client/types.js";
import type { ClusterFacts } from "../cluster/types.js";
import { AxonServerError } from "../errors.js";
import { baseName, directoryName, isWithin, mapPath, normalisePath, whyNotInStorage } from "../files/path.js";
import { isControlDbName, parseStoreFileName } from "../files/store-file-name.js";
import type { StoreKind } from "../names.js";
import { quote } from "../text.js";
import { confineControlDb, confineDirectory, RecentlyConfined } from "./confine.js";
import { checkListing, type ListingRules } from "./listed-files.js";
import { openConfined } from "./open-file.js";
import { measureFiles } from "./measure-files.js";
import { findOpenSegments } from "./open-segments.js";
import { type AxonServerSourceOptions, parseStorage, type Storage } from "./options.js";
import { highestSegment, partition } from "./partition.js";
import { type FileIdentity, identifyFile, removeControlDbFile } from "./remove-control-db.js";
import { listLogs } from "./list-logs.js";
import { type LogRules, refuseUnlessLog } from "./listed-logs.js";
import { withDcbHint } from "./dcb-hint.js";
import { refuseUnlessName, refuseUnlessReportedName } from "./directory-name.js";
import type {
  ControlDbFile,
  LogFile,
  LogListing,
  ServerSource,
  SourceFile,
  SourceHandle,
  StoreListing,
} from "./types.js";

/** A real Axon Server over its HTTP API, with its files on this machine. */
export class AxonServerSource implements ServerSource {
  readonly #client: AxonServerClient;
  readonly #storage: Storage;
  readonly #recent = new RecentlyConfined();
  readonly #made = new Map<string, FileIdentity>();
  #identity: ServerIdentity | undefined;
  #cluster: ClusterFacts | undefined;

  /** @throws AxonServerError `configuration` if a path isn't one. The client is closed with the source. */
  constructor(options: AxonServerSourceOptions) {
    this.#client = options.client;
    this.#storage = parseStorage(options);
  }

  async identify(signal?: AbortSignal): Promise<ServerIdentity> {
    this.#identity = await this.#client.identify(signal);
    return this.#identity;
  }

  async createControlDbBackup(signal?: AbortSignal): Promise<ControlDbFile> {
    const { edition } = this.#identity ?? (await this.identify(signal));
    const answer = await this.#client.createControlDbBackup(edition, signal);
    const normalised = normalisePath(answer);
    if (!normalised.ok) throw refusedControlDb(answer, normalised.reason);
    const file = this.#controlDb(mapPath(normalised.path, this.#storage.mappings));
    const made = await identifyFile(file.path);
    if (made !== undefined) this.#made.set(file.path, made);
    return file;
  }

  async removeControlDbBackup(file: ControlDbFile): Promise<void> {
    const known = this.#controlDb(file.path);
    await removeControlDbFile(known, this.#made.get(known.path), this.#storage.controlDbRoots);
    this.#made.delete(known.path);
  }

  async clock(signal?: AbortSignal): Promise<ServerClock | undefined> {
    return this.#client.clock(signal);
  }

  async list(
    context: string,
    store: StoreKind,
    cursor: StoreCursor | undefined,
    signal?: AbortSignal,
  ): Promise<StoreListing> {
    const identity = await this.#identityWith(context, signal);
    const rules: ListingRules = {
      context,
      store,
      storage: this.#storage,
      otherContexts: new Set(identity.contexts.filter((other) => other !== context)),
    };
    try {
      return identity.listing === "eventstore"
        ? await this.#listEventstore(rules, cursor, identity.versions, signal)
        : await this.#listFilenames(rules, cursor, identity.versions, signal);
    } catch (error) {
      throw withDcbHint(error, context, identity);
    }
  }

  async cluster(signal?: AbortSignal): Promise<ClusterFacts | undefined> {
    this.#cluster = await this.#client.cluster.facts(signal);
    return this.#cluster;
  }

  async replicationLog(group: string, signal?: AbortSignal): Promise<LogListing> {
    refuseUnlessName("replication group", group);
    const otherGroups = new Set(this.#cluster?.groups.map(({ name }) => name));
    otherGroups.delete(group);
    const rules: LogRules = { group, storage: this.#storage, otherGroups };
    return listLogs(rules, () => this.#client.cluster.logFilenames(group, signal), signal);
  }

  async open(file: SourceFile | ControlDbFile | LogFile): Promise<SourceHandle> {
    const { path } = file;
    if ("group" in file) {
      refuseUnlessLog(file, this.#storage.logRoots);
      const confine = (): Promise<string> =>
        confineDirectory(directoryName(path), file.group, this.#storage.logRoots, "server.replication_logs");
      return openConfined(path, confine);
    }
    if (typeof file.name === "string") {
      this.#controlDb(path);
      return openConfined(path, () => confineControlDb(directoryName(path), this.#storage.controlDbRoots));
    }
    const { context } = file as SourceFile;
    this.#refuseUnlessListed(file as SourceFile);
    const directory = directoryName(path);
    return openConfined(path, () =>
      this.#recent.confine(directory, context, () =>
        confineDirectory(directory, context, this.#storage.roots),
      ),
    );
  }

  async heads(signal?: AbortSignal): Promise<ServerHeads | undefined> {
    return this.#client.heads(signal);
  }

  async measure(
    files: readonly (SourceFile | ControlDbFile | LogFile)[],
    signal?: AbortSignal,
  ): Promise<number> {
    return measureFiles(
      files.map(({ path }) => path),
      signal,
    );
  }

  async close(): Promise<void> {
    await this.#client.close();
  }

  /** The identity, once it has `context`: `filenames` answers an empty list for any other. */
  async #identityWith(context: string, signal: AbortSignal | undefined): Promise<ServerIdentity> {
    if (this.#identity?.contexts.includes(context) === true) refuseUnlessReportedName("context", context);
    refuseUnlessName("context", context);
    if (this.#identity?.contexts.includes(context)) return this.#identity;
    const identity = await this.identify(signal);
    if (identity.contexts.includes(context)) return identity;
    throw new AxonServerError(
      "unknown-context",
      `the node ${quote(identity.nodeName)} stores no events for the context ${context}`,
      identity.contexts.length === 0
        ? "Ask a node that stores events for it."
        : `It stores them for: ${identity.contexts.map((name) => quote(name)).join(", ")}. Check the name, or ask the node that stores it.`,
    );
  }

  async #listEventstore(
    rules: ListingRules,
    cursor: StoreCursor | undefined,
    versions: boolean,
    signal: AbortSignal | undefined,
  ): Promise<StoreListing> {
    const after =
      cursor === undefined ? undefined : listingCursor(cursor, cursor.lastClosedSegment, versions);
    const { context, store } = rules;
    const answer = await this.#client.listEventstore(context, store, after, signal);
    const files = checkListing(answer.filenames, rules);
    const lastClosedSegment = answer.lastClosedSegment;
    const listing = { context, store, lastClosedSegment, ...partition(files, lastClosedSegment, cursor) };
    if (listing.open.length > 0) return listing;
    throw new AxonServerError(
      "unexpected",
      `the server lists no open ${store} segment of context ${context}, though every context has one`,
      "It may be starting: the next run will tell. If it stays so, look at the server's log.",
    );
  }

  async #listFilenames(
    rules: ListingRules,
    cursor: StoreCursor | undefined,
    versions: boolean,
    signal: AbortSignal | undefined,
  ): Promise<StoreListing> {
    const { context, store } = rules;
    const ask = async (after: ListingCursor | undefined): Promise<readonly SourceFile[]> =>
      checkListing(await this.#client.listFilenames(context, store, after, signal), rules);

    // Asked from one segment earlier, so that the answer holds the cursor's own: it shows that the server still has it, and where.
    let files = await ask(
      cursor === undefined ? undefined : listingCursor(cursor, cursor.lastClosedSegment - 1, versions),
    );
    const highest = highestSegment(files);
    if (cursor !== undefined && (highest === undefined || highest < cursor.lastClosedSegment))
      // The server stands behind the cursor, or has removed that segment: only the whole list tells.
      files = await ask(undefined);

    const lastClosedSegment = highestSegment(files);
    const possible = this.#storage.roots.map((root) => `${root}/${context}`);
    const listed = [...new Set(files.map((file) => directoryName(file.path)))];
    if (listed.length === 0 && possible.length === 0) throw noDirectory(rules);
    const open = await findOpenSegments(
      { context, store, listed, possible, storageRoots: this.#storage.roots, above: lastClosedSegment },
      signal,
    );
    if (open.length === 0) throw noOpenSegment(rules, [...listed, ...possible]);
    const { closed, indexes } = partition(files, lastClosedSegment, cursor);
    return { context, store, lastClosedSegment, closed, open, indexes };
  }

  /** @throws AxonServerError `refused` */
  #controlDb(path: string): ControlDbFile {
    const normalised = normalisePath(path);
    if (!normalised.ok) throw refusedControlDb(path, normalised.reason);
    const name = baseName(path);
    if (normalised.path !== path || !isControlDbName(name))
      throw refusedControlDb(path, "not named controldb<milliseconds>.zip");
    const roots = this.#storage.controlDbRoots;
    if (roots.length > 0 && !roots.some((root) => isWithin(directoryName(path), root)))
      throw refusedControlDb(path, "outside of the control DB's directories");
    return { name, path };
  }

  /** `open` may be called with anything: what `list` promises is checked again. */
  #refuseUnlessListed(file: SourceFile): void {
    const { path, context, name } = file;
    const normalised = normalisePath(path);
    const problem = !normalised.ok
      ? normalised.reason
      : normalised.path !== path || baseName(path) !== name.name
        ? "not a path that the listing gave"
        : parseStoreFileName(name.name, name.store) === undefined
          ? "not a name of a segment or of an index file"
          : whyNotInStorage(directoryName(path), context, this.#storage.roots);
    if (problem !== undefined)
      throw new AxonServerError(
        "refused",
        `${quote(path)}: ${problem}`,
        "Nothing was read. Name the directories of the event stores in server.storage.",
      );
  }
}

function listingCursor(cursor: StoreCursor, lastSegment: number, versions: boolean): ListingCursor {
  return versions ? { lastSegment, lastVersion: cursor.lastVersion } : { lastSegment };
}

function refusedControlDb(path: string, reason: string): AxonServerError {
  return new AxonServerError(
    "refused",
    `the control DB's backup ${quote(path)}: ${reason}`,
    "Nothing was read. If the server wrote it there, name the directory in server.control_db, or map it with server.paths.",
  );
}

function noDirectory({ context, store }: ListingRules): AxonServerError {
  return new AxonServerError(
    "configuration",
    `the server has closed no ${store} segment of context ${context} yet, and this version doesn't tell where the open one is`,
    "Set server.storage to the directory that holds the contexts' directories (axoniq.axonserver.event.storage of the server).",
  );
}

function noOpenSegment({ context, store }: ListingRules, directories: readonly string[]): AxonServerError {
  return new AxonServerError(
    "configuration",
    `no open ${store} segment of context ${context} in ${directories.join(", ")}`,
    "Set server.storage to every directory that the server stores events or snapshots in, as this machine has it, or map them with server.paths.",
  );
}
