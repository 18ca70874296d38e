// Writes docs/configuration.md: what stands in scripts/configuration-head.md, and a table for each section of the configuration's schemas.
// `node scripts/configuration-reference.mjs --print` writes the page to standard output instead.
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { format, resolveConfig } from "prettier";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const agent = join(root, "packages/agent/dist");
const page = join(root, "docs/configuration.md");

/** The whole page. */
export async function configurationReference() {
  const { AGENT_SCHEMA } = await import(join(agent, "config/agent-schema.js"));
  const { SINK_KEYS, sinkSchema } = await import(join(agent, "config/sink-schema.js"));
  const { SINK_SERVICE_KEYS } = await import(join(agent, "config/sink-service.js"));
  const { SECRET_KEYWORD } = await import(join(agent, "secrets/reference.js"));
  const { installedPlugins } = await import(join(agent, "composition/plugins.js"));
  const tables = tablesWith(SECRET_KEYWORD);

  const ofService = Object.keys(SINK_SERVICE_KEYS);
  const both = Object.fromEntries(ofService.map((key) => [key, AGENT_SCHEMA.properties[key]]));
  const sinks = [];
  for (const type of installedPlugins().types()) {
    const { plugin } = await installedPlugins().load(type, root);
    const { properties, required } = sinkSchema(plugin.optionsSchema);
    const options = without(properties, Object.keys(SINK_KEYS));
    sinks.push(
      `### Sinks of type ${type}`,
      `${plugin.description}. More in [the plugin's own page](../plugins/${type}/README.md). At a time: ${plugin.connections ?? 4} calls, unless \`connections\` says otherwise.`,
      ...tables({ properties: options, required }, "####"),
    );
  }
  return pretty(
    [
      readFileSync(join(root, "scripts/configuration-head.md"), "utf8"),
      "## agent.yaml",
      ...tables({ ...AGENT_SCHEMA, properties: without(AGENT_SCHEMA.properties, ofService) }),
      "## What the service does, and when",
      `Sections that \`agent.yaml\` and each sink's file may have${exceptions(both, SINK_SERVICE_KEYS)}.`,
      ...tables({ properties: both }),
      "## sinks.d/NAME.yaml",
      "What every sink's file may have, whatever its type, besides the sections above; then the options of each type.",
      ...tables({ properties: without(SINK_KEYS, ofService), required: ["type"] }),
      ...sinks,
    ].join("\n\n"),
  );
}

/** What agent.yaml's sections have and a sink's don't. */
function exceptions(agents, sinks) {
  const only = Object.entries(agents).flatMap(([name, { properties }]) =>
    Object.keys(without(properties, Object.keys(sinks[name].properties))).map((key) => `\`${name}.${key}\``),
  );
  return only.length === 0 ? "" : `; ${only.join(", ")} is agent.yaml's alone`;
}

/** Makes tables of a schema: one of the keys without a section of their own, and one for each section. */
const tablesWith = (secretKeyword) =>
  function tables({ properties, required = [] }, mark = "###", path = "") {
    const parts = Object.entries(properties).map(([key, schema]) => ({
      key,
      schema,
      inner: innerOf(schema),
    }));
    const plain = parts.filter(({ inner }) => inner === undefined);
    const rows = plain.map(({ key, schema }) => {
      const must = required.includes(key) ? "**Required.** " : "";
      return `| \`${key}\` | ${valueOf(schema, secretKeyword)} | ${must}${meaningOf(schema)} |`;
    });
    return [
      ...(rows.length === 0
        ? []
        : [["| key | value | meaning |", "| --- | --- | --- |", ...rows].join("\n")]),
      ...parts.flatMap(({ key, schema, inner }) => {
        if (inner === undefined) return [];
        const name = `${path}${key}${schema.type === "array" ? "[]" : ""}`;
        const text = [schema.description, schema.items?.description].filter(Boolean).join(" ");
        return [
          `${mark} \`${name}\``,
          `${required.includes(key) ? "**Required.** " : ""}${text}`,
          ...tables(inner, mark, `${name}.`),
        ];
      }),
    ];
  };

/** The keys below a key, if it is a section or a list of them. */
function innerOf(schema) {
  if (schema.properties) return schema;
  return schema.items?.properties ? schema.items : undefined;
}

const FORMS = new Map([
  ["^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$", "duration"],
  ["^(never|[0-9]+(\\.[0-9]+)?(ms|s|m|h|d))$", "duration, `never`"],
  ["^never$|^[0-9]+(\\.[0-9]+)?(ms|s|m|h|d)$", "duration, `never`"],
  ["^[0-9]+(\\.[0-9]+)?(h|d|w|y)$", "span"],
  ["^[0-9]+(\\.[0-9]+)?(KiB|MiB|GiB|kB|MB|GB)$", "size"],
  ["^/", "absolute path"],
  ["^(/|~/)", "path from `/` or `~/` on"],
  ["^[1-9][0-9]*/(s|m|h|d)$", "`60/h` and the like"],
]);

/** What may stand behind the colon. */
function valueOf(schema, secretKeyword) {
  if (schema[secretKeyword] === true || schema.else?.[secretKeyword])
    return schema.then ? "`https://…`, `http://…`, or secret" : "secret";
  if (schema[secretKeyword] === "path-allowed") return "absolute path, or secret";
  if (schema.enum) return schema.enum.map((value) => `\`${value}\``).join(", ");
  if (schema.oneOf) return schema.oneOf.map((each) => valueOf(each, secretKeyword)).join(", or ");
  const types = [schema.type ?? "string"].flat();
  return types.map((type) => ofType(type, schema, secretKeyword)).join(", or ");
}

function ofType(type, schema, secretKeyword) {
  switch (type) {
    case "array":
      return `list of: ${valueOf(schema.items, secretKeyword)}`;
    case "boolean":
      return "`true`, `false`";
    case "integer":
      return `integer${rangeOf(schema)}`;
    case "object":
      return "names and values";
    default:
      return FORMS.get(schema.pattern) ?? "text";
  }
}

function rangeOf({ minimum, maximum }) {
  if (minimum !== undefined && minimum === maximum) return ` ${minimum}`;
  if (minimum !== undefined && maximum !== undefined) return ` ${minimum} to ${maximum}`;
  return minimum === undefined ? "" : ` from ${minimum}`;
}

/** How the values are written that the page explains once, at its beginning. */
const EXPLAINED = / (A number and ms, s, m, h or d: 10s|A number and h, d, w or y: 14d)\.$/;

/** The description, and the default where it doesn't say one. */
function meaningOf({ description = "", default: value }) {
  const said = value === undefined || /default/i.test(description);
  const meaning = description.replace(EXPLAINED, "");
  return `${meaning}${said ? "" : ` Default \`${value}\`.`}`.replaceAll("|", "\\|");
}

function without(properties, keys) {
  return Object.fromEntries(Object.entries(properties).filter(([key]) => !keys.includes(key)));
}

async function pretty(text) {
  return format(text, { ...(await resolveConfig(page)), parser: "markdown" });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = await configurationReference();
  if (process.argv.includes("--print")) process.stdout.write(text);
  else writeFileSync(page, text);
}
