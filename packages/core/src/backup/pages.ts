import { objectOf } from "../repository/closed-object.js";
import type { ClosedFile, PageReference } from "../repository/manifest.js";

/** How many files a page lists. A manifest holds fewer than this many entries itself, however large the store. */
export const PAGE_FILES = 512;

/** How closed files are spread over pages and the manifest. */
export interface Pagination {
  /** Pages of the newest restore point that stay as they are. */
  readonly kept: readonly PageReference[];
  /** Pages to be written, behind those. */
  readonly written: readonly (readonly ClosedFile[])[];
  /** The rest, for the manifest itself. */
  readonly recent: readonly ClosedFile[];
}

/**
 * Spreads closed files over pages. Pages of the newest restore point are kept as long as each of their files still is one of `files`, unchanged
 * and in place; in an undisturbed repository that is all of them, and only what is new is written.
 */
export function paginate(
  pages: readonly { readonly reference: PageReference; readonly files: readonly ClosedFile[] }[],
  files: readonly ClosedFile[],
  pageFiles = PAGE_FILES,
): Pagination {
  const kept: PageReference[] = [];
  let position = 0;
  for (const { reference, files: listed } of pages) {
    const start = position;
    if (!listed.every((file, index) => sameFile(file, files[start + index]))) break;
    kept.push(reference);
    position += listed.length;
  }
  const written: ClosedFile[][] = [];
  for (; files.length - position >= pageFiles; position += pageFiles)
    written.push(files.slice(position, position + pageFiles));
  return { kept, written, recent: files.slice(position) };
}

function sameFile(one: ClosedFile, other: ClosedFile | undefined): boolean {
  if (other === undefined || objectOf(one) !== objectOf(other)) return false;
  const { name, size, sha256, problem } = other;
  return one.name === name && one.size === size && one.sha256 === sha256 && one.problem === problem;
}
