import { STORE_KINDS } from "@axon-backup/axon-server";
import { atOnce } from "../at-once.js";
import { REPOSITORY_KEY } from "../repository/layout.js";
import { momentOf } from "./moment.js";
import type { RestorePlan } from "./plan.js";
import { prepare, type Prepared } from "./prepare.js";
import type { Sources } from "./sources.js";
import type { RestoreOptions } from "./types.js";
import { withoutIndexes } from "./without-indexes.js";

/** What to restore from the first sink that has it. */
export async function choose(
  sources: Sources,
  options: RestoreOptions,
  warn: (message: string) => void,
): Promise<Prepared> {
  const { signal, connections } = options;
  const moment = momentOf(options);
  return sources.serve(async (repository) => {
    if (repository.problem !== undefined)
      warn(`${REPOSITORY_KEY} ${repository.problem}; going on without it, with what the restore point says`);
    const tools = { repository, sources, atOnce: atOnce(connections), warn, signal };
    const { plan, ...prepared } = await prepare(tools, options, moment);
    warnOfProblems(plan, warn);
    return { ...prepared, plan: options.indexFiles === false ? withoutIndexes(plan) : plan };
  });
}

/** What was damaged on the server already comes back as it was. */
function warnOfProblems(plan: RestorePlan, warn: (message: string) => void): void {
  for (const { name: context, stores } of plan.contexts)
    for (const store of STORE_KINDS)
      for (const { name, problem } of stores[store].files)
        if (problem !== undefined)
          warn(
            `${context}/${name} was damaged when it was backed up, and is restored as it was: it ${problem}. Look for a later restore point without this warning, or another sink`,
          );
}
