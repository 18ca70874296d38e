import type { JsonSchema } from "@axon-backup/sink";
import { stringify } from "yaml";
import { SECRET_KEYWORD } from "../secrets/reference.js";

/** Columns that comments take at most, indentation included. */
const WIDTH = 100;

type Values = Readonly<Record<string, unknown>>;

/** What to write. */
export interface Template {
  /** Of an object; its keys' descriptions become the comments. */
  readonly schema: JsonSchema;
  /** What is set. Everything else is there as well, commented out. */
  readonly values: Values;
  /** The value that stands at a key that isn't set, by its path, as `server.tls.ca`; undefined: what the schema gives. */
  readonly example: (path: string) => unknown;
  /** Keys that are left out when they aren't set, by their paths. */
  readonly without?: ReadonlySet<string>;
}

/**
 * A YAML file with every key of a schema, each below its description: set ones first, the others commented out. A section that isn't set stands there whole:
 * without the # at the beginning of its lines, it is one.
 */
export function commentedYaml(template: Template): string {
  return `${keys(template, template.schema, template.values, "").join("\n")}\n`;
}

function keys(template: Template, schema: JsonSchema, values: Values, path: string): readonly string[] {
  const properties = (schema["properties"] ?? {}) as Readonly<Record<string, JsonSchema>>;
  const names = [
    ...Object.keys(values),
    ...Object.keys(properties).filter((name) => !Object.hasOwn(values, name)),
  ];
  const blocks = names.flatMap((name) => {
    const at = path === "" ? name : `${path}.${name}`;
    const property = properties[name] ?? {};
    if (Object.hasOwn(values, name)) return [block(template, property, name, values[name], at)];
    if (template.without?.has(at) === true) return [];
    const lines = block(template, property, name, template.example(at) ?? fallback(property, at), at);
    // Descriptions are comments as they are.
    const first = lines.findIndex((line) => !line.startsWith("#"));
    return [[...lines.slice(0, first), ...lines.slice(first).map((line) => `#${line}`)]];
  });
  // Top-level keys are chapters.
  return path === "" ? blocks.flatMap((lines, i) => (i === 0 ? lines : ["", ...lines])) : blocks.flat();
}

/** A key below its description. */
function block(
  template: Template,
  schema: JsonSchema,
  name: string,
  value: unknown,
  path: string,
): readonly string[] {
  const { description } = schema;
  const comment = typeof description === "string" ? wrapped(description, path) : [];
  if (isSection(schema) && isValues(value)) {
    const inner = keys(template, schema, value, path);
    return [...comment, `${name}:`, ...inner.map((line) => `  ${line}`)];
  }
  if (Array.isArray(value) && value.some(hasSections))
    return [
      ...comment,
      `${name}:`,
      ...stringify(value, { lineWidth: 0 })
        .trimEnd()
        .split("\n")
        .map((line) => `  ${line}`),
    ];
  return [...comment, `${name}: ${scalar(value)}`];
}

/** Whether it is too much for one line. */
function hasSections(value: unknown): boolean {
  return isValues(value) && Object.values(value).some(isValues);
}

function isSection(schema: JsonSchema): boolean {
  return "properties" in schema;
}

function isValues(value: unknown): value is Values {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function scalar(value: unknown): string {
  return stringify(value, { collectionStyle: "flow", lineWidth: 0 }).trimEnd();
}

/** Something that stands for a value nobody knows yet. */
function fallback(schema: JsonSchema, path: string): unknown {
  if ("default" in schema) return schema["default"];
  if (SECRET_KEYWORD in schema) return { file: `/etc/axon-backup/secrets/${path.replaceAll(/[._]/g, "-")}` };
  const [first] = (schema["enum"] ?? []) as readonly unknown[];
  if (first !== undefined) return first;
  if (isSection(schema)) return {};
  switch (schema["type"]) {
    case "boolean":
      return true;
    case "integer":
    case "number":
      return schema["minimum"] ?? 0;
    case "array":
      return [];
    case "object":
      return {};
    default:
      return schema["pattern"] === "^/" ? `/etc/axon-backup/${path.replaceAll(".", "-")}` : "";
  }
}

/** Text as comment lines. */
function wrapped(text: string, path: string): readonly string[] {
  const room = WIDTH - 2 - 2 * path.split(".").length;
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/)) {
    if (line !== "" && line.length + 1 + word.length > room) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line].map((each) => `# ${each}`);
}
