import { writeFileSync } from "node:fs";
import { sampleTls, type StandinTls } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { filesBelow, Scene } from "../support/scene.js";

const roots = "storage: [{storage}]";
const serverOnly: StandinTls = sampleTls.server;
const mutual: StandinTls = { ...sampleTls.server, ca: sampleTls.ca, requestCert: true };

describe("TLS", () => {
  let scene: Scene;
  afterEach(() => scene.close());

  async function open(tls: StandinTls, host = "127.0.0.1"): Promise<void> {
    scene = await Scene.open({ tls, host });
    writeFileSync(scene.path("ca.pem"), sampleTls.ca);
    writeFileSync(scene.path("client.pem"), sampleTls.client.cert);
    writeFileSync(scene.path("client.key"), sampleTls.client.key, { mode: 0o600 });
  }
  /** The `tls` section, with `ca` and these lines. */
  function configure(...lines: readonly string[]): void {
    scene.writeAgentConfig([roots, `tls: { ${[`ca: ${scene.path("ca.pem")}`, ...lines].join(", ")} }`]);
  }
  function expectNothingStored(): void {
    expect(filesBelow(scene.sinkPath()).size, "objects on the sink").to.equal(0);
  }

  it("with an authority of one's own: check and backup", async () => {
    await open(serverOnly);
    configure();
    await scene.expect(0, "check");
    await scene.expect(0, "backup");
    await scene.expect(0, "verify", "--read-data");
  });

  it("without the authority, the server is refused, and the remedy names server.tls.ca", async () => {
    await open(serverOnly);
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("TLS failed").and.to.include("server.tls.ca");
    const check = await scene.expect(1, "check");
    expect(check.stdout + check.stderr).to.include("server.tls.ca");
    expectNothingStored();
  });

  it("an authority that signed something else doesn't help", async () => {
    await open(serverOnly);
    writeFileSync(scene.path("ca.pem"), sampleTls.client.cert);
    configure();
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("TLS failed");
    expectNothingStored();
  });

  it("a certificate for another name is refused, unless server_name is the one it has", async () => {
    await open(serverOnly, "127.0.0.2");
    configure();
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("127.0.0.2").and.to.include("server.tls.server_name");
    expectNothingStored();
    configure("server_name: axon.example.com");
    const wrong = await scene.expect(1, "backup");
    expect(wrong.stderr).to.include("axon.example.com");
    expectNothingStored();
    configure("server_name: localhost");
    await scene.expect(0, "backup");
  });

  for (const [form, key] of [
    ["a path", (path: string) => path],
    ["{file}", (path: string) => `{ file: ${path} }`],
    ["{env}", () => "{ env: AXON_CLIENT_KEY }"],
  ] as const)
    it(`a client certificate with its key from ${form} satisfies a server that wants one`, async () => {
      await open(mutual);
      configure(`cert: ${scene.path("client.pem")}`, `key: ${key(scene.path("client.key"))}`);
      const running = scene.start(["backup", "--verbose"], { AXON_CLIENT_KEY: sampleTls.client.key });
      const { code, stdout, stderr } = await running.ended;
      expect(code, stderr).to.equal(0);
      const secret = sampleTls.client.key.split("\n")[1] ?? "";
      expect(stdout + stderr).to.not.include(secret);
    });

  it("without a client certificate, the error says what the server wants", async () => {
    await open(mutual);
    configure();
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr)
      .to.match(/wants a client certificate/)
      .and.to.include("server.tls.cert")
      .and.to.include("server.tls.key");
    expectNothingStored();
  });

  it("a client certificate from another authority is refused with the same remedy", async () => {
    await open({ ...mutual, ca: sampleTls.server.cert });
    configure(`cert: ${scene.path("client.pem")}`, `key: ${scene.path("client.key")}`);
    const { stderr } = await scene.expect(1, "backup");
    expect(stderr).to.include("server.tls.cert").and.to.include("server.tls.key");
    expectNothingStored();
  });

  it("a certificate file that isn't there, and a key that isn't a key, are errors of the configuration", async () => {
    await open(serverOnly);
    scene.writeAgentConfig([roots, `tls: { ca: ${scene.path("nowhere.pem")} }`]);
    const missing = await scene.expect(3, "backup");
    expect(missing.stderr).to.include("server.tls.ca").and.to.include(scene.path("nowhere.pem"));
    configure(`cert: ${scene.path("client.pem")}`, `key: ${scene.path("client.pem")}`);
    const noKey = await scene.expect(3, "backup");
    expect(noKey.stderr).to.include("server.tls.key");
    expectNothingStored();
  });

  it("https to a server without TLS, and http to one with it, say which", async () => {
    await open(serverOnly);
    scene.writeAgentConfig([roots], [], scene.server.url.replace("https:", "http:"));
    const plain = await scene.expect(1, "backup");
    expect(plain.stderr).to.include("https://");
    await scene.close();
    scene = await Scene.open();
    scene.writeAgentConfig([roots], [], scene.server.url.replace("http:", "https:"));
    const encrypted = await scene.expect(1, "backup");
    expect(encrypted.stderr).to.include("begin with http://");
  });
});
