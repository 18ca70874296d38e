import { hasRules, type RetentionRules } from "@axon-backup/core";
import { parseSpan } from "./duration.js";
import type { ConfigurationProblem } from "./problem.js";
import type { YamlFile } from "./yaml-file.js";

/** A sink's `retention`, as it is written, after the schema has been checked. */
export interface RetentionKeys {
  readonly keep_last?: number;
  readonly keep_within?: string;
  readonly keep_hourly?: number;
  readonly keep_daily?: number;
  readonly keep_weekly?: number;
  readonly keep_monthly?: number;
  readonly keep_yearly?: number;
  readonly keep_abandoned?: string;
}

/** The rules of a sink's `retention`; none without that section. */
export function toRetentionRules(
  file: YamlFile,
  keys: RetentionKeys | undefined,
): RetentionRules | undefined | { readonly problems: readonly ConfigurationProblem[] } {
  if (keys === undefined) return undefined;
  const problems: ConfigurationProblem[] = [];
  const problem = (path: readonly string[], message: string): void => {
    problems.push({ file: file.path, ...file.position(path, "value"), key: path.join("."), message });
  };
  const read = (key: "keep_within" | "keep_abandoned"): number | undefined => {
    const text = keys[key];
    try {
      return text === undefined ? undefined : parseSpan(text);
    } catch (error) {
      problem(["retention", key], error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const rules = withoutUndefined({
    last: keys.keep_last,
    within: read("keep_within"),
    hourly: keys.keep_hourly,
    daily: keys.keep_daily,
    weekly: keys.keep_weekly,
    monthly: keys.keep_monthly,
    yearly: keys.keep_yearly,
    abandoned: read("keep_abandoned"),
  });
  if (problems.length === 0 && !keepsAny(rules))
    problem(
      ["retention"],
      `no rule says which restore points to keep${hasRules(rules) ? ", since all are 0" : ""}: write keep_last, keep_within, keep_daily or the like, or leave the section out to keep all`,
    );
  return problems.length > 0 ? { problems } : rules;
}

/** Whether there is a rule that keeps any: with nothing but zeros, all would go but the newest. */
function keepsAny(rules: RetentionRules): boolean {
  return Object.entries(rules).some(([rule, value]) => rule !== "abandoned" && value > 0);
}

function withoutUndefined(rules: Readonly<Record<keyof RetentionRules, number | undefined>>): RetentionRules {
  return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined));
}
