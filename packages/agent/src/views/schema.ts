import type { JsonSchema } from "@axon-backup/sink";

/** A schema as a file for editors. */
export function schemaText(schema: JsonSchema): string {
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}
