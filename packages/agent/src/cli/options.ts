import { isToken, token, type Token } from "@axon-backup/axon-server";
import { isRestorePointId, type RestorePointChoice } from "@axon-backup/core";
import type { SchemaRequest } from "../commands/schema.js";
import { UsageError } from "../errors/usage-error.js";

/** `latest`, `head`, or a restore point's id. */
export function parseRestorePoint(text: string): RestorePointChoice {
  if (text === "latest" || text === "head" || isRestorePointId(text)) return text;
  throw new UsageError(
    `${JSON.stringify(text.slice(0, 80))} is not a restore point`,
    "Write latest, head, or an id as `axon-backup list` shows it, 20261124T055901.123Z for instance.",
  );
}

/** A token: a whole number from 0 on. */
export function parseToken(text: string): Token {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : undefined;
  if (isToken(value)) return token(value);
  throw new UsageError(
    `${JSON.stringify(text.slice(0, 80))} is not a token`,
    "A token is the position of an event: a whole number from 0 on. `axon-backup list` shows the last one of each restore point.",
  );
}

/** `parse(text)`, if there is a text. */
export function parseOptional<T>(parse: (text: string) => T, text: string | undefined): T | undefined {
  return text === undefined ? undefined : parse(text);
}

/** Which file's schema: `agent`, or `sink` and its type. */
export function parseSchemaRequest(file: string, type: string | undefined): SchemaRequest {
  const remedy = "Write `axon-backup schema agent`, or `axon-backup schema sink TYPE`.";
  if (file === "sink" && type !== undefined) return { file, type };
  if (file === "sink") throw new UsageError("the sink's type is missing", remedy);
  if (file !== "agent")
    throw new UsageError(`there is no file ${JSON.stringify(file.slice(0, 80))} with a schema`, remedy);
  if (type !== undefined) throw new UsageError("agent.yaml has no types", remedy);
  return { file };
}
