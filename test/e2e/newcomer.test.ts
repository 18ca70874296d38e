import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import type { BootedSystem } from "../support/booted.js";
import { writeBelow } from "../support/booted-agent.js";
import { bootNewMachine, prometheusOf, runOn } from "../support/new-machine.js";
import { repositoryRoot } from "../support/packages.js";
import { type BlockKind, codeOf, type Replacements, shellBlocks } from "../support/page.js";
import { pending } from "../support/pending.js";
import { alertRules, query, startPrometheus } from "../support/prometheus.js";

const PAGES = [
  "README.md",
  ...["getting-started", "installing", "operating", "troubleshooting", "security", "monitoring/README"].map(
    (page) => `docs/${page}.md`,
  ),
];
const SINKS = ["nas", "usb"] as const;
/** Where the receiver of notifications listens, and writes what it gets. */
const RECEIVER = { url: "http://127.0.0.1:9999", file: "/run/received" };
const AGENT = "/etc/axon-backup/agent.yaml";

/**
 * What somebody does who has a new machine, with systemd and an Axon Server on it, and our pages: the very commands of these, in their order. Ports and paths are as they stand there, because the
 * machine has nothing else on it.
 */
describe("a newcomer with the pages and an empty Debian", function () {
  this.timeout(180_000);
  let system: BootedSystem;
  let close = (): Promise<void> => Promise.resolve();
  const followed = new Set<string>();

  before(async function () {
    system = await bootNewMachine(this);
    close = () => system.close();
  });
  after(() => close());

  /** Runs the blocks of a page below some of its headings, or all. @returns what they said, by heading */
  async function follow(
    page: string,
    kinds: readonly BlockKind[],
    { only = () => true, replacements = {}, before }: Following = {},
  ): Promise<ReadonlyMap<string, string>> {
    const said = new Map<string, string>();
    for (const [heading, blocks] of shellBlocks(page, kinds)) {
      if (!only(heading)) continue;
      await before?.(heading);
      for (const code of blocks) {
        const script = Object.entries(replacements).reduce(
          (text, [from, to]) => text.replaceAll(from, to),
          code,
        );
        said.set(heading, (said.get(heading) ?? "") + (await runOn(system, script)));
        followed.add(`${page}: ${code}`);
      }
    }
    return said;
  }

  it("has a service, a restore point on two sinks, and somebody who is told", async () => {
    await startReceiver(system);
    const [yaml = ""] = codeOf("docs/getting-started.md", "yaml");
    const said = await follow("docs/getting-started.md", ["", "systemd"], {
      only: (heading) => heading !== "Without systemd",
      before: async (heading) => {
        if (heading !== "6. Who is told") return;
        const own = yaml
          .replaceAll(/https:\/\/[a-z]+\.example\.org/g, RECEIVER.url)
          // Not after two minutes, lest it is over by then.
          .replace(/^ +- webhook: .*/m, "$&\n    after: 0");
        await appendTo(system, AGENT, own);
      },
    });
    expect(said.get("4. Check")).to.include("ready to back up");
    const run = said.get("5. Run") ?? "";
    for (const sink of SINKS)
      expect(run).to.match(new RegExp(`^sink ${sink}\nRESTORE POINT.*\n\\d{8}T\\S+Z `, "m"));
    expect(run).to.include("active (running)").and.not.include("CUT OFF");
    expect(said.get("7. Restore, once")).to.match(/^checked \/var\/tmp\/restored/m);
    expect(await runOn(system, `cat ${RECEIVER.file}`))
      .to.include("POST /backup")
      .and.include("GET /axon-backup");
  });

  it("finds that the commands for the running service work", async () => {
    for (const page of ["operating", "troubleshooting"]) await follow(`docs/${page}.md`, ["systemd"]);
    const said = await follow("docs/monitoring/README.md", ["systemd"], {
      only: (heading) => heading === "The journal",
    });
    expect(said.size).to.equal(1);
  });

  describe("with a Prometheus", () => {
    before(async function () {
      if (prometheusOf() === undefined) {
        const reason = "there is no prometheus; run node scripts/install-test-servers.mjs";
        if ((process.env["CI"] ?? "") !== "") throw new Error(reason);
        pending(this, reason);
      }
      await startPrometheus(system, () =>
        follow("docs/monitoring/README.md", ["systemd"], { only: (heading) => heading === "Prometheus" }),
      );
    });

    it("has no alert while all is well, and one when a sink fails; the webhook is told, too", async () => {
      await system.until(
        "the service is scraped",
        async () => (await query(system, 'up{job="axon-backup"} == 1')).length > 0,
      );
      await system.until("the rules were evaluated", async () =>
        (await alertRules(system)).every(({ lastEvaluation }) => !lastEvaluation.startsWith("0001")),
      );
      // The first look may have come before the service did.
      await system.until("there is no alert", async () =>
        (await alertRules(system)).every(({ state }) => state === "inactive"),
      );
      // As when a disk is pulled out; and the service begins without it, too.
      await runOn(system, "mv /mnt/usb /mnt/pulled && systemctl restart axon-backup");
      await system.until(
        "the alert fires",
        async () =>
          (await query(system, 'ALERTS{alertname="AxonBackupSinkFailing",sink="usb",alertstate="firing"}'))
            .length > 0,
      );
      await system.until("the webhook was told", async () =>
        /POST \/backup .*usb.*fail/.test(await runOn(system, `cat ${RECEIVER.file}`)),
      );
      // The other one goes on, and the service isn't ready.
      expect(await query(system, 'axon_backup_sink_health{sink="nas",health="current"} == 1')).to.have.length(
        1,
      );
      expect(await runOn(system, "curl --silent http://127.0.0.1:9464/readyz || true")).to.match(
        /^not ready\nsink usb: failing/,
      );
    });

    it("sees the alert go when the sink is well again", async () => {
      await runOn(system, "mv /mnt/pulled /mnt/usb && systemctl restart axon-backup");
      await system.until(
        "the alert is gone",
        async () => (await query(system, 'ALERTS{sink="usb"}')).length === 0,
      );
    });

    it("gets an answer to everything that the dashboard asks", async () => {
      await appendTo(system, "/etc/axon-backup/sinks.d/nas.yaml", "verify: { every: 1s, budget: 100% }\n");
      const { expressions, variables } = dashboard();
      expect(expressions).to.have.length.above(30);
      let unanswered = expressions;
      await system.until(
        "every query is answered",
        async () => {
          const answers = await Promise.all(unanswered.map((expression) => query(system, expression)));
          unanswered = unanswered.filter((_, i) => answers[i]?.length === 0);
          return unanswered.length === 0;
        },
        () => unanswered.join("\n"),
      );
      for (const [metric, label] of variables) {
        const series = await query(system, metric);
        expect(
          series.map(({ metric }) => metric[label]),
          metric,
        )
          .not.to.include(undefined)
          .and.not.have.length(0);
      }
    });
  });

  describe("after all that", () => {
    it("can take the archive for npm instead, and timers", async () => {
      await follow("docs/installing.md", ["systemd"], { only: (heading) => heading.startsWith("Debian") });
      await runOn(system, "dpkg --purge axon-backup && rm -rf /mnt/nas/axon /mnt/usb/axon");
      const [readWrite = ""] = codeOf("docs/installing.md", "ini");
      writeBelow(system.root, "etc/systemd/system/axon-backup.service.d/override.conf", [readWrite], 0o644);
      const said = await follow("docs/installing.md", ["systemd"], {
        only: (heading) => heading === "npm" || heading === "The service",
        // Nobody is there to be asked.
        replacements: {
          "axon-backup init ":
            "axon-backup init --server http://localhost:8024 --sink nas=local:/mnt/nas/axon --yes ",
        },
      });
      expect(said.get("The service")).to.include("ready to back up").and.include("active (running)");
      await system.until("the restore point is there", async () =>
        (await runOn(system, "axon-backup list")).includes("none (first)"),
      );
      await runOn(system, "systemctl disable --now axon-backup");
      await follow("docs/installing.md", ["systemd"], { only: (heading) => heading === "One-shot runs" });
    });

    it("has followed every block that is for a system like this", () => {
      for (const page of PAGES)
        for (const code of [...shellBlocks(page, ["systemd"]).values()].flat())
          expect([...followed]).to.include(`${page}: ${code}`);
    });
  });
});

