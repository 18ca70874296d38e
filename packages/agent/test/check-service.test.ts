import { chmodSync, writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { expect } from "chai";
import { listenRows } from "../dist/checks/listen-rows.js";
import { installedPlugins } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { notificationRows } from "../dist/checks/notification-rows.js";
import { serviceRows } from "../dist/checks/service-rows.js";
import type { NotificationTarget } from "../dist/config/notifications-types.js";
import { Redactor } from "../dist/secrets/redactor.js";
import type { SecretContext } from "../dist/secrets/resolve.js";
import { instanceOf } from "../dist/service/http/instance.js";
import { folder, removeFolders, run } from "./support.js";
import { HttpReceiver } from "./notifications/http-receiver.js";
import { get, serve } from "./service-http-scene.js";
import { FakeService, stateWith } from "./service-scene.js";

const { signal } = new AbortController();

function secrets(env: Readonly<Record<string, string>> = {}): SecretContext {
  return { env, redactor: new Redactor(), warn: () => undefined };
}

describe("the check of notifications", () => {
  let receiver: HttpReceiver;
  beforeEach(async () => {
    receiver = await HttpReceiver.start();
  });
  afterEach(async () => {
    await receiver.close();
    removeFolders();
  });

  const rowOf = async (target: NotificationTarget, env = {}) => {
    const channel = { name: "ops", on: [], after: 0, remind: undefined, target };
    const [row] = await notificationRows([channel], secrets(env), signal);
    return row;
  };

  it("finds a channel usable without sending anything, and says how to", async () => {
    const url = { env: "HOOK" };
    const row = await rowOf(
      { kind: "webhook", url, secret: { env: "SECRET" }, timeout: 1000 },
      { HOOK: `${receiver.url}/hooks/very-secret`, SECRET: "x" },
    );
    expect(row).to.deep.include({ check: "notifications", subject: "ops", outcome: "ok", remedy: null });
    expect(row?.detail).to.contain("axon-backup test-notifications --channel ops");
    expect(row?.detail).not.to.contain("very-secret");
    expect(receiver.requests).to.deep.equal([]);
  });

  it("fails for a secret that isn't there or is no address, certificates, and a program that can't be run", async () => {
    const ping = await rowOf({
      kind: "ping",
      url: "https://example.org/up",
      failUrl: { env: "GONE" },
      when: "current",
      every: 1,
      timeout: 1,
    });
    expect(ping?.outcome).to.equal("failed");
    expect(ping?.detail).to.contain("notifications.ping.fail_url of the channel ops").and.contain("GONE");
    const noAddress = await rowOf({ kind: "webhook", url: { env: "HOOK" }, timeout: 1 }, { HOOK: "hello" });
    expect(noAddress?.detail).to.contain("no address");
    const email = { kind: "email", host: "localhost", port: 25, tls: "none", from: "a@b", to: [] } as const;
    const missing = join(folder(), "gone");
    const password = await rowOf({ ...email, user: "me", password: { file: missing }, timeout: 1 });
    expect(password?.detail).to.contain("notifications.email.password").and.contain(missing);
    expect((await rowOf({ ...email, ca: missing, timeout: 1 }))?.detail).to.contain(missing);
    const program = join(folder({ tell: "#!/bin/sh\n" }), "tell");
    const command = { kind: "command", run: [program], timeout: 1 } as const;
    const notExecutable = await rowOf(command);
    expect(notExecutable).to.deep.include({ outcome: "failed" });
    expect(notExecutable?.remedy).to.contain("chmod +x");
    chmodSync(program, 0o700);
    expect((await rowOf(command))?.outcome).to.equal("ok");
    expect((await rowOf({ ...command, run: [folder()] }))?.detail).to.contain("no file");
  });

  it("is part of `check`", async () => {
    const config = folder({
      "agent.yaml":
        'server: {url: "http://127.0.0.1:1"}\nservice: {listen: off}\nnotifications:\n  - webhook: {url: {env: HOOK}}\n',
    });
    const { stdout, code } = await run(["check", "--config", config]);
    expect(stdout).to.match(/^FAILED +notifications webhook /m);
    expect(code).to.be.above(0);
  });
});

describe("the check of where the service listens", () => {
  const open: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close();
    removeFolders();
  });

  async function listening(server: Server): Promise<number> {
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    open.push(server);
    return (server.address() as AddressInfo).port;
  }
  const rowsAt = (port: number, directory = "/etc/axon-backup") =>
    listenRows({ directory, service: { listen: { host: "127.0.0.1", port } } }, secrets(), signal);

  it("is right where nobody does, and is nothing where it is off", async () => {
    const server = createServer();
    const port = await listening(server);
    server.close();
    await once(server, "close");
    expect((await rowsAt(port))[0]).to.deep.include({ outcome: "ok", subject: `127.0.0.1:${port}` });
    const off = { directory: "/", service: { listen: undefined } };
    expect(await listenRows(off, secrets(), signal)).to.deep.equal([]);
  });

  it("is right where the service of this configuration does, and not where another's", async () => {
    const http = await serve(new FakeService(stateWith([])), { instance: instanceOf("/etc/axon-backup") });
    open.push(http);
    const [own] = await rowsAt(http.address.port);
    expect(own).to.deep.include({ outcome: "ok", detail: "the service runs, and listens there" });
    const [other] = await rowsAt(http.address.port, "/etc/another");
    expect(other).to.deep.include({ outcome: "failed" });
    expect(other?.detail).to.contain("another configuration");
    expect(other?.remedy).to.contain("service.listen").and.contain("ss -ltnp");
  });

  it("fails where somebody else does, and tells what is known of him", async () => {
    const web = createHttp((_request, response) => {
      response.writeHead(404, { server: "nginx" }).end();
    });
    const [row] = await rowsAt(await listening(web));
    expect(row).to.deep.include({ outcome: "failed" });
    expect(row?.detail).to.contain("answers /healthz with 404 and calls itself nginx");
    const mute = createServer((socket) => socket.end());
    expect((await rowsAt(await listening(mute)))[0]?.detail).to.contain("doesn't answer HTTP");
  });

  it("fails without the token, and at an address that isn't this machine's", async () => {
    const listen = { host: "192.0.2.1", port: 9464 };
    const token = { file: join(folder(), "token") };
    const rows = () => listenRows({ directory: "/", service: { listen, token } }, secrets(), signal);
    expect((await rows())[0]?.detail)
      .to.contain("service.token")
      .and.contain(token.file);
    writeFileSync(token.file, "secret");
    const [row] = await rows();
    expect(row).to.deep.include({ outcome: "failed" });
    expect(row?.detail).to.contain("192.0.2.1:9464").and.contain("EADDRNOTAVAIL");
  });
});

