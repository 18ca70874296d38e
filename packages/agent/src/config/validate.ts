import { Ajv2020, type ErrorObject, type ValidateFunction } from "ajv/dist/2020.js";
import type { JsonSchema } from "@axon-backup/sink";
import { SECRET_KEYWORD, secretReferenceProblem } from "../secrets/reference.js";
import type { ConfigurationProblem } from "./problem.js";
import { suggestKey } from "./suggest.js";
import type { YamlFile } from "./yaml-file.js";

/** What checking a file against its schema found. */
export interface Validation {
  readonly problems: readonly ConfigurationProblem[];
  /** Where the content holds references to secrets, as JSON pointers. */
  readonly secrets: readonly string[];
}

/**
 * Checks a file against its schema, and fills defaults in. All problems at once; none of them quotes a value.
 * @throws Error when the schema itself is wrong: a bug, or a plugin's
 */
export function validate(file: YamlFile, schema: JsonSchema): Validation {
  const secrets: string[] = [];
  const check = compile(schema, secrets);
  check(file.content);
  const problems = (check.errors ?? []).filter(isCause).map((error) => toProblem(file, schema, error));
  return { problems, secrets };
}

/** What is wrong with a schema that a stranger wrote; undefined when nothing is. */
export function schemaProblem(schema: JsonSchema): string | undefined {
  const draft = new Ajv2020({ allErrors: true, strict: false });
  try {
    if (draft.validateSchema(schema) !== true) return draft.errorsText(draft.errors, { dataVar: "schema" });
    compile(schema, []);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function compile(schema: JsonSchema, secrets: string[]): ValidateFunction {
  // Comparing the schemas with the draft's own takes longer than all the rest of a command's start: a test does that.
  const ajv = new Ajv2020({
    allErrors: true,
    strict: true,
    strictRequired: false,
    allowUnionTypes: true,
    useDefaults: true,
    validateSchema: false,
    // Each schema is used once: optimising its code costs more than it saves.
    code: { optimize: false },
  });
  const secret: NonNullable<Parameters<typeof ajv.addKeyword>[0]> = {
    keyword: SECRET_KEYWORD,
    errors: true,
    validate: function check(
      wanted: unknown,
      data: unknown,
      _parent: unknown,
      context?: { instancePath: string },
    ) {
      const problem = secretReferenceProblem(data, wanted === "path-allowed");
      if (context && problem === undefined) secrets.push(context.instancePath);
      if (problem !== undefined)
        (check as { errors?: Partial<ErrorObject>[] }).errors = [
          { keyword: SECRET_KEYWORD, message: problem, params: {} },
        ];
      return problem === undefined;
    },
  };
  ajv.addKeyword(secret);
  // Annotations of plugins' schemas: for documentation.
  for (const keyword of ["x-secret", "x-example"]) ajv.addKeyword(keyword);
  return ajv.compile(schema);
}

/** Errors of these keywords only say that another error is inside. */
function isCause(error: ErrorObject): boolean {
  return !["if", "oneOf", "anyOf", "allOf"].includes(error.keyword) || error.keyword === "oneOf";
}

function toProblem(file: YamlFile, schema: JsonSchema, error: ErrorObject): ConfigurationProblem {
  const path = parsePointer(error.instancePath);
  const params = error.params as Readonly<Record<string, unknown>>;
  const unknown = params["additionalProperty"] ?? params["unevaluatedProperty"];
  if (typeof unknown === "string") {
    const suggestion = suggestKey(schema, path, unknown);
    const message = suggestion === undefined ? "unknown key" : `unknown key; did you mean ${suggestion}?`;
    return problem(file, [...path, unknown], "key", message);
  }
  const missing = params["missingProperty"];
  if (typeof missing === "string") {
    const because =
      error.keyword === "dependentRequired" ? `, because ${String(params["property"])} is there` : "";
    return { ...problem(file, path, "key", `required${because}`), key: [...path, missing].join(".") };
  }
  return problem(file, path, "value", ruleText(error, path, schema));
}

function problem(
  file: YamlFile,
  path: readonly string[],
  what: "key" | "value",
  message: string,
): ConfigurationProblem {
  return { file: file.path, ...file.position(path, what), key: path.join("."), message };
}

/** What the value must be, in words. */
function ruleText(error: ErrorObject, path: readonly string[], schema: JsonSchema): string {
  const params = error.params as Readonly<Record<string, unknown>>;
  switch (error.keyword) {
    case "type":
      return `must be ${typeText(params["type"])}${hint(schemaAt(schema, path))}`;
    case "minimum":
    case "maximum": {
      const at = schemaAt(schema, path);
      return at?.pattern === undefined ? (error.message ?? "doesn't fit") : `doesn't fit${hint(at)}`;
    }
    case "enum":
      return `must be one of ${(params["allowedValues"] as readonly unknown[]).map(String).join(", ")}`;
    case "pattern":
      return patternText(String(params["pattern"]), path, schema);
    case "minLength":
    case "minItems":
      return params["limit"] === 1 ? "must not be empty" : (error.message ?? "is too short");
    case "uniqueItems":
      return `holds the same value twice (entries ${places(params).join(" and ")})`;
    default:
      return error.message ?? `doesn't fit (${error.keyword})`;
  }
}

/** Of the two equal entries, from 1. */
function places({ i, j }: Readonly<Record<string, unknown>>): readonly number[] {
  return [Number(i) + 1, Number(j) + 1].sort((a, b) => a - b);
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  object: "a section with keys",
  array: "a list",
  string: "text",
  integer: "a whole number",
  number: "a number",
  boolean: "true or false",
};

/** One type or several, in words. */
function typeText(types: unknown): string {
  const names = Array.isArray(types) ? types.map(String) : [String(types)];
  return names.map((name) => TYPE_WORDS[name] ?? name).join(", or ");
}

function patternText(pattern: string, path: readonly string[], schema: JsonSchema): string {
  if (pattern === "^/") return "must be an absolute path";
  const at = schemaAt(schema, path);
  return at?.description === undefined ? `must match ${pattern}` : `doesn't fit${hint(at)}`;
}

interface SchemaPart {
  readonly properties?: Readonly<Record<string, SchemaPart>>;
  readonly items?: SchemaPart;
  readonly description?: string;
  readonly pattern?: string;
}

/** What a text of a certain form, or a section that says when, looks like. */
function hint(schema: SchemaPart | undefined): string {
  if (schema?.properties?.["every"] && schema.properties["cron"])
    return ", as {every: 1h}; or {every: never}, for not at all";
  return schema?.pattern === undefined || schema.description === undefined
    ? ""
    : `. It is: ${schema.description}`;
}

function schemaAt(schema: unknown, path: readonly string[]): SchemaPart | undefined {
  let at = schema as SchemaPart | undefined;
  for (const part of path) at = at?.properties?.[part] ?? at?.items;
  return at;
}

function parsePointer(pointer: string): string[] {
  return pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}
