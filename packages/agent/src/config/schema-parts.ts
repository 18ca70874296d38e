import type { JsonSchema } from "@axon-backup/sink";
import { DURATION_PATTERN, SPAN_PATTERN } from "./duration.js";
import { SIZE_PATTERN } from "./size.js";

/** A section: an object that has these keys and no others. */
export const section = (
  description: string,
  properties: Record<string, JsonSchema>,
  more: JsonSchema = {},
): JsonSchema => ({ type: "object", additionalProperties: false, description, properties, ...more });

export const duration = (description: string): JsonSchema => ({
  type: "string",
  pattern: DURATION_PATTERN,
  description: `${description} A number and ms, s, m, h or d: 10s.`,
});

/** For how long something is kept. */
export const span = (description: string): JsonSchema => ({
  type: "string",
  pattern: SPAN_PATTERN,
  description: `${description} A number and h, d, w or y: 14d.`,
});

/** How many of something. */
export const count = (description: string): JsonSchema => ({
  type: "integer",
  minimum: 0,
  maximum: 1_000_000,
  description,
});

/** Bytes in a second. */
export const rate = (description: string): JsonSchema => ({
  type: "string",
  pattern: SIZE_PATTERN,
  description: `${description} Per second: a number and KiB, MiB, GiB (of 1024), or kB, MB, GB (of 1000): 10MiB.`,
});
