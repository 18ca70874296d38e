import { access, constants, readdir } from "node:fs/promises";
import { dirname } from "node:path";
import {
  AxonServerError,
  isControlDbName,
  type ServerSource,
  STORE_KINDS,
  type StoreKind,
} from "@axon-backup/axon-server";
import type { PathMapping } from "../config/types.js";
import { describeError } from "../errors/describe-error.js";
import type { Finding, FoundServer } from "./find-server.js";
import { withSource } from "./find-server.js";
import type { InitRequest } from "./request.js";

/** Something to mend, that keeps nothing from being written. */
export interface Hint {
  readonly message: string;
  readonly remedy: string | null;
}

/** Where the server's files are. */
export interface FoundFiles {
  /** Directories of this machine, each with a directory per context. */
  readonly storage: readonly string[];
  readonly paths: readonly PathMapping[];
  readonly controlDb: readonly string[];
  readonly hints: readonly Hint[];
}

/** Where a file that the server has is often found by another machine or container. */
const ELSEWHERE = ["/mnt", "/host", "/data"];

/**
 * Finds the directories that the server's files are in, by its listings, and whether this user can read them. Where they aren't there, whoever sits at the
 * terminal is asked where this machine has them.
 */
export async function findFiles(
  server: FoundServer,
  contexts: readonly string[],
  request: InitRequest,
  finding: Finding,
): Promise<FoundFiles> {
  const mappings: PathMapping[] = [...request.paths];
  const hints: Hint[] = [];
  const roots = new Set<string>();
  let looked = await look(server, contexts, mappings, request.storage, finding);
  for (const root of looked.missing) {
    const isMapped = request.paths.some((path) => `${root}/`.startsWith(`${path.local}/`));
    const local = isMapped ? undefined : await whereIs(root, looked.example.get(root) ?? root, finding);
    if (local === undefined) hints.push(missing(root));
    else mappings.push({ server: root, local });
  }
  if (mappings.length > request.paths.length)
    looked = await look(server, contexts, mappings, request.storage, finding);
  for (const root of looked.roots) roots.add(root);
  hints.push(...looked.hints);
  const storage = request.storage.length > 0 ? request.storage : withoutNested([...roots].sort());
  const controlDb = request.controlDb.length > 0 ? request.controlDb : await findControlDb(storage, finding);
  return { storage, paths: mappings, controlDb, hints };
}

interface Looked {
  /** Where the directories of the contexts are, on this machine. */
  readonly roots: ReadonlySet<string>;
  /** Of these, as the server names them, those that aren't there; and a file in each. */
  readonly missing: ReadonlySet<string>;
  readonly example: ReadonlyMap<string, string>;
  readonly hints: readonly Hint[];
}

async function look(
  server: FoundServer,
  contexts: readonly string[],
  mappings: readonly PathMapping[],
  storage: readonly string[],
  finding: Finding,
): Promise<Looked> {
  const roots = new Set<string>();
  const missing = new Set<string>();
  const example = new Map<string, string>();
  const hints = new Map<string, Hint>();
  await withSource(
    server,
    mappings,
    finding,
    async (source) => {
      for (const context of contexts)
        for (const store of STORE_KINDS)
          try {
            const { path, problem } = await tryStore(source, context, store, finding.signal);
            for (const root of path.map((each) => dirname(dirname(each)))) roots.add(root);
            if (problem === undefined) continue;
            const root = dirname(dirname(problem.path));
            if (problem.error.kind === "vanished") {
              missing.add(root);
              example.set(root, problem.path);
            } else hints.set(problem.error.message, hintOf(problem.error));
          } catch (error) {
            finding.signal.throwIfAborted();
            const hint = hintOf(error);
            hints.set(hint.message, { ...hint, message: `${context} ${store}: ${hint.message}` });
          }
    },
    storage,
  );
  return { roots, missing, example, hints: [...hints.values()] };
}

/** Lists a store, and reads from its first closed and its last open segment. */
async function tryStore(source: ServerSource, context: string, store: StoreKind, signal: AbortSignal) {
  const { closed, open } = await source.list(context, store, undefined, signal);
  for (const file of [closed[0], open.at(-1)])
    try {
      if (file === undefined) continue;
      const handle = await source.open(file);
      try {
        await handle.read(new Uint8Array(1), 0);
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (!(error instanceof AxonServerError) || file === undefined) throw error;
      return { path: [...closed, ...open].map(({ path }) => path), problem: { path: file.path, error } };
    }
  return { path: [...closed, ...open].map(({ path }) => path), problem: undefined };
}

function hintOf(error: unknown): Hint {
  const { message, remedy } = describeError(error);
  return { message, remedy: remedy ?? null };
}

/** Where this machine has a directory of the server's; undefined if nobody knows. */
async function whereIs(root: string, file: string, { questions }: Finding): Promise<string | undefined> {
  let proposal = "";
  for (const prefix of ELSEWHERE)
    if (proposal === "" && (await canRead(`${prefix}${file}`))) proposal = `${prefix}${root}`;
  if (questions.asks)
    questions.say(`The server has its files in ${root}, and this machine doesn't have them there.`);
  const answer = await questions.text(`Where does this machine have ${root} (empty: not yet)`, proposal);
  return answer.startsWith("/") ? answer.replace(/(?<=.)\/+$/, "") : undefined;
}

function missing(root: string): Hint {
  return {
    message: `the server has its files in ${root}, and this machine doesn't have them there`,
    remedy: `Mount that directory here. If it is elsewhere here, say so under server.paths in agent.yaml, and set server.storage to it, or run init with --path ${root}=DIR.`,
  };
}

/** Directories below others need not be named. */
function withoutNested(sorted: readonly string[]): readonly string[] {
  return sorted.filter((root) => !sorted.some((other) => other !== root && root.startsWith(`${other}/`)));
}

/** The directory of control DB backups, where one is found beside the storage: only its zips tell. */
async function findControlDb(storage: readonly string[], { questions }: Finding): Promise<readonly string[]> {
  const found: string[] = [];
  for (const directory of new Set(storage.flatMap((root) => [root, dirname(root)])))
    for (const place of [directory, ...(await foldersIn(directory))])
      if (!found.includes(place) && (await namesIn(place)).some(isControlDbName)) found.push(place);
  const answer = await questions.text(
    "Directory of the control DB's backups (axoniq.axonserver.controldb-backup-location; empty: not known)",
    found[0] ?? "",
  );
  return answer.startsWith("/") ? [...new Set([answer, ...(answer === found[0] ? found : [])])] : [];
}

async function foldersIn(directory: string): Promise<readonly string[]> {
  if (directory === "/") return [];
  try {
    const entries = await readdir(directory, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${directory}/${name}`);
  } catch {
    // What can't be read has nothing to find.
    return [];
  }
}

async function namesIn(directory: string): Promise<readonly string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}

async function canRead(path: string): Promise<boolean> {
  try {
    await access(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
