import { DEFAULT_POLICY, type SinkPolicy } from "@axon-backup/core";
import { parseDuration } from "./duration.js";
import type { ConfigurationProblem } from "./problem.js";
import { parseSize } from "./size.js";
import type { YamlFile } from "./yaml-file.js";

/** Slower than this is a mistake: a segment would take days. */
const LEAST_RATE = 1024;

/** Those of a sink's keys that say how the agent uses it, as they are written, after the schema has been checked. */
export interface PolicyKeys {
  readonly connections?: number | undefined;
  readonly limits?: { readonly upload?: string; readonly download?: string } | undefined;
  readonly timeouts?: { readonly stall?: string } | undefined;
  readonly retries?:
    { readonly for?: string; readonly attempts?: number; readonly max_wait?: string } | undefined;
}

/**
 * How a sink is used, with defaults filled in.
 * @param connections what the plugin says that its storage takes well
 */
export function toSinkPolicy(
  file: YamlFile,
  keys: PolicyKeys,
  connections: number | undefined,
): SinkPolicy | { readonly problems: readonly ConfigurationProblem[] } {
  const problems: ConfigurationProblem[] = [];
  const read = <T>(
    path: readonly [section: string, key: string],
    text: string | undefined,
    parse: (text: string) => T,
  ): T | undefined => {
    if (text === undefined) return undefined;
    try {
      return parse(text);
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      problems.push({ file: file.path, ...file.position(path, "value"), key: path.join("."), message });
      return undefined;
    }
  };
  const rate = (text: string): number => parseSize(text, LEAST_RATE);
  const upload = read(["limits", "upload"], keys.limits?.upload, rate);
  const download = read(["limits", "download"], keys.limits?.download, rate);
  const stall = read(["timeouts", "stall"], keys.timeouts?.stall, parseDuration);
  const elapsed = read(["retries", "for"], keys.retries?.for, parseDuration);
  const cap = read(["retries", "max_wait"], keys.retries?.max_wait, parseDuration);
  if (problems.length > 0) return { problems };
  const { retries } = DEFAULT_POLICY;
  return {
    connections: keys.connections ?? connections ?? DEFAULT_POLICY.connections,
    limits: { ...(upload !== undefined && { upload }), ...(download !== undefined && { download }) },
    stall: stall ?? DEFAULT_POLICY.stall,
    retries: {
      elapsed: elapsed ?? retries.elapsed,
      attempts: keys.retries?.attempts ?? retries.attempts,
      base: retries.base,
      cap: cap ?? retries.cap,
    },
  };
}
