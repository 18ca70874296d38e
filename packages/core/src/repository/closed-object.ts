import type { ClosedFile } from "./manifest.js";

/** The name of a closed file's object in its store's folder. */
export function objectOf({ name, object }: Pick<ClosedFile, "name" | "object">): string {
  return object ?? name;
}

/** The object that takes the place of this one, which stays: `<name>@2`, `<name>@3`, … */
export function nextObject(file: Pick<ClosedFile, "name" | "object">): string {
  const number = Number(objectOf(file).slice(file.name.length + 1)) || 1;
  return `${file.name}@${number + 1}`;
}
