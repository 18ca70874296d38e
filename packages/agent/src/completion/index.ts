import { describeProgram, type ProgramModel } from "../cli/describe.js";
import { UsageError } from "../errors/usage-error.js";
import { bashCompletion } from "./bash.js";
import { fishCompletion } from "./fish.js";
import { zshCompletion } from "./zsh.js";

const SHELLS: Readonly<Record<string, (program: ProgramModel) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The script that completes axon-backup's command line in a shell. @throws UsageError for another shell */
export function completionScript(shell: string): string {
  const make = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (make === undefined)
    throw new UsageError(
      `there is no completion for ${JSON.stringify(shell.slice(0, 80))}`,
      `The shells are: ${Object.keys(SHELLS).join(", ")}.`,
    );
  return make(describeProgram());
}
