import type { Command } from "commander";
import { type Choose, examples } from "./shared.js";

/** `axon-backup schema`. */
export function addSchema(program: Command, choose: Choose): void {
  program
    .command("schema")
    .summary("the JSON Schema of a configuration file, for editors")
    .description(
      "Prints the JSON Schema of agent.yaml, or of a sink's file by its type, plugins of your own included. An editor with a YAML language server uses it to complete and check: # yaml-language-server: $schema=agent.schema.json",
    )
    .argument("<file>", "agent or sink")
    .argument("[type]", "the sink's type: local, a package, a path")
    .addHelpText(
      "after",
      examples(
        "axon-backup schema agent",
        "axon-backup schema sink local",
        "axon-backup schema sink axon-backup-sink-webdav --config ./config",
      ),
    )
    .action(async (file: string, type: string | undefined) => {
      const request = (await import("../options.js")).parseSchemaRequest(file, type);
      choose(async (container) => {
        const { SchemaCommand } = await import("../../commands/schema.js");
        return container.resolve(SchemaCommand).run(request);
      }, false);
    });
}
