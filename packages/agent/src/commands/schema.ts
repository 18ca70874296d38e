import { resolve } from "node:path";
import { inject, injectable } from "tsyringe";
import { GLOBALS, OUTPUT, PLUGINS } from "../composition/tokens.js";
import type { GlobalOptions } from "../cli/request.js";
import { AGENT_SCHEMA } from "../config/agent-schema.js";
import { editorSchema } from "../config/editor-schema.js";
import type { SinkPlugins } from "../config/sink-file.js";
import { sinkSchema } from "../config/sink-schema.js";
import { UsageError } from "../errors/usage-error.js";
import { EXIT_CODES, type ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";
import { PluginError } from "../plugins/plugin-error.js";
import { schemaText } from "../views/schema.js";

/** Which file's schema is wanted. */
export type SchemaRequest = { readonly file: "agent" } | { readonly file: "sink"; readonly type: string };

/** `axon-backup schema`: the JSON Schema of a configuration file, for editors. */
@injectable()
export class SchemaCommand {
  constructor(
    @inject(PLUGINS) private readonly plugins: SinkPlugins,
    @inject(GLOBALS) private readonly globals: GlobalOptions,
    @inject(OUTPUT) private readonly output: Output,
  ) {}

  async run(request: SchemaRequest): Promise<ExitCode> {
    const schema = await this.#schema(request);
    this.output.result({ json: schema, text: schemaText(schema) });
    return EXIT_CODES.ok;
  }

  async #schema(request: SchemaRequest) {
    if (request.file === "agent") return editorSchema(AGENT_SCHEMA, "axon-backup: agent.yaml");
    const { type } = request;
    const { plugin, warnings } = await this.#load(type);
    for (const warning of warnings) this.output.log.warn(warning);
    const schema = sinkSchema(plugin.optionsSchema);
    const properties = schema["properties"] as Readonly<Record<string, object>>;
    return editorSchema(
      { ...schema, properties: { ...properties, type: { ...properties["type"], const: type } } },
      `axon-backup: a sink of type ${type} (${plugin.description})`,
    );
  }

  async #load(type: string) {
    try {
      return await this.plugins.load(type, resolve(this.globals.config));
    } catch (error) {
      if (!(error instanceof PluginError)) throw error;
      if (error.cause !== undefined) throw error;
      throw new UsageError(`${type}: ${error.message}`, error.remedy);
    }
  }
}
