import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { controlDbKey, pageKey, restorePointKey, storeFileKey } from "../repository/layout.js";
import type {
  ClosedFile,
  ContextManifest,
  Manifest,
  OpenSegment,
  PageReference,
} from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { checkContextName, checkFileName } from "../restore/names.js";
import type { Report } from "./findings.js";

/** Restore points that share what they need: those of one page, or one alone. */
type Users = ReadonlySet<RestorePointId>;

/** What restore points need of an object's beginning, or of all of it. */
export interface Claim {
  readonly bytes: number;
  /** Of those bytes. */
  readonly sha256: string;
  /** Whether the object has these bytes and no more. */
  readonly whole: boolean;
  /** The token after the last event in them: known for open segments. */
  readonly nextToken: Token | undefined;
  /** That the segment was damaged on the server when it was stored is known, and reported: only its bytes are left to be checked. */
  readonly isKnownBad?: boolean;
  readonly users: Set<Users>;
}

/** An object and everything that is expected of it. */
export interface Requirement {
  readonly key: ObjectKey;
  readonly kind: "segment" | "index" | "control-db";
  /** The token of a segment's first event. */
  readonly first: Token | undefined;
  readonly claims: Claim[];
}

/** The segments of one store in one restore point, ascending, each in its newest version. */
export interface Chain {
  readonly restorePoint: RestorePointId;
  readonly where: string;
  readonly segments: readonly {
    readonly key: ObjectKey;
    readonly first: Token;
    readonly open: OpenSegment | undefined;
  }[];
  /** The store's, by the manifest. */
  readonly nextToken: Token;
}

const DAMAGED_PAGE = "is missing or damaged, and with it a part of the manifests that point to it";

/** Puts together what restore points need, each object once however many share it. */
export class Requirements {
  readonly objects = new Map<ObjectKey, Requirement>();
  /** Pages are shared by many restore points: each is read once. Undefined for a damaged one. */
  readonly #pages = new Map<
    string,
    { readonly files: readonly ClosedFile[] | undefined; readonly users: Set<RestorePointId> }
  >();

  constructor(
    private readonly repository: Repository,
    private readonly report: Report,
  ) {}

  /** Adds a restore point, and gives its chains. A damaged document is reported; what can still be told is added. */
  async add(id: RestorePointId): Promise<Chain[]> {
    const manifest = await this.#orReport(restorePointKey(id), id, () => this.repository.manifest(id));
    if (manifest === undefined) return [];
    try {
      return await this.#addManifest(manifest);
    } catch (error) {
      // A name that can't be: the manifest is not one of ours.
      if (!(error instanceof EngineError && error.kind === "damage")) throw error;
      this.report({ key: restorePointKey(id), finding: error.message, restorePoints: [id], mend: false });
      return [];
    }
  }

