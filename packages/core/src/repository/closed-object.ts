import type { ClosedFile } from "./manifest.js";

/** The name of a closed file's object in its store's folder. */
export function objectOf({ name, object }: Pick<ClosedFile, "name" | "object">): string {
  return object ?? name;
}

/**
 * The name of an object that can take the place of this one, which stays: the first of `<name>@2`, `<name>@3`, … that isn't there.
 * @param sizeOf the size of an object of the store; undefined when there is none
 */
export function freeObject(
  { name }: Pick<ClosedFile, "name">,
  sizeOf: (object: string) => number | undefined,
): string {
  for (let number = 2; ; number++) {
    const object = `${name}@${number}`;
    if (sizeOf(object) === undefined) return object;
  }
}
