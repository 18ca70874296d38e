import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";
import { headOf } from "../repository/head.js";
import type { ContextManifest } from "../repository/manifest.js";
import type { RepositoryReader } from "./fallback-repository.js";
import type { Moment } from "./moment.js";
import { beforeAll, beyondHead, iso, retentionRemovedTime, severalContexts } from "./moment-errors.js";
import {
  type Candidate,
  type ContextContent,
  newestSegments,
  planRestore,
  type RestorePlan,
  retentionRemoved,
  type StoreContent,
} from "./plan.js";
import { findTime, findTransaction, type SearchTools } from "./search.js";
import { type Base, type Selected, selectBase, selectClosest, type Selection } from "./select.js";
import { checkTimelines, timelinesWith } from "./timelines.js";

/** What is to be restored: of which restore point, which contexts up to where. */
export interface Prepared extends Selected {
  readonly moment: Moment;
  readonly plan: RestorePlan;
}

/** What preparing needs of a repository. */
export type ReadRepository = Pick<
  RepositoryReader,
  "restorePoints" | "commits" | "manifest" | "closedFiles" | "page"
>;

export type PrepareTools = Omit<SearchTools, "context"> & { readonly repository: ReadRepository };

/**
 * Finds the restore point to restore from, and where each context is cut. With a token or a time, unless a restore point is named: the earliest one that has everything that is restored.
 * @throws EngineError `usage`, `damage`, `failed`
 */
export async function prepare(tools: PrepareTools, selection: Selection, moment: Moment): Promise<Prepared> {
  const base = await selectBase(tools.repository, selection, moment);
  const { manifest, contexts, isHead, cuts } = await momentIn(tools, base, selection, moment);
  const contents = await readContents(tools.repository, contexts);
  if (moment.kind === "token") for (const content of contents) checkKept(content, moment.token);
  const plan = planRestore(
    manifest,
    contents,
    new Map([...cuts].filter(([name, token]) => isCut(contexts, name, token))),
  );
  return { manifest, contexts, isHead, moment, plan };
}

type Cuts = ReadonlyMap<string, Token>;

async function momentIn(
  tools: PrepareTools,
  base: Base,
  selection: Selection,
  moment: Moment,
): Promise<Selected & { readonly cuts: Cuts }> {
  if (moment.kind === "head") return { ...base, cuts: new Map() };
  if (moment.kind === "time") {
    await checkTimelines(
      tools.repository,
      base,
      selection.restorePoint !== undefined,
      moment.time,
      tools.warn,
    );
    const cuts = await cutsAt(tools, base, moment.time);
    return { ...(await closest(tools, base, cuts)), cuts };
  }
  const { token, exclusive } = moment;
  const [context] = base.contexts;
  if (context === undefined || base.contexts.length > 1) throw severalContexts(base.manifest);
  const { name } = context;
  if (token >= context.events.nextToken)
    throw beyondHead(base.manifest, context, token, await timelinesWith(tools.repository, context, token));
  const behind: Cuts = new Map([[name, (token + 1) as Token]]);
  const found = await closest(tools, base, behind);
  if (!exclusive) return { ...found, cuts: behind };
  const before: Cuts = new Map([[name, await beginOf(tools, found, token)]]);
  return { ...(await closest(tools, { ...base, ...found }, before)), cuts: before };
}

/** A restore point that is named is the one that is taken. */
async function closest(tools: PrepareTools, base: Base, cuts: Cuts): Promise<Selected> {
  if (base.isNamed) return base;
  const older = base.older.filter((id) => id < base.manifest.id);
  return selectClosest(tools.repository, { ...base, older }, cuts, tools.warn);
}

/** The token that the transaction begins with that holds a token. */
async function beginOf(tools: PrepareTools, { contexts }: Selected, token: Token): Promise<Token> {
  const [content] = await readContents(tools.repository, contexts);
  if (!content) throw new RangeError("no context");
  const segment = checkKept(content, token);
  const context = content.context.name;
  const found = await findTransaction({ ...tools, context }, segment, token);
  if (found) return found.before.nextToken;
  throw new EngineError(
    "failed",
    `where the transaction begins that holds token ${token} of context ${context} can't be told: ${segment.name} can't be read up to there`,
    "Restore the whole restore point, or choose an earlier token.",
  );
}

/** Where each context is cut for a time. */
async function cutsAt(tools: PrepareTools, base: Base, time: number): Promise<Cuts> {
  const cuts = new Map<string, Token>();
  const empty: string[] = [];
  for (const content of await readContents(tools.repository, base.contexts)) {
    const context = content.context.name;
    const segments = newestSegments(content.context, "events", content.stores.events);
    const first = segments[0]?.first ?? (0 as Token);
    const boundary = await findTime({ ...tools, context }, segments, time);
    if (!boundary && first > 0) throw retentionRemovedTime(base.manifest, context, first, time);
    if (!boundary) empty.push(context);
    cuts.set(context, boundary?.nextToken ?? first);
  }
  if (empty.length === base.contexts.length) throw beforeAll(base.manifest, empty, time);
  for (const context of empty)
    tools.warn(`context ${context} has no event as old as ${iso(time)}: it is restored empty`);
  return cuts;
}

/** Whether anything is left out: with a head of an unknown format, there may be more behind the last token that can be told. */
function isCut(contexts: readonly ContextManifest[], name: string, cutBefore: Token): boolean {
  const context = contexts.find((candidate) => candidate.name === name);
  if (!context) return false;
  return cutBefore < context.events.nextToken || !headOf(context.events).exact;
}

/** The segment that holds a token, in its newest version. @throws EngineError `usage` when retention has removed it */
function checkKept({ context, stores }: ContextContent, token: Token): Candidate {
  const segments = newestSegments(context, "events", stores.events);
  const segment = segments.filter(({ first }) => first <= token).at(-1);
  if (segment) return segment;
  throw retentionRemoved(context.name, token, segments);
}

async function readContents(
  repository: ReadRepository,
  contexts: readonly ContextManifest[],
): Promise<ContextContent[]> {
  const contents: ContextContent[] = [];
  for (const context of contexts) {
    const stores: Partial<Record<StoreKind, StoreContent>> = {};
    for (const store of STORE_KINDS)
      stores[store] = { manifest: context[store], closed: await repository.closedFiles(context[store]) };
    contents.push({ context, stores: stores as ContextContent["stores"] });
  }
  return contents;
}
