import { expect } from "chai";
import { installedPlugins } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { ConfigurationError, problemText } from "../dist/config/problem.js";
import { DEFAULT_SINK_SERVICE, pruneSchedule } from "../dist/config/sink-service.js";
import { folder, rejection, removeFolders } from "./support.js";

const AGENT = "server: {url: http://localhost:8024}\n";
const SINK = "type: local\npath: /mnt/nas/axon\n";

async function load(agent: string, sink = "") {
  const directory = folder({ "agent.yaml": AGENT + agent, "sinks.d/nas.yaml": SINK + sink });
  const configuration = await loadConfiguration(directory, installedPlugins());
  const [nas] = configuration.sinks;
  if (nas === undefined) throw new Error("no sink");
  return { configuration, nas };
}

async function problemsOf(agent: string, sink = ""): Promise<readonly string[]> {
  const directory = folder({ "agent.yaml": AGENT + agent, "sinks.d/nas.yaml": SINK + sink });
  const { problems } = await rejection(loadConfiguration(directory, installedPlugins()), ConfigurationError);
  return problems.map((problem) => problemText(problem).replaceAll(`${directory}/`, ""));
}

describe("the service's configuration", () => {
  afterEach(removeFolders);

  it("has defaults for everything", async () => {
    const { configuration, nas } = await load("");
    expect(configuration.service).to.deep.equal({ listen: { host: "127.0.0.1", port: 9464 } });
    expect(configuration.notifications).to.deep.equal([]);
    expect(nas.service).to.deep.equal(DEFAULT_SINK_SERVICE);
    expect(pruneSchedule(nas.service, false)).to.deep.equal({ kind: "never" });
    expect(pruneSchedule(nas.service, true)).to.include({ kind: "cron", expression: "0 5 * * *" });
  });

  it("is agent.yaml's, with the sink's own sections in the place of those", async () => {
    const agent = `
schedule: {cron: "0  */6 * * *", timezone: europe/berlin, jitter: 2m}
continuous: {interval: 500ms, max_put_rate: 2/m, notice: server}
verify: {every: 1d, budget: 10GiB, for: 2h}
prune: {every: never}
promise: {lag: 30s, restore_point: 2d}
service: {listen: "[::1]:9000", token: {file: /etc/token}}
`;
    const of = await load(agent);
    expect(of.configuration.service).to.deep.equal({
      listen: { host: "::1", port: 9000 },
      token: { file: "/etc/token" },
    });
    expect(of.nas.service).to.deep.equal({
      schedule: { kind: "cron", expression: "0 */6 * * *", timezone: "Europe/Berlin", jitter: 120_000 },
      continuous: { enabled: true, interval: 500, maxPutRate: { count: 2, per: 60_000 }, notice: "server" },
      verify: {
        schedule: { kind: "every", milliseconds: 86_400_000, jitter: 0 },
        readData: true,
        budget: { bytes: 10 * 2 ** 30 },
        within: 7_200_000,
      },
      prune: { kind: "never" },
      promise: { lag: 30_000, restorePoint: 172_800_000 },
    });
    const own = await load(agent, "schedule: {every: 15m}\nverify: {cron: '@daily', depth: objects}\n");
    expect(own.nas.service).to.deep.equal({
      ...of.nas.service,
      schedule: { kind: "every", milliseconds: 900_000, jitter: 0 },
      verify: {
        schedule: { kind: "cron", expression: "@daily", timezone: "UTC", jitter: 0 },
        readData: false,
      },
    });
    const whole = await load(agent, "continuous: {enabled: false}\npromise: {lag: 1h}\n");
    expect(whole.nas.service.continuous, "notice is one for all").to.deep.equal({
      enabled: false,
      interval: 1000,
      maxPutRate: { count: 60, per: 3_600_000 },
      notice: "server",
    });
    expect(whole.nas.service.promise).to.deep.equal({ lag: 3_600_000, restorePoint: undefined });
  });

  it("listens nowhere, or where others are only with a token", async () => {
    expect((await load("service: {listen: off}")).configuration.service.listen).to.equal(undefined);
    const open = await load('service: {listen: "0.0.0.0:9464", token: {env: TOKEN}}');
    expect(open.configuration.service.listen).to.deep.equal({ host: "0.0.0.0", port: 9464 });
    expect(await problemsOf('service: {listen: "0.0.0.0:9464"}')).to.deep.equal([
      "agent.yaml:2:19: service.listen: other machines reach this address: set service.token, or listen on 127.0.0.1",
    ]);
  });

  const CRON =
    "write five fields, as 30 3 * * *: minute, hour, day of the month, month, day of the week; or @hourly, @daily, @weekly, @monthly, @yearly";
  for (const [written, ...expected] of [
    [
      "schedule: off",
      "agent.yaml:2:11: schedule: must be a section with keys, as {every: 1h}; or {every: never}, for not at all",
    ],
    [
      'schedule: {cron: "30 25 * * *"}',
      `agent.yaml:2:18: schedule.cron: not a cron expression: the hour can't be that; ${CRON}`,
    ],
    ['schedule: {cron: "1 2 3"}', `agent.yaml:2:18: schedule.cron: not a cron expression: ${CRON}`],
    ['schedule: {cron: "0 30 3 * * *"}', `agent.yaml:2:18: schedule.cron: not a cron expression: ${CRON}`],
    ['schedule: {cron: "2026-11-24"}', `agent.yaml:2:18: schedule.cron: not a cron expression: ${CRON}`],
    ['schedule: {cron: "@secret"}', `agent.yaml:2:18: schedule.cron: not a cron expression: ${CRON}`],
    [
      'verify: {cron: "0 0 31 2 *"}',
      "agent.yaml:2:16: verify.cron: there is no such day: it would never be time",
    ],
    [
      'prune: {cron: "0 0 * * *", timezone: Europe/Belrin}',
      "agent.yaml:2:38: prune.timezone: there is no such time zone; did you mean Europe/Berlin?",
    ],
    [
      "schedule: {every: 1h, cron: '@daily'}",
      "agent.yaml:2:29: schedule.cron: every is there as well; one of them says when",
    ],
    [
      "schedule: {every: 1h, timezone: UTC}",
      "agent.yaml:2:1: schedule.cron: required, because timezone is there",
    ],
    ["schedule: {every: 100ms}", "agent.yaml:2:19: schedule.every: too short: 1s at least"],
    ["schedule: {every: 1m, jitter: 2m}", "agent.yaml:2:31: schedule.jitter: must not be more than every"],
    [
      "schedule: {jitter: 2m}",
      "agent.yaml:2:20: schedule.jitter: says by how much, and every or cron is missing",
    ],
    ["schedule: {evry: 1m}", "agent.yaml:2:12: schedule.evry: unknown key; did you mean schedule.every?"],
    [
      "continuous: {max_put_rate: 2000/s}",
      "agent.yaml:2:28: continuous.max_put_rate: not a rate: from 1/d to 1000/s",
    ],
    [
      "verify: {budget: 0%}",
      "agent.yaml:2:18: verify.budget: not a budget: write how much to read, as 10GiB (KiB, MiB, GiB, kB, MB or GB), or a part of what there is, as 5%",
    ],
    [
      "verify: {every: 1d, depth: objects, for: 1h}",
      "agent.yaml:2:42: verify.for: is for depth: data; with objects, nothing is read",
    ],
    [
      "promise: {lag: 25d}",
      "agent.yaml:2:16: promise.lag: not a duration: write a number and ms, s, m, h or d, as 10s; 1ms to 24d",
    ],
    [
      'service: {listen: "::1:9464"}',
      "agent.yaml:2:19: service.listen: not an address and a port: write 127.0.0.1:9464, or [::1]:9464, or off",
    ],
  ] as const)
    it(`is refused: ${written}`, async () => {
      expect(await problemsOf(written)).to.deep.equal(expected);
    });

  it("is checked in the sink's file as well", async () => {
    expect(await problemsOf("", "schedule: {cron: nightly}\ncontinuous: {notice: files}\n")).to.deep.equal([
      "sinks.d/nas.yaml:4:14: continuous.notice: unknown key",
    ]);
    expect(await problemsOf("", "schedule: {cron: nightly}\n")).to.deep.equal([
      `sinks.d/nas.yaml:3:18: schedule.cron: not a cron expression: ${CRON}`,
    ]);
  });
});
