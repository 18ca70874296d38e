import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { writeBelow } from "./booted-agent.js";
import type { BootedSystem } from "./booted.js";
import { codeOf } from "./page.js";

/** Prometheus with what the page says, and faster than that: a second takes the place of minutes. */
export async function startPrometheus(system: BootedSystem, addRules: () => Promise<unknown>): Promise<void> {
  const [yaml = ""] = codeOf("docs/monitoring/README.md", "yaml").filter((code) =>
    code.includes("scrape_configs"),
  );
  const fast = "global: { scrape_interval: 1s, evaluation_interval: 1s }\n";
  writeBelow(system.root, "etc/prometheus/prometheus.yml", [fast + yaml], 0o644);
  await addRules();
  const rules = join(system.root, "etc/prometheus/axon-backup-alerts.yml");
  writeFileSync(rules, readFileSync(rules, "utf8").replaceAll(/^( +for:) .*/gm, "$1 1s"));
  const flags = [
    "--config.file=/etc/prometheus/prometheus.yml",
    "--storage.tsdb.path=/var/lib/prometheus",
    "--web.listen-address=127.0.0.1:9090",
  ];
  await system.expect("systemd-run", "--quiet", "--unit=prometheus", "/usr/local/bin/prometheus", ...flags);
  await system.until(
    "Prometheus is ready",
    async () => (await system.run("curl", "--silent", "--fail", "http://127.0.0.1:9090/-/ready")).code === 0,
  );
}

export interface Series {
  readonly metric: Readonly<Record<string, string | undefined>>;
}

/** An instant query's answer. */
export async function query(system: BootedSystem, expression: string): Promise<readonly Series[]> {
  const said = await system.expect(
    "curl",
    "--silent",
    "--get",
    "--data-urlencode",
    `query=${expression}`,
    "http://127.0.0.1:9090/api/v1/query",
  );
  const answer = JSON.parse(said) as {
    readonly data?: { readonly result: readonly Series[] };
    readonly error?: string;
  };
  if (answer.data === undefined) throw new Error(`${expression}: ${answer.error ?? said}`);
  return answer.data.result;
}

export async function alertRules(
  system: BootedSystem,
): Promise<readonly { readonly name: string; readonly state: string; readonly lastEvaluation: string }[]> {
  const { data } = JSON.parse(
    await system.expect("curl", "--silent", "http://127.0.0.1:9090/api/v1/rules"),
  ) as {
    readonly data: {
      readonly groups: readonly {
        readonly rules: readonly { name: string; state: string; lastEvaluation: string }[];
      }[];
    };
  };
  return data.groups.flatMap(({ rules }) => rules);
}
