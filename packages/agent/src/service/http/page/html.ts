import { printable } from "../../../output/printable.js";

/** HTML that is right as it is: made by `html`, and by nothing else. */
export class Html {
  constructor(readonly text: string) {}
}

/** What can stand in a template. Text is escaped; false and undefined are left out. */
export type Content = string | number | Html | false | undefined | readonly Content[];

/** HTML from a template. Whatever stands in it that isn't `Html` itself is shown as text, in elements and in quoted attributes. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(compact(parts).reduce((text, part, i) => text + textOf(contents[i - 1]) + part));
}

const COMPACT = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The template without its indentation. */
function compact(parts: TemplateStringsArray): readonly string[] {
  const known = COMPACT.get(parts);
  if (known) return known;
  const made = parts.map((part) => part.replace(/\s*\n\s*/g, "\n"));
  COMPACT.set(parts, made);
  return made;
}

function textOf(content: Content): string {
  if (content instanceof Html) return content.text;
  if (typeof content === "string") return escaped(content);
  if (typeof content === "number") return String(content);
  if (content === undefined || content === false) return "";
  return content.map(textOf).join("");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escaped(text: string): string {
  return printable(text).replace(/[&<>"']/g, (char) => ENTITIES[char] ?? char);
}
