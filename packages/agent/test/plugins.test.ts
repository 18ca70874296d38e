import { chmodSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { installedPlugins } from "../dist/composition/plugins.js";
import { findPlugin } from "../dist/plugins/find-plugin.js";
import { PluginError } from "../dist/plugins/plugin-error.js";
import { parsePluginName } from "../dist/plugins/plugin-name.js";
import { distrust } from "../dist/plugins/trust.js";
import { folder, rejection, removeFolders, run } from "./support.js";

/** A module that exports a plugin, with these members replaced. */
function source(members = "", options = "path: { type: 'string', description: 'where' }"): string {
  return `export const plugin = {
    contract: 1, type: "strange", description: "for tests",
    optionsSchema: { type: "object", additionalProperties: false, required: ["path"], properties: { ${options} } },
    open: () => Promise.reject(Object.assign(new Error("opened"), { name: "SinkError", kind: "invalid" })),
    ${members}
  };`;
}

const PACKAGE = JSON.stringify({ name: "x", type: "module", exports: { ".": { import: "./index.js" } } });

/** The files of a package. */
function pack(name: string, code: string, description = PACKAGE): Record<string, string> {
  return { [`${name}/package.json`]: description, [`${name}/index.js`]: code };
}

function load(type: string, directory: string) {
  return installedPlugins().load(type, directory);
}

describe("plugins of strangers", () => {
  afterEach(removeFolders);

  const SINK = "type: strange\npath: /x\n";

  for (const [what, type, files] of [
    ["a package of the configuration's folder", "some-package", pack("node_modules/some-package", source())],
    ["a package with a scope", "@me/sink", pack("node_modules/@me/sink", source())],
    [
      "a package by the short form of its name",
      "strange",
      pack("node_modules/axon-backup-sink-strange", source()),
    ],
    ["a path to a module", "./my/sink.js", { "my/sink.js": source(), "package.json": '{"type":"module"}' }],
    ["a path to a package", "./my-sink", pack("my-sink", source())],
    ["a default export", "./my-sink", pack("my-sink", source().replace("const plugin =", "default"))],
    [
      "a CommonJS module",
      "./my-sink",
      pack("my-sink", source().replace("export const plugin", "exports.plugin"), '{"main":"index"}'),
    ],
  ] as const)
    it(`can be ${what}`, async () => {
      const directory = folder(files);
      const { plugin, warnings } = await load(type, directory);
      expect(plugin.type).to.equal("strange");
      expect(warnings).to.deep.equal([]);
    });

  it("can be installed beside the agent, wherever that is, and the configuration's folder goes first", async () => {
    const configuration = folder(pack("node_modules/both", source()));
    const prefix = folder({ ...pack("lib/node_modules/both", ""), ...pack("lib/node_modules/beside", "") });
    const agent = join(prefix, "lib/node_modules/axon-backup");
    const find = async (name: string) => {
      const parsed = parsePluginName(name, configuration);
      if (parsed === undefined) throw new Error("no name");
      return (await findPlugin(parsed, configuration, agent)).entry;
    };
    expect(await find("both")).to.equal(join(configuration, "node_modules/both/index.js"));
    expect(await find("beside")).to.equal(join(prefix, "lib/node_modules/beside/index.js"));
    const { remedy } = await rejection(find("neither"), PluginError);
    expect(remedy)
      .to.contain(`npm install --prefix ${configuration} axon-backup-sink-neither`)
      .and.contain("npm install --global axon-backup-sink-neither");
  });

  it("aren't looked for above the configuration's folder, where others may write", async () => {
    const above = folder(pack("node_modules/axon-backup-sink-planted", source()));
    const directory = join(above, "config");
    mkdirSync(directory);
    await rejection(load("axon-backup-sink-planted", directory), PluginError);
  });

  for (const type of ["../../etc", "/etc/../x", "./"])
    it(`${type} is a path`, () => {
      expect(parsePluginName(type, "/config")).to.include({ kind: "path" });
    });
  for (const type of [
    "Name",
    "a/b",
    "@a",
    "@a/b/c",
    "@a/../b",
    "",
    "a b",
    "_a",
    ".hidden",
    "node:fs",
    "x".repeat(300),
  ])
    it(`${JSON.stringify(type.slice(0, 20))} is neither a package nor a path`, async () => {
      expect(parsePluginName(type, "/config")).to.equal(undefined);
      const error = await rejection(load(type, "/config"), PluginError);
      expect(error.message).to.contain("nor the name of an npm package");
    });

  const wrong: readonly (readonly [what: string, code: string, message: string])[] = [
    ["exports nothing", "export const x = 1;", "exports neither `plugin` nor a default"],
    ["is npm's library of the same name", "export const createClient = () => 0;", "is no plugin for sinks"],
    ["is for a newer contract", source("contract: 2"), "is too new: it is written for contract 2 of sinks"],
    ["is for an older contract", source("contract: 0"), "is too old: it is written for contract 0 of sinks"],
    ["has a contract that is no number", source("contract: '1'"), "contract must be a whole number"],
    ["has a type of other letters", source("type: 'My Sink'"), "type must be of lower-case letters"],
    ["has the type of a built-in one", source("type: 'local'"), "comes with the agent"],
    ["can't be opened", source("open: 1"), "open must be a function"],
    ["has no description", source("description: ''"), "description must be a line of text"],
    ["has a wrong number of connections", source("connections: 0"), "connections must be a whole number"],
    ["has no schema", source("optionsSchema: undefined"), "optionsSchema must be a JSON Schema"],
    ["has a wrong schema", source("", "path: { type: 'strnig' }"), "optionsSchema can't be used: "],
    [
      "has words in its schema that nobody knows",
      source("", "path: { tpye: 'string' }"),
      'unknown keyword: "tpye"',
    ],
    [
      "takes the agent's own keys",
      source("", "enabled: { type: 'boolean' }"),
      "options enabled are the agent's",
    ],
    ["throws when it is loaded", "throw new Error('no libwhatever');", "fails when it is loaded"],
    ["isn't JavaScript", "export const plugin = {", "fails when it is loaded"],
    ["needs what isn't installed", "import 'not-there-at-all';", "fails when it is loaded"],
  ];
  for (const [what, code, message] of wrong)
    it(`are refused by name, with a remedy: one that ${what}`, async () => {
      const directory = folder(pack("node_modules/some-package", code));
      const error = await rejection(load("some-package", directory), PluginError);
      expect(error.message).to.contain("some-package").and.contain(message);
      expect(error.remedy).to.have.length.above(20);
    });

  it("that aren't built are told from those that aren't there", async () => {
    const directory = folder({ "my-sink/package.json": PACKAGE });
    expect((await rejection(load("./my-sink", directory), PluginError)).message).to.contain("names no file");
    expect((await rejection(load("./my-snik", directory), PluginError)).message).to.contain("there is no");
  });

  it("fail as wrong configuration, with file, line, cause, and no stack without --verbose", async () => {
    const directory = folder({
      "sinks.d/odd.yaml": "# a comment\ntype: some-package\npath: /x\n",
      ...pack("node_modules/some-package", "throw new Error('no libwhatever');"),
    });
    const { code, stderr } = await run(["list", "--config", directory]);
    expect(code).to.equal(3);
    expect(stderr)
      .to.contain("odd.yaml:2:7: type: the plugin some-package fails when it is loaded: no libwhatever. ")
      .and.not.match(/\n\s+at /);
    const verbose = await run(["list", "--verbose", "--config", directory]);
    expect(verbose.stderr).to.match(/\n\s+at .*some-package\/index\.js/);
    expect((await run(["list", "--json", "--config", directory])).stdout).not.to.contain("index.js:");
  });

  it("have their options checked as built-in ones have, secrets included", async () => {
    const options = "path: { type: 'string' }, password: { type: 'string', 'x-secret': true }";
    const directory = folder({
      "sinks.d/odd.yaml": "type: some-package\npaht: /x\npassword: canary-3\n",
      ...pack("node_modules/some-package", source("", options)),
    });
    const { code, stderr } = await run(["list", "--config", directory]);
    expect(code).to.equal(3);
    expect(stderr)
      .to.contain("odd.yaml:2:1: paht: unknown key; did you mean path?")
      .and.contain("odd.yaml:1:1: path: required")
      .and.contain("odd.yaml:3:11: password: must be a reference to a secret")
      .and.not.contain("canary-3");
    const schema = await run(["schema", "sink", "some-package", "--config", directory]);
    expect(schema.stdout).to.contain('"credential"').and.contain('"const": "some-package"');
  });

  it("are opened with their options", async () => {
    const directory = folder({
      "sinks.d/odd.yaml": SINK,
      ...pack("node_modules/axon-backup-sink-strange", source()),
    });
    const { code, stderr } = await run(["list", "--config", directory]);
    expect(code, stderr).to.equal(1);
    expect(stderr).to.contain("opened");
  });

  it("aren't loaded when their sink is switched off", async () => {
    const directory = folder({ "sinks.d/odd.yaml": `${SINK}enabled: false\n` });
    const { stderr } = await run(["list", "--config", directory]);
    expect(stderr).to.contain("every sink is switched off");
  });

  describe("run with the agent's rights, so that a warning", () => {
    it("names a file or folder that everybody can write to, and says it in every command", async () => {
      const directory = folder({
        "sinks.d/odd.yaml": "type: ./my-sink\npath: /x\n",
        ...pack("my-sink", source()),
      });
      chmodSync(join(directory, "my-sink"), 0o777);
      const { warnings } = await load("./my-sink", directory);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.contain(`chmod o-w ${join(directory, "my-sink")}`);
      expect((await run(["list", "--config", directory])).stderr).to.contain("everybody can change");
    });

    it("looks at the file that a link leads to", async () => {
      const real = folder(pack("open", source()));
      chmodSync(join(real, "open/index.js"), 0o666);
      const directory = folder();
      symlinkSync(join(real, "open"), join(directory, "my-sink"));
      expect((await load("./my-sink", directory)).warnings[0]).to.contain(join(real, "open/index.js"));
    });

    it("names what belongs to somebody who is neither root nor the agent's user", async () => {
      const directory = folder({ "sink.js": source() });
      const { uid } = statSync(directory);
      expect(await distrust(join(directory, "sink.js"), { user: uid })).to.deep.equal([]);
      const [warning] = await distrust(join(directory, "sink.js"), { user: uid + 1, root: uid + 2 });
      expect(warning).to.contain(`the user ${uid} can change ${join(directory, "sink.js")}`);
    });
  });
});
