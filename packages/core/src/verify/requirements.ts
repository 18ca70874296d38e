import { STORE_KINDS, type StoreKind, type Token } from "@axon-backup/axon-server";
import type { ObjectKey } from "@axon-backup/sink";
import { EngineError } from "../errors.js";
import { objectOf } from "../repository/closed-object.js";
import { endOf } from "../repository/head.js";
import { controlDbKeyOf, pageKey, restorePointKey, storeFileKey } from "../repository/layout.js";
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
import { checkContinuity, type Link, type OpenQuestion } from "./continuity.js";
import type { Report } from "./findings.js";

/** Restore points that share what they need: those of one page, or one alone. */
export type Users = ReadonlySet<RestorePointId>;

/** What restore points need of an object's beginning, or of all of it. */
export interface Claim {
  readonly bytes: number;
  /** Of those bytes. */
  readonly sha256: string;
  /** Whether the object has these bytes and no more. */
  readonly whole: boolean;
  /** The token after the last event in them, where it was recorded and could be told. */
  readonly nextToken: Token | undefined;
  /** That the segment was damaged on the server when it was stored is known, and reported: only its bytes are left to be checked. */
  readonly isKnownBad?: boolean;
  /** An array, for one in most cases: there are tens of thousands of claims. */
  readonly users: Users[];
}

/** An object and everything that is expected of it. */
export interface Requirement {
  readonly key: ObjectKey;
  readonly kind: "segment" | "index" | "control-db";
  /** The token of a segment's first event. */
  readonly first: Token | undefined;
  readonly claims: Claim[];
}

/** A file of a manifest or a page, as far as it is needed again. */
interface Filed {
  readonly key: ObjectKey;
  readonly link: Link | undefined;
  /** What was wrong with it already when it was stored. */
  readonly problem: string | undefined;
}

const DAMAGED_PAGE = "is missing or damaged, and with it a part of the manifests that point to it";

/** Puts together what restore points need, each object once however many share it. */
export class Requirements {
  readonly objects = new Map<ObjectKey, Requirement>();
  /** Segments whose end nobody recorded: where each should be. */
  readonly questions: OpenQuestion[] = [];
  /** Where stores begin that don't begin with their first event. */
  readonly beginnings = new Set<string>();
  /** The restore points that these ones inherit from. */
  readonly parents = new Set<RestorePointId>();
  /** The runs whose control DB others have than their own restore point. */
  readonly borrowed = new Set<RestorePointId>();
  /** Whether every manifest and page could be read, so that whatever isn't among the objects is needed by none. */
  isComplete = true;
  /** Pages are shared by many restore points: each is read once. Without files when it is damaged. */
  readonly #pages = new Map<
    string,
    { readonly files?: readonly Filed[]; readonly users: Set<RestorePointId> }
  >();

  constructor(
    private readonly repository: Repository,
    private readonly report: Report,
  ) {}

  /** Adds a restore point. A damaged document is reported; what can still be told is added. */
  async add(id: RestorePointId): Promise<void> {
    const key = restorePointKey(id);
    const manifest = await this.#orReport(key, id, () => this.repository.manifest(id));
    if (manifest !== undefined) await this.addManifest(manifest, key);
  }

  /** Adds a restore point, or the head. @param document the key of the document that says what it needs */
  async addManifest(manifest: Manifest, document: ObjectKey): Promise<void> {
    try {
      await this.#addNeeds(manifest, document);
    } catch (error) {
      // A name that can't be: the manifest is not one of ours.
      if (!(error instanceof EngineError && error.kind === "damage")) throw error;
      this.#reportDocument(document, error.message, manifest.id);
    }
  }

