import {
  type Document,
  type ErrorCode,
  isMap,
  isScalar,
  LineCounter,
  parseDocument,
  type Range,
  visit,
  type YAMLMap,
} from "yaml";
import { readSmallFile, UnsuitableFile } from "../files/read-small-file.js";
import type { ConfigurationProblem } from "./problem.js";

/** Configuration is small; more is a wrong file. */
const MAX_BYTES = 1024 * 1024;

/** A parsed file: its content as plain data, and where each key stands. */
export interface YamlFile {
  readonly path: string;
  readonly content: unknown;
  /** Where the value under a JSON pointer stands; of its key, with `"key"`. The nearest parent's, if it isn't there. */
  position(
    pointer: readonly string[],
    what: "key" | "value",
  ): { readonly line: number; readonly column: number };
}

const BAD_ALIAS = "* begins an alias, and there is no such anchor; put text that begins with * in quotes";

/**
 * Our own words for what the parser finds: its texts quote the file, and the file may hold a secret where none belongs.
 */
const PARSE_PROBLEMS: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS,
  BAD_INDENT: "wrong indentation: the keys of one section must begin in the same column",
  BAD_SCALAR_START: "text can't begin with this character; put it in quotes",
  BAD_DQ_ESCAPE: "unknown escape sequence in double quotes; use single quotes for text with backslashes",
  BLOCK_AS_IMPLICIT_KEY:
    "a nested value can't stand on the line of its key; put text that holds a colon in quotes",
  DUPLICATE_KEY: "this key is there twice",
  MISSING_CHAR: "something is missing: a colon behind a key, a space, a closing quote or bracket",
  MULTILINE_IMPLICIT_KEY: "a key must be on one line, with a colon behind it",
  MULTIPLE_DOCS: "the file holds several documents (---); there must be one",
  NON_STRING_KEY: "keys must be text",
  TAB_AS_INDENT: "a tab; YAML is indented with spaces",
  TAG_RESOLVE_FAILED: "! begins a tag, and it isn't known; put text that begins with ! in quotes",
  UNEXPECTED_TOKEN: "this is not YAML; a key, a colon and a space belong before a value",
};

/**
 * Reads and parses a file.
 * @returns the file, or all problems of its form
 * @throws the system's error when it can't be read
 */
export async function readYamlFile(
  path: string,
  signal?: AbortSignal,
): Promise<YamlFile | readonly ConfigurationProblem[]> {
  try {
    return parseYaml(path, (await readSmallFile(path, MAX_BYTES, signal)).bytes);
  } catch (error) {
    if (!(error instanceof UnsuitableFile)) throw error;
    return [{ file: path, key: "", message: `the file ${error.message}` }];
  }
}

/** Parses a file's bytes. */
export function parseYaml(path: string, bytes: Uint8Array): YamlFile | readonly ConfigurationProblem[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return [{ file: path, key: "", message: "the file isn't UTF-8 text" }];
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    stringKeys: true,
    merge: false,
  });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const problems = [...document.errors, ...document.warnings].map((error): ConfigurationProblem => ({
    file: path,
    ...at(error.pos[0]),
    key: "",
    message: PARSE_PROBLEMS[error.code] ?? `this is not YAML (${error.code})`,
  }));
  if (problems.length > 0) return problems;
  visit(document, {
    Alias: (_key, alias) => {
      if (alias.resolve(document) !== undefined) return;
      problems.push({ file: path, ...at(alias.range?.[0] ?? 0), key: "", message: BAD_ALIAS });
    },
  });
  if (problems.length > 0) return problems;
  let content: unknown;
  try {
    // Aliases may be used; what grows to more than this by them is a bomb.
    content = document.toJS({ maxAliasCount: 50 });
  } catch {
    return [
      { file: path, key: "", message: "too many aliases (*), or aliases of aliases; write the values out" },
    ];
  }
  return { path, content, position: (pointer, what) => at(find(document, pointer, what)?.[0] ?? 0) };
}

/** The range of what `pointer` names, or of the nearest parent that is there. */
function find(
  document: Document,
  pointer: readonly string[],
  what: "key" | "value",
): Range | undefined | null {
  let node: unknown = document.contents;
  let range = rangeOf(node);
  for (const [depth, part] of pointer.entries()) {
    const pair = isMap(node) ? pairOf(node, part) : undefined;
    const child: unknown = pair ? pair.value : hasItems(node) ? node.items[Number(part)] : undefined;
    if (child === undefined) return range;
    const last = depth === pointer.length - 1;
    const wanted = pair && (what === "key" || !last || rangeOf(child) === undefined) ? pair.key : child;
    range = rangeOf(wanted) ?? range;
    node = child;
  }
  return range;
}

function pairOf(map: YAMLMap, key: string) {
  return map.items.find((pair) => (isScalar(pair.key) ? String(pair.key.value) : String(pair.key)) === key);
}

function hasItems(node: unknown): node is { readonly items: readonly unknown[] } {
  return (
    typeof node === "object" && node !== null && "items" in node && Array.isArray(node.items) && !isMap(node)
  );
}

function rangeOf(node: unknown): Range | undefined | null {
  return typeof node === "object" && node !== null && "range" in node
    ? (node.range as Range | null)
    : undefined;
}
