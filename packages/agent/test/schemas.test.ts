import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { builtInPlugins } from "../dist/composition/plugins.js";
import { AGENT_SCHEMA } from "../dist/config/agent-schema.js";
import { sinkSchema } from "../dist/config/sink-schema.js";

// Commands leave this out: it would double the time that they take to start.
describe("the schemas of the configuration are JSON Schemas", () => {
  const plugins = builtInPlugins();
  const schemas: readonly (readonly [string, object])[] = [
    ["agent.yaml", AGENT_SCHEMA],
    ...plugins
      .types()
      .map(
        (type) => [`a sink of type ${type}`, sinkSchema(plugins.find(type)?.optionsSchema ?? {})] as const,
      ),
  ];
  for (const [name, schema] of schemas)
    it(name, () => {
      const ajv = new Ajv2020({ allErrors: true });
      expect(ajv.validateSchema(schema), ajv.errorsText()).to.equal(true);
    });

  it("and one that isn't is found", () => {
    expect(new Ajv2020().validateSchema({ type: "strnig" })).to.equal(false);
  });
});