describe("a configuration that has nothing scheduled", () => {
  afterEach(removeFolders);

  const rowsOf = async (agent: string, sink = "") => {
    const directory = folder({
      "agent.yaml": `server: {url: "http://localhost:8024"}\nservice: {listen: off}\n${agent}`,
      "sinks.d/nas.yaml": `type: local\npath: /mnt/nas/axon\n${sink}`,
      "sinks.d/off.yaml": "type: local\npath: /mnt/off\nenabled: false\nschedule: {every: 1h}\n",
    });
    return serviceRows(await loadConfiguration(directory, installedPlugins()), secrets(), signal);
  };

  it("is warned of, and no other one is", async () => {
    const nothing = "schedule: {every: never}\ncontinuous: {enabled: false}\n";
    const [row, ...more] = await rowsOf(nothing);
    expect(more).to.deep.equal([]);
    expect(row).to.deep.include({ check: "schedule", outcome: "warning" });
    expect(row?.detail).to.contain("nothing is scheduled");
    expect(row?.remedy).to.contain("schedule or continuous");
    for (const [agent, sink] of [
      ["", ""],
      [nothing, "schedule: {every: 1h}\n"],
      [nothing, "continuous: {enabled: true}\n"],
    ] as const)
      expect(await rowsOf(agent, sink)).to.deep.equal([]);
  });

  it("is told of on the status page, and as JSON", async () => {
    const service = new FakeService({ ...stateWith([]), isNothingScheduled: true });
    const http = await serve(service);
    try {
      expect((await get(http, "/")).body).to.contain("Nothing is scheduled");
      expect(JSON.parse((await get(http, "/api/state")).body)).to.include({ nothingScheduled: true });
      service.change({ isNothingScheduled: false });
      expect((await get(http, "/")).body).not.to.contain("Nothing is scheduled");
    } finally {
      await http.close();
    }
  });
});
