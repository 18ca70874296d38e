import type { Command } from "commander";
import { type Choose, examples } from "./shared.js";

/** `axon-backup completion`. */
export function addCompletion(program: Command, choose: Choose): void {
  program
    .command("completion")
    .summary("the script that completes this command line in a shell")
    .description(
      "Prints a script for bash, zsh or fish: it completes commands, options, files and the names of sinks, which it takes from the configuration's folder.",
    )
    .argument("<shell>", "bash, zsh or fish")
    .addHelpText(
      "after",
      examples(
        "axon-backup completion bash > /etc/bash_completion.d/axon-backup",
        "axon-backup completion zsh > /usr/local/share/zsh/site-functions/_axon-backup",
        "axon-backup completion fish > ~/.config/fish/completions/axon-backup.fish",
      ),
    )
    .action(async (shell: string) => {
      const script = (await import("../../completion/index.js")).completionScript(shell);
      choose(async (container) => {
        const { OUTPUT } = await import("../../composition/tokens.js");
        container.resolve(OUTPUT).result({ json: { shell, script }, text: script });
        return 0;
      }, false);
    });
}
