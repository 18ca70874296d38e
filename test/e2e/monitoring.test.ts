import { expect } from "chai";
import { Scene, type Running } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

/** The service's HTTP server, as its log names it. */
async function addressOf(service: Running): Promise<string> {
  const named = () => /http:\/\/127\.0\.0\.1:\d+\//.exec(service.said())?.[0];
  await holdsWhile(service, () => named() !== undefined);
  return named() ?? "";
}

describe("monitoring the service", () => {
  let scene: Scene;
  let service: Running;
  before(async () => {
    scene = await Scene.open();
    scene.writeAgentConfig(["storage: [{storage}]"], ["service:", "  listen: 127.0.0.1:0"]);
    service = scene.start(["run"]);
  });
  after(async () => {
    service.kill("SIGTERM");
    await service.ended;
    await scene.close();
  });

  it("tells that it is alive at once, that it is ready once the sink has everything, and how things stand", async () => {
    const address = await addressOf(service);
    const get = async (path: string) => {
      const response = await fetch(`${address}${path}`);
      return { status: response.status, body: await response.text() };
    };
    expect((await get("healthz")).status).to.equal(200);
    let ready = await get("readyz");
    while (ready.status !== 200) {
      expect(ready.body).to.match(/^not ready\n(no sink|sink nas: (starting|behind))/);
      ready = await get("readyz");
    }
    let { body: metrics } = await get("metrics");
    // How far it is behind is known a moment after the restore point, when the sink was compared with the server again.
    while (!metrics.includes('axon_backup_context_lag_tokens{sink="nas",context="default"} 0\n'))
      ({ body: metrics } = await get("metrics"));
    expect(metrics).to.match(/^axon_backup_sink_restore_points_total\{sink="nas",result="made"\} 1$/m);
    expect(metrics).to.match(/^axon_backup_sink_requests_total\{sink="nas",method="put"\} [1-9]/m);
    expect(metrics).to.match(/^axon_backup_server_up 1$/m);
    const { body: page } = await get("");
    expect(page).to.include("The sink is current").and.include("axonserver");
    const { sinks } = JSON.parse((await get("api/state")).body) as { readonly sinks: readonly object[] };
    expect(sinks).to.have.length(1);
    expect(sinks[0]).to.include({ sink: "nas", health: "current", damagedObjects: 0 });
  });
});