  async #addNeeds(manifest: Manifest, document: ObjectKey): Promise<void> {
    const { id, controlDb, parent, repository } = manifest;
    if (repository !== this.repository.info.id)
      this.#reportDocument(
        document,
        `is of the repository ${repository}, and this is ${this.repository.info.id}: objects of two repositories have got into one place`,
        id,
      );
    if (parent !== null) this.parents.add(parent);
    if (controlDb.run !== undefined) this.borrowed.add(controlDb.run);
    const alone = new Set([id]);
    this.#claim(
      controlDbKeyOf(manifest),
      "control-db",
      undefined,
      { ...controlDb, bytes: controlDb.size, whole: true, nextToken: undefined },
      alone,
    );
    for (const context of manifest.contexts) {
      checkContextName(context.name);
      for (const store of STORE_KINDS) await this.#addStore(id, alone, context, store);
    }
  }

  async #addStore(
    id: RestorePointId,
    alone: Users,
    context: ContextManifest,
    store: StoreKind,
  ): Promise<void> {
    const { pages, recent, open, nextToken } = context[store];
    const links: Link[] = [];
    let whole = true;
    const take = ({ link, key, problem }: Filed): void => {
      if (link) links.push(link);
      if (problem !== undefined) this.#reportKnown(key, problem, id);
    };
    for (const reference of pages) {
      const page = await this.#page(reference, id, context, store);
      page?.forEach(take);
      whole &&= page !== undefined;
    }
    for (const file of [...recent, ...open]) take(this.#addFile(context, store, file, alone));
    if (!whole) return;
    const where = `${context.name} (${store})`;
    for (const question of checkContinuity({ restorePoint: id, where, links, nextToken }, this.report))
      this.questions.push(question);
    const first = links.reduce((least, link) => Math.min(least, link.first), Infinity);
    if (first > 0 && first < Infinity)
      this.beginnings.add(
        `${where} begins at token ${first}: the server didn't have what came before, or didn't list it`,
      );
  }

  /** Claims a file. */
  #addFile(
    { name: context, timeline }: ContextManifest,
    store: StoreKind,
    file: ClosedFile | OpenSegment,
    users: Users,
  ): Filed {
    const name = checkFileName(file.name, store);
    const isOpen = "validBytes" in file;
    const key = storeFileKey(context, timeline, store, isOpen ? file.name : objectOf(file));
    const problem = isOpen ? undefined : file.problem;
    const end = isOpen ? endOf(file) : file.nextToken;
    const content = isOpen ? { bytes: file.validBytes, whole: false } : { bytes: file.size, whole: true };
    const { sha256 } = file;
    const kind = name.kind === "segment" ? name.kind : "index";
    const first = name.kind === "segment" ? name.segment : undefined;
    this.#claim(
      key,
      kind,
      first,
      { sha256, nextToken: end, isKnownBad: problem !== undefined, ...content },
      users,
    );
    return { key, problem, link: first === undefined ? undefined : { key, first, end } };
  }

  /** The files of a page; undefined when it is damaged. */
  async #page(
    reference: PageReference,
    id: RestorePointId,
    context: ContextManifest,
    store: StoreKind,
  ): Promise<readonly Filed[] | undefined> {
    const key = pageKey(reference.sha256);
    let page = this.#pages.get(key);
    if (page === undefined) {
      const users = new Set<RestorePointId>();
      const content = await this.#orReport(key, id, () => this.repository.page(reference), DAMAGED_PAGE);
      page = content
        ? { users, files: content.files.map((file) => this.#addFile(context, store, file, users)) }
        : { users };
      this.#pages.set(key, page);
    } else if (page.files === undefined) this.#reportPage(key, id);
    page.users.add(id);
    return page.files;
  }

  #reportKnown(key: ObjectKey, problem: string, id: RestorePointId): void {
    this.report({
      key,
      finding: `was damaged already when it was stored: it ${problem}. Each backup looks whether the server's file is whole by now`,
      depth: "store",
      restorePoints: [id],
      mend: false,
    });
  }

  #reportPage(key: ObjectKey, id: RestorePointId): void {
    this.#reportDocument(key, DAMAGED_PAGE, id, true);
  }

  #reportDocument(key: ObjectKey, finding: string, id: RestorePointId, mendedAnyway = false): void {
    this.isComplete = false;
    this.report({ key, finding, depth: "objects", restorePoints: [id], mend: false, mendedAnyway });
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
      (other) =>
        other.bytes === bytes &&
        other.sha256 === sha256 &&
        other.whole === whole &&
        other.nextToken === nextToken,
    );
    if (same === undefined)
      object.claims.push({ bytes, sha256, whole, nextToken, isKnownBad, users: [users] });
    else if (same.users.at(-1) !== users) same.users.push(users);
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
      // The finding reads on after the key, the message begins with it.
      const told = finding ?? error.message.replace(`${key} `, "");
      this.#reportDocument(key, told, id, finding === DAMAGED_PAGE);
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