  async #addManifest(manifest: Manifest): Promise<Chain[]> {
    const { id, controlDb, repository } = manifest;
    if (repository !== this.repository.info.id)
      this.report({
        key: restorePointKey(id),
        finding: `is of the repository ${repository}, and this is ${this.repository.info.id}: objects of two repositories have got into one place`,
        restorePoints: [id],
        mend: false,
      });
    const alone = new Set([id]);
    this.#claim(
      controlDbKey(id),
      "control-db",
      undefined,
      { ...controlDb, bytes: controlDb.size, whole: true, nextToken: undefined },
      alone,
    );
    const chains: Chain[] = [];
    for (const context of manifest.contexts) {
      checkContextName(context.name);
      for (const store of STORE_KINDS) chains.push(...(await this.#addStore(id, alone, context, store)));
    }
    return chains;
  }

  async #addStore(
    id: RestorePointId,
    alone: Users,
    context: ContextManifest,
    store: StoreKind,
  ): Promise<Chain[]> {
    const { pages, recent, open, nextToken } = context[store];
    const newest = new Map<Token, Chain["segments"][number] & { readonly version: number }>();
    const add = (file: ClosedFile | OpenSegment, users: Users): void => {
      const { kind, ...name } = checkFileName(file.name, store);
      const isOpen = "validBytes" in file;
      const object = isOpen ? file.name : objectOf(file);
      const key = storeFileKey(context.name, context.timeline, store, object);
      const problem = isOpen ? undefined : file.problem;
      if (problem !== undefined) this.#reportKnown(key, problem, users);
      const first = kind === "segment" && "segment" in name ? name.segment : undefined;
      const version = "version" in name ? name.version : 0;
      const content = isOpen
        ? { bytes: file.validBytes, whole: false, nextToken: file.nextToken }
        : { bytes: file.size, whole: true, nextToken: undefined };
      this.#claim(
        key,
        kind === "segment" ? kind : "index",
        first,
        { sha256: file.sha256, ...content, isKnownBad: problem !== undefined },
        users,
      );
      if (kind !== "segment" || first === undefined || version < (newest.get(first)?.version ?? 0)) return;
      newest.set(first, { key, first, version, open: isOpen ? file : undefined });
    };
    let whole = true;
    for (const reference of pages) {
      const page = await this.#page(reference, id);
      for (const file of page.files ?? []) add(file, page.users);
      whole &&= page.files !== undefined;
    }
    for (const file of [...recent, ...open]) add(file, alone);
    if (!whole) return [];
    const segments = [...newest.values()].sort((a, b) => a.first - b.first);
    return [{ restorePoint: id, where: `${context.name} (${store})`, segments, nextToken }];
  }

  async #page(
    reference: PageReference,
    id: RestorePointId,
  ): Promise<{ files: readonly ClosedFile[] | undefined; users: Set<RestorePointId> }> {
    const key = pageKey(reference.sha256);
    const known = this.#pages.get(key);
    if (known !== undefined) {
      known.users.add(id);
      if (known.files === undefined)
        this.report({ key, finding: DAMAGED_PAGE, restorePoints: [id], mend: false, mendedAnyway: true });
      return known;
    }
    const content = await this.#orReport(key, id, () => this.repository.page(reference), DAMAGED_PAGE);
    const page = { files: content?.files, users: new Set([id]) };
    this.#pages.set(key, page);
    return page;
  }

  #reportKnown(key: ObjectKey, problem: string, users: Users): void {
    this.report({
      key,
      finding: `was damaged already when it was stored: it ${problem}. Each backup looks whether the server's file is whole by now`,
      restorePoints: users,
      mend: false,
    });
  }

  #claim(
    key: ObjectKey,
    kind: Requirement["kind"],
    first: Token | undefined,
    claim: Omit<Claim, "users">,
    users: Users,
  ): void {
    let object = this.objects.get(key);
    if (object === undefined) this.objects.set(key, (object = { key, kind, first, claims: [] }));
    const { bytes, sha256, whole, nextToken, isKnownBad = false } = claim;
    const same = object.claims.find(
      (other) => other.bytes === bytes && other.sha256 === sha256 && other.whole === whole,
    );
    if (same) same.users.add(users);
    else object.claims.push({ bytes, sha256, whole, nextToken, isKnownBad, users: new Set([users]) });
  }

  /** Undefined when the document is damaged, which is reported. */
  async #orReport<T>(
    key: ObjectKey,
    id: RestorePointId,
    read: () => Promise<T>,
    finding?: string,
  ): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof EngineError && error.kind === "damage")) throw error;
      this.report({
        key,
        finding: finding ?? error.message,
        restorePoints: [id],
        mend: false,
        mendedAnyway: finding === DAMAGED_PAGE,
      });
      return undefined;
    }
  }
}

/** The restore points that a claim is of. */
export function usersOf({ users }: Pick<Claim, "users">): Set<RestorePointId> {
  const all = new Set<RestorePointId>();
  for (const group of users) for (const id of group) all.add(id);
  return all;
}
