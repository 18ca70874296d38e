import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { CONTRACT_VERSION, type SinkPlugin } from "@axon-backup/sink";
import { expect } from "chai";
import { installedPlugins, pluginRegistry } from "../dist/composition/plugins.js";
import { AGENT_SCHEMA } from "../dist/config/agent-schema.js";
import { loadConfiguration } from "../dist/config/load.js";
import { ConfigurationError, problemText } from "../dist/config/problem.js";
import { folder, rejection, removeFolders } from "./support.js";

const AGENT = "server:\n  url: http://localhost:8024\n";
const SINK = "type: local\npath: /mnt/nas/axon\n";

async function problemsOf(files: Readonly<Record<string, string>>): Promise<readonly string[]> {
  const directory = folder(files);
  const { problems } = await rejection(loadConfiguration(directory, installedPlugins()), ConfigurationError);
  return problems.map((problem) =>
    problemText(problem)
      .replaceAll(`${directory}/`, "")
      .replaceAll(directory, "FOLDER")
      .replace(`built in: ${installedPlugins().types().join(", ")}`, "built in: BUILT-IN"),
  );
}

describe("configuration", () => {
  afterEach(removeFolders);

  it("is three lines at least, with defaults for the rest", async () => {
    const configuration = await loadConfiguration(
      folder({ "agent.yaml": AGENT, "sinks.d/nas.yaml": SINK }),
      installedPlugins(),
    );
    expect(configuration.server).to.deep.equal({ url: "http://localhost:8024", paths: [], timeouts: {} });
    expect(configuration.contexts).to.equal(undefined);
    expect(configuration.log).to.deep.equal({ level: "info", format: "auto" });
    const [sink] = configuration.sinks;
    expect(sink).to.include({ name: "nas", type: "local", enabled: true });
    expect(sink?.options).to.include({ path: "/mnt/nas/axon", file_mode: "0600" });
  });

  it("takes every documented key", async () => {
    const agent = `
server:
  url: https://axon.example.com:8024/prefix
  token: {credential: axon-token}
  tls: {ca: /etc/ca.pem, cert: /etc/cert.pem, key: /etc/key.pem, server_name: axon}
  storage: [/var/lib/axonserver/data]
  control_db: [/var/lib/axonserver/backup]
  paths: [{server: /axonserver/events, local: /mnt/events}]
  timeouts: {connect: 500ms, request: 1.5m, control_db: 1h}
contexts: [default, orders]
log: {level: debug, format: json}
`;
    const { server, contexts, log } = await loadConfiguration(
      folder({ "agent.yaml": agent }),
      installedPlugins(),
    );
    expect(server).to.deep.equal({
      url: "https://axon.example.com:8024/prefix",
      token: { credential: "axon-token" },
      tls: { ca: "/etc/ca.pem", cert: "/etc/cert.pem", key: { file: "/etc/key.pem" }, serverName: "axon" },
      storage: ["/var/lib/axonserver/data"],
      controlDb: ["/var/lib/axonserver/backup"],
      paths: [{ server: "/axonserver/events", local: "/mnt/events" }],
      timeouts: { connect: 500, request: 90_000, controlDb: 3_600_000 },
    });
    expect(contexts).to.deep.equal(["default", "orders"]);
    expect(log).to.deep.equal({ level: "debug", format: "json" });
  });

  it("works without agent.yaml, for commands that need sinks alone", async () => {
    const configuration = await loadConfiguration(folder({ "sinks.d/nas.yaml": SINK }), installedPlugins());
    expect(configuration.server).to.equal(undefined);
  });

  it("is read from regular files alone: a FIFO that nobody writes to holds nothing up", async () => {
    const directory = folder({ "agent.yaml": AGENT, "sinks.d/nas.yaml": SINK });
    execFileSync("mkfifo", [join(directory, "sinks.d/pipe.yaml")]);
    const { problems } = await rejection(
      loadConfiguration(directory, installedPlugins()),
      ConfigurationError,
    );
    expect(problems.map(problemText)).to.deep.equal([
      `${directory}/sinks.d/pipe.yaml: the file is a FIFO; a regular file is needed`,
    ]);
  });

  it("reads a folder that nobody may write to, and leaves it as it is", async () => {
    const directory = folder({ "agent.yaml": AGENT, "sinks.d/nas.yaml": SINK });
    chmodSync(join(directory, "sinks.d"), 0o500);
    chmodSync(directory, 0o500);
    try {
      const { sinks } = await loadConfiguration(directory, installedPlugins());
      expect(sinks).to.have.length(1);
      expect(readdirSync(directory, { recursive: true })).to.have.members([
        "agent.yaml",
        "sinks.d",
        "sinks.d/nas.yaml",
      ]);
    } finally {
      chmodSync(directory, 0o700);
      chmodSync(join(directory, "sinks.d"), 0o700);
    }
  });

  it("leaves editors' files alone, but not one that was meant as a sink", async () => {
    const ignored = { "sinks.d/nas.yaml~": "x", "sinks.d/.nas.yaml.swp": "x", "sinks.d/nas.yaml.off": "x" };
    const { sinks } = await loadConfiguration(
      folder({ ...ignored, "agent.yaml": AGENT }),
      installedPlugins(),
    );
    expect(sinks).to.deep.equal([]);
    expect(await problemsOf({ "sinks.d/nas.yml": SINK })).to.deep.equal([
      "sinks.d/nas.yml: the file's name must end in .yaml",
    ]);
  });

  const wrong: readonly (readonly [what: string, agent: string, ...problems: string[]])[] = [
    [
      "unknown key",
      "server:\n  urll: http://x\n",
      "agent.yaml:1:1: server.url: required",
      "agent.yaml:2:3: server.urll: unknown key; did you mean server.url?",
    ],
    [
      "key of another section",
      `${AGENT}storage: [/x]\n`,
      "agent.yaml:3:1: storage: unknown key; did you mean server.storage?",
    ],
    [
      "other spelling",
      `${AGENT}  controlDb: [/x]\n`,
      "agent.yaml:3:3: server.controlDb: unknown key; did you mean server.control_db?",
    ],
    ["key that nothing is near to", `${AGENT}zzzzzzzz: 1\n`, "agent.yaml:3:1: zzzzzzzz: unknown key"],
    [
      "unknown key in a list",
      `${AGENT}  paths:\n    - server: /a\n      lokal: /b\n`,
      "agent.yaml:4:7: server.paths.0.local: required",
      "agent.yaml:5:7: server.paths.0.lokal: unknown key; did you mean server.paths.0.local?",
    ],
    [
      "several problems at once",
      "server:\n  url: 5\n  storage: data\nlog:\n  level: loud\n",
      "agent.yaml:2:8: server.url: must be text. It is: The HTTP address: http://host:8024. Without user, password, query and fragment.",
      "agent.yaml:3:12: server.storage: must be a list",
      "agent.yaml:5:10: log.level: must be one of debug, info, warn, error",
    ],
    [
      "relative path",
      `${AGENT}  storage: [data]\n`,
      "agent.yaml:3:13: server.storage.0: must be an absolute path",
    ],
    [
      "URL with a query",
      "server:\n  url: http://x:8024/?context=a\n",
      "agent.yaml:2:8: server.url: doesn't fit. It is: The HTTP address: http://host:8024. Without user, password, query and fragment.",
    ],
    [
      "URL with a fragment",
      'server:\n  url: "http://x:8024#a"\n',
      "agent.yaml:2:8: server.url: doesn't fit. It is: The HTTP address: http://host:8024. Without user, password, query and fragment.",
    ],
    [
      "directories that lead upwards",
      `${AGENT}  storage: [/a, /data/../a]\n  control_db: [/b/..]\n  paths: [{server: /x/../y, local: /z..}]\n`,
      "agent.yaml:3:17: server.storage.1: must be without `..`: write the directory that it leads to",
      "agent.yaml:4:16: server.control_db.0: must be without `..`: write the directory that it leads to",
      "agent.yaml:5:20: server.paths.0.server: must be without `..`: write the directory that it leads to",
    ],
    [
      "alias of nothing",
      `${AGENT}contexts: [&a orders, *a, *b]\n`,
      "agent.yaml:3:27: * begins an alias, and there is no such anchor; put text that begins with * in quotes",
    ],
    [
      "same value twice",
      `${AGENT}contexts: [a, b, a]\n`,
      "agent.yaml:3:11: contexts: holds the same value twice (entries 1 and 3)",
    ],
    ["empty list", `${AGENT}contexts: []\n`, "agent.yaml:3:11: contexts: must not be empty"],
    [
      "certificate without key",
      `server:\n  url: https://x\n  tls:\n    cert: /c\n`,
      "agent.yaml:3:3: server.tls.key: required, because cert is there",
    ],
    [
      "TLS for http",
      `${AGENT}  tls: {ca: /ca.pem}\n`,
      "agent.yaml:3:8: server.tls: is for https, and server.url begins with http://; one of them is wrong",
    ],
    ["no section server", "log: {level: info}\n", "agent.yaml:1:1: server: required"],
    ["duplicate key", `${AGENT}server: {}\n`, "agent.yaml:3:1: this key is there twice"],
    ["tab", "server:\n\turl: x\n", "agent.yaml:2:1: a tab; YAML is indented with spaces"],
    [
      "several documents",
      `${AGENT}---\n${AGENT}`,
      "agent.yaml:3:1: the file holds several documents (---); there must be one",
    ],
    ["list instead of sections", "- a\n", "agent.yaml:1:1: must be a section with keys"],
    [
      "duration",
      `${AGENT}  timeouts: {request: 90d}\n`,
      "agent.yaml:3:23: server.timeouts.request: not a duration: write a number and ms, s, m, h or d, as 10s; 1ms to 24d",
    ],
    [
      "empty file",
      "# nothing\n",
      "agent.yaml: the file is empty; its shortest content is: server: {url: http://localhost:8024}",
    ],
  ];
  for (const [what, agent, ...expected] of wrong)
    it(`refuses, with place and reason: ${what}`, async () => {
      expect(await problemsOf({ "agent.yaml": agent })).to.have.members(expected);
    });

  it("refuses what isn't UTF-8, and aliases that grow without bounds", async () => {
    const bomb = [
      "a: &a [x, x, x, x, x, x, x, x, x]",
      ...Array.from(
        { length: 8 },
        (_, i) => `${"bcdefghi"[i]}: &${"bcdefghi"[i]} [${Array(9).fill(`*${"abcdefgh"[i]}`).join(", ")}]`,
      ),
    ].join("\n");
    expect(await problemsOf({ "agent.yaml": bomb })).to.deep.equal([
      "agent.yaml: too many aliases (*), or aliases of aliases; write the values out",
    ]);
  });

  it("tells of every file's problems at once", async () => {
    const problems = await problemsOf({
      "agent.yaml": "server:\n  ulr: http://x\n",
      "sinks.d/a.yaml": "type: lokal\npath: /x\n",
      "sinks.d/b.yaml": "type: local\npaht: /x\n",
      "sinks.d/Bad Name.yaml": SINK,
      "sinks.d/c.yaml": "path: /x\n",
      "sinks.d/d.yaml": "type: quantum\n",
    });
    expect(problems).to.have.members([
      "agent.yaml:1:1: server.url: required",
      "agent.yaml:2:3: server.ulr: unknown key; did you mean server.url?",
      "sinks.d/Bad Name.yaml: the file's name is the sink's name: lower-case letters, digits and -, not beginning with -",
      "sinks.d/a.yaml:1:7: type: unknown type; did you mean local? The types that are built in: BUILT-IN; no package with a sink of this name is installed.",
      "sinks.d/b.yaml:1:1: path: required",
      "sinks.d/b.yaml:2:1: paht: unknown key; did you mean path?",
      "sinks.d/c.yaml:1:1: type: required; types that are built in: BUILT-IN",
      "sinks.d/d.yaml:1:7: type: it isn't built in, and neither of the packages axon-backup-sink-quantum and quantum is installed where the agent finds it. Install it in the configuration's folder: npm install --prefix FOLDER axon-backup-sink-quantum",
    ]);
  });

  it("never quotes a value: it could be a secret in the wrong place", async () => {
    const canary = "canary-1f7d";
    for (const agent of [
      `server:\n  url: ${canary}\n  token: ${canary}\n  tls: {key: ${canary}}\n  storage: ${canary}\n`,
      `server:\n  url: http://user:${canary}@host\n`,
      `server:\n  url: http://x\n  token: *${canary}\n`,
      `server:\n  url: http://x\n  token: !${canary} x\n`,
      `server:\n  url: http://x\n  token: {file: ${canary}}\n`,
      `server:\n  url: http://x\n  token: @${canary}\n`,
      `server:\n  url: http://x\n  token: "${canary}\n`,
      `server:\n  url: http://x\n  timeouts: {request: ${canary}}\nlog: {level: ${canary}}\n`,
    ])
      expect((await problemsOf({ "agent.yaml": agent })).join("\n")).not.to.contain(canary);
  });

  it("names folder and remedy when there is no folder, or a file in its place", async () => {
    const none = await rejection(loadConfiguration("/nonexistent", installedPlugins()), ConfigurationError);
    expect(none.problems[0]).to.deep.include({ file: "/nonexistent", message: "there is no such folder" });
    expect(none.remedy).to.contain("--config");
    const directory = folder({ file: "" });
    const file = await rejection(
      loadConfiguration(join(directory, "file"), installedPlugins()),
      ConfigurationError,
    );
    expect(file.problems[0]?.message).to.contain("is a file");
    mkdirSync(join(directory, "agent.yaml"));
    expect(
      (await rejection(loadConfiguration(directory, installedPlugins()), ConfigurationError)).problems[0]
        ?.message,
    ).to.contain("is a directory");
  });

  it("asks for references where a plugin declares secrets, wherever they are, and finds them", async () => {
    const plugins = pluginRegistry([secretPlugin]);
    const file = "type: secretive\naccounts:\n  - password: {env: PASSWORD}\n";
    const { sinks } = await loadConfiguration(folder({ "sinks.d/s.yaml": file }), plugins);
    expect(sinks[0]?.secrets).to.deep.equal(["/accounts/0/password"]);
    const literal = folder({ "sinks.d/s.yaml": "type: secretive\naccounts:\n  - password: canary-9\n" });
    const { problems } = await rejection(loadConfiguration(literal, plugins), ConfigurationError);
    expect(problemText(problems[0] ?? { file: "", key: "", message: "" })).to.match(
      /s\.yaml:3:15: accounts\.0\.password: must be a reference to a secret: \{file/,
    );
    expect(JSON.stringify(problems)).not.to.contain("canary-9");
  });

  it("has a description for every key", () => {
    const undescribed: string[] = [];
    const walk = (schema: unknown, at: string) => {
      if (typeof schema !== "object" || schema === null) return;
      const { properties, items, description } = schema as {
        properties?: object;
        items?: unknown;
        description?: unknown;
      };
      if (typeof description !== "string") undescribed.push(at);
      for (const [key, child] of Object.entries(properties ?? {})) walk(child, `${at}.${key}`);
      if (items !== undefined) walk(items, `${at}[]`);
    };
    walk(AGENT_SCHEMA, "");
    expect(undescribed).to.deep.equal([]);
  });
});

const secretPlugin: SinkPlugin = {
  contract: CONTRACT_VERSION,
  type: "secretive",
  description: "for tests",
  optionsSchema: {
    type: "object",
    additionalProperties: false,
    properties: {
      accounts: {
        type: "array",
        items: { type: "object", properties: { password: { type: "string", "x-secret": true } } },
      },
    },
  },
  open: () => Promise.reject(new Error("not in this test")),
};
