import { isSinkError } from "@axon-backup/sink";
import type { CaseResult, ContractCase } from "@axon-backup/sink-testkit";

/** Whether a storage can do something: `broken` when it says so and does it wrong; `untried` when that couldn't be found out. */
export type Can = "yes" | "no" | "broken" | "untried";

/** What a sink's storage really can, of one thing. */
export interface Capability {
  readonly capability: string;
  readonly can: Can;
  /** What follows from it; for `broken` and `untried`, what happened. */
  readonly detail: string;
  /** What to do; null when nothing is. */
  readonly remedy: string | null;
}

interface Ability {
  readonly name: string;
  /** Which cases of the contract are about it. */
  readonly covers: (test: ContractCase) => boolean;
  readonly yes: string;
  /** What the engine does without it; left out where it can't do without. */
  readonly no?: string;
}

const group = (name: string) => (test: ContractCase) => test.group === name;
const needs = (name: ContractCase["needs"]) => (test: ContractCase) => test.needs === name;

/** In the order of the table. Every case of the contract belongs to the first that covers it. */
export const ABILITIES: readonly Ability[] = [
  {
    name: "extend",
    covers: needs("extend"),
    yes: "an object can grow in place: between backups, only what is new of an open segment is sent",
    no: "an object can't grow in place: between backups, copies of open segments are sent whole",
  },
  {
    name: "create if absent",
    covers: needs("conditional.ifAbsent"),
    yes: "the storage decides which of two writers comes first",
    no: "two agents that begin in the same moment aren't told apart by the storage: let one alone write to it",
  },
  {
    name: "replace if unchanged",
    covers: needs("conditional.ifUnchanged"),
    yes: "the storage notices a second writer",
    no: "a second writer isn't noticed by the storage itself",
  },
  {
    name: "remove left-overs",
    covers: needs("removeLeftovers"),
    yes: "what a killed run left unfinished is removed by the next",
    no: "what a killed run left unfinished stays, if the storage has no rule that removes it",
  },
  {
    name: "free space",
    covers: needs("freeBytes"),
    yes: "the space that is left is known",
    no: "a full storage shows when a write fails",
  },
  {
    name: "write and read",
    covers: group("put and get"),
    yes: "objects come back byte for byte, and are replaced whole",
  },
  { name: "ranges", covers: group("ranges"), yes: "parts of an object can be read" },
  {
    name: "all or nothing",
    covers: group("atomic"),
    yes: "a write that fails or is interrupted changes nothing, and nobody sees half of one",
  },
  { name: "delete", covers: group("absent objects and delete"), yes: "what is deleted is gone at once" },
  { name: "list", covers: group("list"), yes: "a listing has what is there, and nothing else" },
  { name: "names", covers: group("keys"), yes: "every name that is needed, upper and lower case told apart" },
  {
    name: "at the same time",
    covers: group("connections and concurrency"),
    yes: "several calls and connections at once see the same",
  },
];

const BROKEN =
  "Don't keep backups there. Look for what lies between: a cache, a gateway, a file system with weak guarantees; if there is nothing, tell the plugin's author.";

/** The table of what a storage can, from the results of the contract's cases. */
export function capabilities(results: readonly CaseResult[]): readonly Capability[] {
  const rows = ABILITIES.map((ability) =>
    judge(
      ability,
      results.filter(({ case: test }) => ABILITIES.find(({ covers }) => covers(test)) === ability),
    ),
  );
  // What every storage must have stands first.
  const isOptional = (row: Capability) =>
    ABILITIES.find(({ name }) => name === row.capability)?.no !== undefined;
  return [...rows.filter((row) => !isOptional(row)), ...rows.filter(isOptional)];
}

function judge({ name, yes, no }: Ability, results: readonly CaseResult[]): Capability {
  const failures = results.filter((result) => result.outcome === "failed");
  const [first] = failures;
  if (first === undefined) {
    if (results.some(({ outcome }) => outcome === "passed"))
      return { capability: name, can: "yes", detail: yes, remedy: null };
    return { capability: name, can: "no", detail: no ?? "not tried", remedy: null };
  }
  const told = failures.find(({ error }) => !isOutside(error)) ?? first;
  const { error, case: test } = told;
  const more = failures.length === 1 ? "" : ` (and ${failures.length - 1} more)`;
  const what = `${test.name}: ${error instanceof Error ? error.message : String(error)}${more}`;
  if (!isOutside(error)) return { capability: name, can: "broken", detail: what, remedy: BROKEN };
  const remedy = isSinkError(error) ? (error.remedy ?? null) : null;
  return { capability: name, can: "untried", detail: what, remedy };
}

/** The storage could not be asked, or would not: that says nothing of how well it keeps its promises. */
function isOutside(error: unknown): boolean {
  // One that should have been another error is the cause of the case's own.
  for (const told of [error, error instanceof Error ? error.cause : undefined])
    for (const kind of ["transient", "denied", "full"] as const) if (isSinkError(told, kind)) return true;
  return false;
}
