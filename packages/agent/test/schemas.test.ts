import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import fc from "fast-check";
import { installedPlugins } from "../dist/composition/plugins.js";
import { AGENT_SCHEMA } from "../dist/config/agent-schema.js";
import { editorSchema } from "../dist/config/editor-schema.js";
import { sinkSchema } from "../dist/config/sink-schema.js";
import { SECRET_KEYWORD, secretReferenceProblem } from "../dist/secrets/reference.js";
import { folder, json, removeFolders, run } from "./support.js";

// Commands leave this out: it would double the time that they take to start.
describe("the schemas of the configuration are JSON Schemas", () => {
  const plugins = installedPlugins();
  const schemas: readonly (readonly [string, () => Promise<object>])[] = [
    ["agent.yaml", () => Promise.resolve(AGENT_SCHEMA)],
    ...plugins
      .types()
      .map(
        (type) =>
          [
            `a sink of type ${type}`,
            async () => sinkSchema((await plugins.load(type, "/")).plugin.optionsSchema),
          ] as const,
      ),
  ];
  for (const [name, schema] of schemas)
    it(name, async () => {
      const ajv = new Ajv2020({ allErrors: true });
      expect(ajv.validateSchema(await schema()), ajv.errorsText()).to.equal(true);
    });

  it("and one that isn't is found", () => {
    expect(new Ajv2020().validateSchema({ type: "strnig" })).to.equal(false);
  });
});

describe("axon-backup schema", () => {
  afterEach(removeFolders);

  it("prints what an editor takes: a JSON Schema without words of our own", async () => {
    for (const argv of [
      ["agent"],
      ...installedPlugins()
        .types()
        .map((type) => ["sink", type]),
    ]) {
      const result = await run(["schema", ...argv]);
      expect(result.code, result.stderr).to.equal(0);
      const schema = json(result);
      expect(Object.keys(schema).slice(0, 2)).to.deep.equal(["$schema", "title"]);
      expect(result.stdout).not.to.contain('"x-');
      // Strict: an unknown word is an error.
      expect(() =>
        new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema),
      ).not.to.throw();
    }
  });

  it("accepts the files that the agent accepts, and no others", async () => {
    const check = new Ajv2020().compile(json(await run(["schema", "sink", "local"])));
    expect(check({ type: "local", path: "/mnt/nas" })).to.equal(true);
    expect(check({ type: "local", path: "/mnt/nas", enabled: false })).to.equal(true);
    expect(check({ type: "other", path: "/mnt/nas" })).to.equal(false);
    expect(check({ type: "local", paht: "/mnt/nas" })).to.equal(false);
  });

  it("describes a secret as the reference that the file holds", () => {
    for (const wanted of [true, "path-allowed"] as const) {
      const check = new Ajv2020().compile(editorSchema({ [SECRET_KEYWORD]: wanted }, "a secret"));
      const names = fc.oneof(
        fc.constantFrom("/etc/token", "TOKEN", "a.b", ".a", "9", "", "a b"),
        fc.string(),
      );
      const values = fc.oneof(
        names,
        fc.dictionary(fc.constantFrom("file", "env", "credential", "other"), names, { maxKeys: 2 }),
        fc.constantFrom(null, 1, []),
      );
      fc.assert(
        fc.property(values, (value) => {
          expect(check(value)).to.equal(
            secretReferenceProblem(value, wanted === "path-allowed") === undefined,
          );
        }),
      );
    }
  });

  it("says how to get a plugin that isn't there", async () => {
    const config = folder();
    const { code, stderr } = await run(["schema", "sink", "axon-backup-sink-nowhere", "--config", config]);
    expect(code).to.equal(2);
    expect(stderr).to.contain(`npm install --prefix ${config} axon-backup-sink-nowhere`);
  });
});