interface Following {
  readonly only?: (heading: string) => boolean;
  readonly replacements?: Replacements;
  readonly before?: (heading: string) => Promise<void>;
}

async function appendTo(system: BootedSystem, file: string, text: string): Promise<void> {
  const path = join(system.root, file);
  writeFileSync(path, `${readFileSync(path, "utf8")}\n${text}`);
  await Promise.resolve();
}

/** Something that takes what is sent to it, and writes it down: method, path and body in a line. */
async function startReceiver(system: BootedSystem): Promise<void> {
  writeBelow(system.root, "opt/receiver.cjs", [
    `require("http").createServer((request, answer) => {`,
    `  let body = "";`,
    `  request.on("data", (chunk) => (body += chunk));`,
    `  request.on("end", () => {`,
    `    const line = [request.method, request.url, body.replaceAll(/\\s+/g, " ")].join(" ");`,
    `    require("fs").appendFileSync("${RECEIVER.file}", line + "\\n");`,
    `    answer.end();`,
    `  });`,
    `}).listen(9999, "127.0.0.1");`,
  ]);
  await system.expect("systemd-run", "--quiet", "--unit=receiver", "/usr/bin/node", "/opt/receiver.cjs");
}

/** What the dashboard asks of Prometheus, with everything chosen; and for its variables, which label of which metric. */
function dashboard() {
  const text = readFileSync(join(repositoryRoot, "docs/monitoring/dashboard.json"), "utf8");
  const { panels, templating } = JSON.parse(text) as {
    readonly panels: readonly { readonly targets?: readonly { readonly expr: string }[] }[];
    readonly templating: { readonly list: readonly { readonly definition?: string }[] };
  };
  const chosen = (expression: string) =>
    expression.replaceAll("$__rate_interval", "1m").replaceAll(/\$(instance|sink)/g, ".*");
  return {
    expressions: panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => chosen(expr))),
    variables: templating.list.flatMap(({ definition }) => {
      const [, metric, label] = /^label_values\((.*), (\w+)\)$/.exec(definition ?? "") ?? [];
      return metric === undefined || label === undefined ? [] : [[chosen(metric), label] as const];
    }),
  };
}
