import { expect } from "chai";
import { Ajv2020 } from "ajv/dist/2020.js";
import { installedPlugins } from "../../dist/composition/plugins.js";
import { AGENT_SCHEMA } from "../../dist/config/agent-schema.js";
import { editorSchema } from "../../dist/config/editor-schema.js";
import { loadConfiguration } from "../../dist/config/load.js";
import { ConfigurationError, problemText } from "../../dist/config/problem.js";
import { folder, rejection, removeFolders } from "../support.js";
import { HOUR, MINUTE } from "./support.js";

const agent = (notifications: string): string =>
  `server: {url: "http://localhost:8024"}\nnotifications:\n${notifications}`;

async function read(notifications: string) {
  return (await loadConfiguration(folder({ "agent.yaml": agent(notifications) }), installedPlugins()))
    .notifications;
}

async function problemsOf(notifications: string): Promise<readonly string[]> {
  const directory = folder({ "agent.yaml": agent(notifications) });
  const { problems } = await rejection(loadConfiguration(directory, installedPlugins()), ConfigurationError);
  return problems.map((problem) => problemText(problem).replace(`${directory}/agent.yaml:`, ""));
}

describe("the configuration of notifications", () => {
  afterEach(removeFolders);

  it("is a line for each channel at least, with defaults for the rest", async () => {
    const channels = await read(`
  - command: {run: [/usr/local/bin/tell, --now]}
  - webhook: {url: {credential: hook-url}}
  - email: {host: smtp.example.org, from: backup@example.org, to: [ops@example.org]}
  - ping: {url: "https://ping.example.org/1"}
`);
    const common = {
      on: ["failed", "recovered", "diverged", "damage", "late", "on-time", "configuration-rejected"],
      after: 2 * MINUTE,
      remind: 24 * HOUR,
    };
    expect(channels).to.deep.equal([
      {
        name: "command",
        ...common,
        target: { kind: "command", run: ["/usr/local/bin/tell", "--now"], timeout: 30_000 },
      },
      {
        name: "webhook",
        ...common,
        target: { kind: "webhook", url: { credential: "hook-url" }, timeout: 30_000 },
      },
      {
        name: "email",
        ...common,
        target: {
          kind: "email",
          host: "smtp.example.org",
          port: 587,
          tls: "starttls",
          from: "backup@example.org",
          to: ["ops@example.org"],
          timeout: 30_000,
        },
      },
      {
        name: "ping",
        ...common,
        target: {
          kind: "ping",
          url: "https://ping.example.org/1",
          when: "current",
          every: MINUTE,
          timeout: 30_000,
        },
      },
    ]);
  });

  it("says that 0 is right for after, where something like it isn't", async () => {
    const wrong = async (after: string): Promise<string> =>
      (await problemsOf(`\n  - {command: {run: [/bin/tell]}, after: ${after}}\n`)).join();
    expect(await wrong("0s")).to.contain("write 0, without a unit");
    expect(await wrong("5"))
      .to.contain("doesn't fit. It is: ")
      .and.contain("0: each is");
  });

  it("takes every documented key", async () => {
    const channels = await read(`
  - name: hook
    on: [failed, recovered]
    after: 0
    remind: never
    webhook: {url: "https://hooks.example.org/a?b=c", secret: {file: /etc/hook}, ca: /etc/ca.pem, timeout: 5s}
  - on: [late, on-time]
    after: 10m
    remind: 4h
    email:
      host: localhost
      port: 2525
      tls: none
      ca: /etc/ca.pem
      user: axon
      password: {credential: smtp}
      from: Axon Backup <backup@example.org>
      to: [ops@example.org, Second <second@example.org>]
      timeout: 1m
  - ping: {url: {file: /etc/ping}, fail_url: {env: FAIL}, when: restore-point, every: 10m, timeout: 5s}
`);
    expect(channels[0]).to.deep.equal({
      name: "hook",
      on: ["failed", "recovered"],
      after: 0,
      remind: undefined,
      target: {
        kind: "webhook",
        url: "https://hooks.example.org/a?b=c",
        secret: { file: "/etc/hook" },
        ca: "/etc/ca.pem",
        timeout: 5000,
      },
    });
    expect(channels[1]).to.deep.include({ after: 10 * MINUTE, remind: 4 * HOUR });
    expect(channels[1]?.target).to.deep.include({
      port: 2525,
      tls: "none",
      user: "axon",
      password: { credential: "smtp" },
    });
    expect(channels[2]?.target).to.deep.equal({
      kind: "ping",
      url: { file: "/etc/ping" },
      failUrl: { env: "FAIL" },
      when: "restore-point",
      every: 10 * MINUTE,
      timeout: 5000,
    });
  });

  for (const [what, yaml, problem] of [
    ["nothing to do", "  - on: [failed]\n", "notifications.0: needs one of command, webhook, email and ping"],
    [
      "two things to do",
      "  - command: {run: [/bin/true]}\n    ping: {url: 'https://a.example.org'}\n",
      "notifications.0: has command and ping; write a channel for each",
    ],
    [
      "two alike without names",
      "  - command: {run: [/bin/true]}\n  - command: {run: [/bin/false]}\n",
      "notifications.1.name: there is a channel command already; give each a name of its own",
    ],
    ["a relative program", "  - command: {run: [tell]}\n", "the program must be an absolute path"],
    [
      "a secret itself",
      "  - webhook: {url: 'https://a.example.org', secret: abc}\n",
      "must be a reference to a secret",
    ],
    [
      "an address of another kind",
      "  - webhook: {url: 'ftp://a.example.org'}\n",
      "notifications.0.webhook.url",
    ],
    [
      "a wrong reference",
      "  - ping: {url: {flie: /x}}\n",
      "must be one of {file: /path}, {env: NAME} or {credential: name}",
    ],
    [
      "e-mail in the clear to another machine",
      "  - email: {host: smtp.example.org, tls: none, from: a@b.example, to: [a@b.example]}\n",
      "none is for a server on this machine",
    ],
    [
      "a password without a user",
      "  - email: {host: localhost, password: {env: P}, from: a@b.example, to: [a@b.example]}\n",
      "notifications.0.email.user: required, because password is there",
    ],
    [
      "two receivers in one",
      "  - email: {host: localhost, from: a@b.example, to: ['a@b.example, c@d.example']}\n",
      "doesn't fit",
    ],
    [
      "recoveries from nothing",
      "  - on: [recovered]\n    command: {run: [/bin/true]}\n",
      "recovered follows failed",
    ],
    [
      "a misspelt event",
      "  - on: [fialed]\n    command: {run: [/bin/true]}\n",
      "must be one of failed, recovered",
    ],
    [
      "a misspelt key",
      "  - remmind: 1h\n    command: {run: [/bin/true]}\n",
      "did you mean notifications.0.remind?",
    ],
    ["a time that is none", "  - after: soon\n    command: {run: [/bin/true]}\n", "notifications.0.after"],
  ] as const)
    it(`tells of ${what}, where it stands`, async () => {
      const problems = await problemsOf(yaml);
      expect(problems).to.have.length(1);
      expect(problems[0])
        .to.include(problem)
        .and.match(/^\d+:\d+: notifications\.\d/);
    });

  it("is understood by editors as the agent takes it", () => {
    const check = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(
      editorSchema(AGENT_SCHEMA, "agent.yaml"),
    );
    const file = (notifications: unknown) => ({ server: { url: "http://localhost:8024" }, notifications });
    expect(check(file([{ webhook: { url: "https://a.example.org/x" } }]))).to.equal(true);
    expect(check(file([{ webhook: { url: { file: "/x" } } }]))).to.equal(true);
    expect(check(file([{ webhook: { url: { flie: "/x" } } }]))).to.equal(false);
    expect(check(file([{ webhook: { url: "not an address" } }]))).to.equal(false);
  });
});
