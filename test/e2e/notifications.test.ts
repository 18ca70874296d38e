import { createHmac } from "node:crypto";
import { chmodSync, readFileSync, existsSync, writeFileSync } from "node:fs";
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { expect } from "chai";
import { Scene } from "../support/scene.js";
import { holdsWhile } from "../support/wait.js";

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const SECRET = "only-between-us";

describe("notifications of the service", function () {
  // A channel waits half a minute for what has the same cause.
  this.timeout(150_000);
  let scene: Scene;
  let receiver: Server;
  let received: Received[];
  beforeEach(async () => {
    received = [];
    receiver = createServer((request, response) => {
      void text(request).then((body) => {
        received.push({ path: request.url ?? "", headers: request.headers, body });
        response.writeHead(204).end();
      });
    });
    await new Promise<void>((resolve) => receiver.listen(0, "127.0.0.1", resolve));
  });
  afterEach(async () => {
    receiver.closeAllConnections();
    receiver.close();
    await scene.close();
  });

  it("tell of failures and of their end, signed, and ping as long as all is well", async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
    scene = await Scene.open();
    writeFileSync(scene.path("secret"), SECRET, { mode: 0o600 });
    writeFileSync(scene.path("tell"), `#!/bin/sh\necho "$AXON_BACKUP_EVENT" >> ${scene.path("told")}\n`);
    chmodSync(scene.path("tell"), 0o700);
    const notifications = [
      "service: {listen: off}",
      "notifications:",
      "  - after: 0",
      `    webhook: {url: "${url}/hook", secret: {file: ${scene.path("secret")}}}`,
      "  - on: [configuration-rejected, recovered]",
      `    command: {run: [${scene.path("tell")}]}`,
      `  - ping: {url: "${url}/up", every: 1s}`,
    ];
    const configure = (...more: readonly string[]): void => {
      scene.writeAgentConfig(["storage: [{storage}]"], [...notifications, ...more]);
    };
    configure();
    const told = (event: string): (Received & { readonly message: Record<string, unknown> }) | undefined =>
      received
        .filter(({ path }) => path === "/hook")
        .map((one) => ({ ...one, message: JSON.parse(one.body) as Record<string, unknown> }))
        .find(({ message }) => message["event"] === event);
    const pings = (): number => received.filter(({ path }) => path === "/up").length;

    const running = scene.start(["run"]);
    try {
      await holdsWhile(running, () => pings() >= 2);

      scene.server.misbehave({ path: /.*/, behaviour: { kind: "status", status: 503 } });
      running.kill("SIGUSR1");
      await holdsWhile(running, () => told("failed") !== undefined);
      const failure = told("failed");
      expect(failure?.message).to.include({ sink: "nas", job: "restore-point", severity: "error" });
      const timestamp = String(failure?.headers["x-axon-backup-timestamp"]);
      const signature = createHmac("sha256", SECRET)
        .update(`${timestamp}.${failure?.body ?? ""}`)
        .digest("hex");
      expect(failure?.headers["x-axon-backup-signature"]).to.equal(`v1=${signature}`);

      scene.server.misbehave(undefined);
      running.kill("SIGUSR1");
      await holdsWhile(running, () => told("recovered") !== undefined);
      expect(told("recovered")?.message).to.include({ sink: "nas", job: "restore-point" });

      configure("contxts: [default]");
      await holdsWhile(running, () => told("configuration-rejected") !== undefined);
      expect(told("configuration-rejected")?.message["text"]).to.include("did you mean contexts?");
      configure();
      const lines = (): string =>
        existsSync(scene.path("told")) ? readFileSync(scene.path("told"), "utf8") : "";
      await holdsWhile(running, () => lines() === "configuration-rejected\nrecovered\n");

      const before = pings();
      await holdsWhile(running, () => pings() > before);
    } finally {
      running.kill("SIGTERM");
    }
    const { stderr } = await running.ended;
    expect(stderr).not.to.include(SECRET);
  });
});
