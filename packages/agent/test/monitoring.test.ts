import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { parse, stringify } from "yaml";
import { serviceMetrics } from "../dist/service/metrics/service-metrics.js";
import { busyState, FakeService } from "./service-scene.js";
import { runTool, toolOrPending } from "./tools.js";

const FOLDER = fileURLToPath(new URL("../../../docs/monitoring/", import.meta.url));
const read = (name: string): string => readFileSync(join(FOLDER, name), "utf8");

interface Rules {
  readonly groups: readonly {
    readonly rules: readonly { readonly alert: string; readonly expr: string }[];
  }[];
}
interface Dashboard {
  readonly panels: readonly {
    readonly title: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
  readonly templating: { readonly list: readonly { readonly query: unknown }[] };
}

/** Names of metrics that PromQL may name, those that a histogram is made of among them. */
function known(): ReadonlySet<string> {
  const names = serviceMetrics(new FakeService(busyState())).names();
  const parts = (name: string) => ["_bucket", "_sum", "_count"].map((end) => `${name}${end}`);
  return new Set([
    "up",
    ...names.flatMap((name) => [name, ...(name.endsWith("_seconds") ? parts(name) : [])]),
  ]);
}

const used = (text: string): readonly string[] =>
  text.match(/\b(?:axon_backup|process|nodejs)_[a-z_]+/g) ?? [];
const alerts = (): Rules["groups"][number]["rules"] =>
  (parse(read("alerts.yml")) as Rules).groups.flatMap(({ rules }) => rules);
const dashboard = (): Dashboard => JSON.parse(read("dashboard.json")) as Dashboard;
const expressions = (): readonly string[] =>
  dashboard().panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

describe("docs/monitoring", () => {
  it("names metrics that there are: alert rules, their tests, the dashboard, the page", () => {
    const names = known();
    for (const file of ["alerts.yml", "alerts.test.yml", "dashboard.json", "README.md"])
      for (const name of used(read(file))) expect(names, file).to.include(name);
    expect(expressions().filter((expr) => used(expr).length === 0)).to.deep.equal([]);
  });

  it("describes every metric", () => {
    const described = new Set(used(read("README.md")));
    expect(
      serviceMetrics(new FakeService(busyState()))
        .names()
        .filter((name) => !described.has(name)),
    ).to.deep.equal([]);
  });

  it("describes every alert, and tests that each fires and doesn't", () => {
    const page = read("README.md");
    const { tests } = parse(read("alerts.test.yml")) as {
      readonly tests: readonly {
        readonly alert_rule_test: readonly {
          readonly alertname: string;
          readonly exp_alerts: readonly unknown[];
        }[];
      }[];
    };
    const cases = tests.flatMap((test) => test.alert_rule_test);
    for (const { alert } of alerts()) {
      expect(page).to.include(`\`${alert}\``);
      const expected = cases
        .filter(({ alertname }) => alertname === alert)
        .map(({ exp_alerts }) => exp_alerts.length);
      expect(expected, alert).to.include(0).and.include(1);
    }
  });

  it("has the ids of all that the journal is told", async () => {
    const { MESSAGE_IDS } = await import("../dist/service/message-ids.js");
    const rows = [...read("README.md").matchAll(/^\| `([a-z-]+)` +\| `([0-9a-f]{32})` +\|/gm)];
    expect(Object.fromEntries(rows.map(([, kind = "", id = ""]) => [kind, id]))).to.deep.equal(MESSAGE_IDS);
  });

  it("describes every member of /api/state", async () => {
    const { stateJson } = await import("../dist/service/http/state-json.js");
    const page = read("README.md");
    const membersOf = (value: unknown): readonly string[] =>
      typeof value !== "object" || value === null
        ? []
        : Object.entries(value).flatMap(([key, inner]) =>
            // The engine's counts have the names of methods and errors for members.
            [...(Array.isArray(value) ? [] : [key]), ...(key === "counts" ? [] : membersOf(inner))],
          );
    const members = new Set(membersOf(JSON.parse(JSON.stringify(stateJson(busyState(), new Date())))));
    for (const member of members) expect(page, member).to.match(new RegExp(`[\`"]${member}[\`"]`));
  });

  it("has a dashboard whose panels don't cover each other", () => {
    const { panels } = dashboard();
    for (const [i, { title, gridPos: a }] of panels.entries()) {
      expect(a.x + a.w, title).to.be.at.most(24);
      for (const { title: other, gridPos: b } of panels.slice(i + 1))
        expect(
          a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h,
          `${title} and ${other}`,
        ).to.equal(false);
    }
  });

  describe("and promtool", () => {
    let promtool: string;
    before(function () {
      promtool = toolOrPending(this, "promtool");
    });

    it("finds the rules right", () => {
      const { status, output } = runTool(promtool, ["check", "rules", join(FOLDER, "alerts.yml")]);
      expect(status, output).to.equal(0);
    });

    it("sees each alert fire when it should, and only then", () => {
      const { status, output } = runTool(promtool, ["test", "rules", join(FOLDER, "alerts.test.yml")]);
      expect(status, output).to.equal(0);
    });

    it("can parse what the dashboard asks", () => {
      const directory = mkdtempSync(join(tmpdir(), "axon-backup-dashboard-"));
      try {
        const rules = expressions().map((expr, i) => ({
          record: `panel_${i}`,
          expr: expr.replaceAll("$__rate_interval", "5m").replaceAll(/\$(instance|sink)/g, ".*"),
        }));
        const file = join(directory, "rules.yml");
        writeFileSync(file, stringify({ groups: [{ name: "dashboard", rules }] }));
        const { status, output } = runTool(promtool, ["check", "rules", file]);
        expect(status, output).to.equal(0);
        expect(rules.filter(({ expr }) => expr.includes("$"))).to.deep.equal([]);
      } finally {
        rmSync(directory, { recursive: true });
      }
    });
  });
});
