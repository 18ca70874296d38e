import { expect } from "chai";
import { type ServiceMetrics, serviceMetrics } from "../dist/service/metrics/service-metrics.js";
import type { RestorePointResult } from "../dist/service/model.js";
import {
  before as ago,
  busyState,
  currentSink,
  errorOf,
  FakeService,
  HOUR,
  NOW,
  stateWith,
} from "./service-scene.js";
import { runTool, toolOrPending } from "./tools.js";

describe("metrics of the service", () => {
  let service: FakeService;
  let metrics: ServiceMetrics;
  beforeEach(() => {
    service = new FakeService(busyState());
    metrics = serviceMetrics(service, () => NOW.getTime());
  });

  /** The value of one series, as it is written in the text; undefined when there is none. */
  async function value(series: string): Promise<number | undefined> {
    const line = (await metrics.text()).split("\n").find((one) => one.startsWith(`${series} `));
    return line === undefined ? undefined : Number(line.slice(series.length + 1));
  }

  it("tell how far each sink is behind, by context", async () => {
    const of = (sink: string, context: string) => `{sink="${sink}",context="${context}"}`;
    expect(await value(`axon_backup_context_lag_seconds${of("offsite-azure", "default")}`)).to.equal(240);
    expect(await value(`axon_backup_context_lag_tokens${of("offsite-azure", "default")}`)).to.equal(44_676);
    expect(await value(`axon_backup_context_lag_bytes${of("offsite-azure", "default")}`)).to.equal(
      18_990_113,
    );
    expect(await value(`axon_backup_context_lag_seconds${of("nas", "default")}`)).to.equal(0);
    expect(await value(`axon_backup_context_last_success_timestamp_seconds${of("nas", "billing")}`)).to.equal(
      ago(3000).getTime() / 1000,
    );
    // Nothing of that context is on the sink: there is no token, and 0 would be one.
    expect(await value(`axon_backup_context_stored_token${of("offsite-s3", "billing")}`)).to.equal(undefined);
  });

  it("tell each sink's state, lease, damage, verification and promise", async () => {
    expect(await value('axon_backup_sink_health{sink="vault",health="damaged"}')).to.equal(1);
    expect(await value('axon_backup_sink_health{sink="vault",health="current"}')).to.equal(0);
    expect(await value('axon_backup_sink_lease{sink="vault",lease="elsewhere"}')).to.equal(1);
    expect(await value('axon_backup_sink_damaged_objects{sink="vault"}')).to.equal(2);
    expect(await value('axon_backup_sink_last_verify_findings{sink="vault"}')).to.equal(2);
    expect(await value('axon_backup_sink_last_verify_timestamp_seconds{sink="offsite-s3"}')).to.equal(
      undefined,
    );
    expect(await value('axon_backup_sink_promised_lag_seconds{sink="nas"}')).to.equal(60);
    expect(await value('axon_backup_sink_promised_lag_seconds{sink="vault"}')).to.equal(undefined);
    expect(await value('axon_backup_sink_consecutive_failures{sink="offsite-s3"}')).to.equal(14);
    expect(await value('axon_backup_sink_activity{sink="vault",task="verify"}')).to.equal(1);
  });

  it("have the engine's durations as a histogram, cumulated, with sum and count", async () => {
    const series = (le: string) =>
      `axon_backup_sink_call_duration_seconds_bucket{sink="nas",method="put",le="${le}"}`;
    expect(await value(series("0.005"))).to.equal(2);
    expect(await value(series("0.01"))).to.equal(5);
    expect(await value(series("300"))).to.equal(11);
    expect(await value(series("+Inf"))).to.equal(12);
    expect(await value('axon_backup_sink_call_duration_seconds_count{sink="nas",method="put"}')).to.equal(12);
    expect(await value('axon_backup_sink_call_duration_seconds_sum{sink="nas",method="put"}')).to.equal(31.5);
    expect(await value('axon_backup_sink_requests_total{sink="nas",method="put"}')).to.equal(15);
    expect(await value('axon_backup_sink_retries_total{sink="nas",method="put"}')).to.equal(3);
    expect(await value('axon_backup_sink_errors_total{sink="nas",method="put",kind="other"}')).to.equal(1);
    expect(await value('axon_backup_sink_sent_bytes_total{sink="nas"}')).to.equal(987_654_321);
  });

  it("count what happens, from 0 on, without counting a failure twice", async () => {
    const made = 'axon_backup_sink_restore_points_total{sink="nas",result="made"}';
    const failed = 'axon_backup_sink_restore_points_total{sink="nas",result="failed"}';
    expect([await value(made), await value(failed)]).to.deep.equal([0, 0]);
    const result: RestorePointResult = {
      id: "20261124T120000.000Z",
      started: NOW,
      finished: new Date(NOW.getTime() + 7000),
      bytes: 5,
      isOwn: true,
    };
    service.tell({ kind: "restore-point", sink: "nas", result });
    service.tell({ kind: "restore-point", sink: "nas", result: { ...result, isOwn: false } });
    service.tell({ kind: "restore-point", sink: "nas", result: { ...result, id: undefined } });
    const failure = {
      job: "restore-point",
      at: NOW,
      since: NOW,
      attempts: 1,
      cause: "sink",
      retry: undefined,
      error: errorOf("no"),
    } as const;
    service.tell({ kind: "failed", sink: "nas", failure });
    service.tell({ kind: "cycle", sink: "nas", at: NOW, bytes: 300, milliseconds: 30 });
    service.tell({ kind: "diverged", sink: "nas", at: NOW, timelines: [] });
    service.tell({ kind: "configuration-rejected", at: NOW, error: errorOf("no") });
    expect([await value(made), await value(failed)]).to.deep.equal([1, 1]);
    const bucket = 'axon_backup_sink_restore_point_duration_seconds_bucket{sink="nas",le=';
    expect(await value(`${bucket}"5"}`)).to.equal(0);
    expect(await value(`${bucket}"10"}`)).to.equal(1);
    expect(await value('axon_backup_sink_cycle_duration_seconds_bucket{sink="nas",le="0.05"}')).to.equal(1);
    expect(await value('axon_backup_sink_cycle_bytes_total{sink="nas"}')).to.equal(300);
    expect(await value('axon_backup_sink_divergences_total{sink="nas"}')).to.equal(1);
    expect(await value('axon_backup_configuration_reloads_total{result="rejected"}')).to.equal(1);
  });

  it("keep the newest restore point's time when more tries have failed than the state remembers", async () => {
    const series = 'axon_backup_sink_last_restore_point_timestamp_seconds{sink="nas"}';
    const [newest] = currentSink().restorePoints.slice(-1);
    if (!newest) throw new Error("no restore point");
    expect(await value(series)).to.equal(newest.started.getTime() / 1000);
    const later = { ...newest, started: ago(-HOUR), finished: ago(-HOUR) };
    service.tell({ kind: "restore-point", sink: "nas", result: later });
    service.changeSink("nas", { restorePoints: [{ ...newest, id: undefined }] });
    expect(await value(series)).to.equal(ago(-HOUR).getTime() / 1000);
  });

  it("have nothing of a sink that is gone", async () => {
    service.tell({ kind: "cycle", sink: "vault", at: NOW, bytes: 1, milliseconds: 1 });
    expect(await metrics.text()).to.include('sink="vault"');
    service.change({ sinks: [currentSink()] });
    expect(await metrics.text()).not.to.include('sink="vault"');
  });

  it("escape names", async () => {
    service.change(stateWith([currentSink('a"b\\c\nd')]));
    expect(await metrics.text()).to.include('axon_backup_sink_damaged_objects{sink="a\\"b\\\\c\\nd"} 0\n');
  });

  it("have no label that a scrape gives", async () => {
    expect(await metrics.text()).not.to.match(/[{,](job|instance)="/);
  });

  it("stop listening when they are closed", () => {
    expect(service.listeners).to.equal(1);
    metrics.close();
    expect(service.listeners).to.equal(0);
  });

  it("tell of the process", async () => {
    expect(await value("process_cpu_seconds_total")).to.be.greaterThan(0);
    expect(await value("process_start_time_seconds")).to.be.closeTo(Date.now() / 1000 - process.uptime(), 5);
    expect(await value("process_resident_memory_bytes")).to.be.greaterThan(1e6);
  });

  describe("and promtool", () => {
    let promtool: string;
    before(function () {
      promtool = toolOrPending(this, "promtool");
    });

    it("finds nothing wrong with them", async () => {
      service.tell({ kind: "cycle", sink: "nas", at: NOW, bytes: 300, milliseconds: 30 });
      expect(runTool(promtool, ["check", "metrics"], await metrics.text())).to.deep.equal({
        status: 0,
        output: "",
      });
    });
  });
});
