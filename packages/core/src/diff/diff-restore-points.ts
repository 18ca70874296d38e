import { STORE_KINDS } from "@axon-backup/axon-server";
import { mapConcurrent } from "../concurrency.js";
import type { ClosedFile, Manifest, PageReference, StoreManifest } from "../repository/manifest.js";
import type { Repository } from "../repository/repository.js";
import type { RestorePointId } from "../repository/restore-point-id.js";
import { diffManifests, type RestorePointDiff } from "./diff.js";

/** How many pages are read at a time. */
const AT_ONCE = 4;

/**
 * What came between two restore points of a sink. Of a large store, only the pages that they don't share are read.
 * @throws EngineError `usage` when one of them isn't there; `damage`
 */
export async function diffRestorePoints(
  repository: Repository,
  before: RestorePointId,
  after: RestorePointId,
  signal?: AbortSignal,
): Promise<RestorePointDiff> {
  const manifests = [await repository.manifest(before), await repository.manifest(after)] as const;
  const [pagesBefore, pagesAfter] = [pagesOf(manifests[0]), pagesOf(manifests[1])];
  const others = [...pagesBefore, ...pagesAfter].filter(
    ([hash]) => !(pagesBefore.has(hash) && pagesAfter.has(hash)),
  );
  const contents = new Map<string, readonly ClosedFile[]>();
  await mapConcurrent(others, AT_ONCE, signal, async ([hash, reference]) => {
    contents.set(hash, (await repository.page(reference)).files);
  });
  const filesOf = ({ pages, recent }: StoreManifest): ClosedFile[] => [
    ...pages.flatMap(({ sha256 }) => contents.get(sha256) ?? []),
    ...recent,
  ];
  return diffManifests(manifests[0], manifests[1], filesOf);
}

function pagesOf({ contexts }: Manifest): Map<string, PageReference> {
  const pages = new Map<string, PageReference>();
  for (const context of contexts)
    for (const store of STORE_KINDS) for (const page of context[store].pages) pages.set(page.sha256, page);
  return pages;
}
