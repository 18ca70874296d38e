import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { inspectStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import { expectVerified, leftoversAt, restorePointsAt } from "../support/repository.js";
import { pending } from "../support/pending.js";
import { filesBelow, type Running, Scene } from "../support/scene.js";
import { holdsWhile, reachedBy } from "../support/wait.js";

const QUIET = ["service: {listen: off}"];

/** What the head on a sink has of the context `default`: the token after its last event; undefined without a head. */
function headAt(sink: string): number | undefined {
  const path = join(sink, "head.json");
  if (!existsSync(path)) return undefined;
  try {
    const { contexts } = (JSON.parse(readFileSync(path, "utf8")) as { body: Head }).body;
    return contexts.find(({ name }) => name === "default")?.events.nextToken;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined; // being replaced
    throw error;
  }
}

interface Head {
  readonly contexts: readonly { readonly name: string; readonly events: { readonly nextToken: number } }[];
}

function entries(running: Running): readonly Readonly<Record<string, unknown>>[] {
  return running
    .said()
    .split("\n")
    .filter((line) => line.startsWith("{") && line.endsWith("}"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const hasLine = (running: Running, wanted: (entry: Readonly<Record<string, unknown>>) => boolean): boolean =>
  entries(running).some(wanted);

/** Appends events, and waits until the head on a sink has them. */
async function followed(
  scene: Scene,
  running: Running,
  sinks: readonly string[],
  count: number,
): Promise<void> {
  scene.server.appendSample("default", count);
  const lastToken = scene.server.head("default");
  await holdsWhile(running, () => sinks.every((name) => headAt(scene.sinkPath(name)) === lastToken + 1));
}

/** What is restored has every event, and its segments the server's bytes; index files of segments that came after the restore point, a server makes anew. */
async function expectRestores(scene: Scene, sink: string, target: string): Promise<void> {
  await scene.expect(0, "restore", "--sink", sink, "--to", scene.path(target));
  const restored = join(scene.path(target), "default");
  expect(inspectStore(restored, "events").nextToken).to.equal(scene.server.head("default") + 1);
  const theirs = filesBelow(join(scene.storage, "default"));
  for (const [name, bytes] of filesBelow(restored))
    expect(Buffer.compare(bytes, theirs.get(name) ?? Buffer.alloc(0)), name).to.equal(0);
}

describe("axon-backup run", () => {
  let scene: Scene;
  let running: Running | undefined;
  afterEach(async () => {
    running?.kill("SIGKILL");
    await running?.ended.catch(() => undefined);
    running = undefined;
    await scene.close();
  });

  it("backs up, follows, goes on where it was killed, and ends when it is told to", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    scene.writeAgentConfig(["storage: [{storage}]"], QUIET);
    const nas = scene.sinkPath("nas");
    running = scene.start(["run"]);
    await holdsWhile(running, () => restorePointsAt(nas).length === 1);
    await followed(scene, running, ["nas"], 30);
    await followed(scene, running, ["nas"], 30);

    running.kill("SIGKILL");
    expect((await running.ended).signal).to.equal("SIGKILL");
    await expectVerified(nas, "after it was killed");
    await expectRestores(scene, "nas", "killed");

    scene.server.appendSample("default", 30);
    const lastToken = scene.server.head("default");
    running = scene.start(["run"]);
    await holdsWhile(running, () => headAt(nas) === lastToken + 1);
    expect(restorePointsAt(nas), "it goes on from the one there is").to.have.length(1);

    running.kill("SIGUSR1");
    await holdsWhile(running, () => restorePointsAt(nas).length === 2);
    await followed(scene, running, ["nas"], 30);

    const asked = performance.now();
    running.kill("SIGTERM");
    const ended = await running.ended;
    expect({ code: ended.code, signal: ended.signal }, ended.stderr).to.deep.equal({ code: 0, signal: null });
    expect(performance.now() - asked).to.be.below(10_000);
    expect(existsSync(join(nas, "writer.json")), "the lock is given back").to.equal(false);
    await expectVerified(nas, "after its end");
    await expectRestores(scene, "nas", "ended");
  });

  it("doesn't begin where another process listens, and keeps its listener when another address is taken", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const taken = `service: {listen: "127.0.0.1:${(other.address() as AddressInfo).port}"}`;
    try {
      scene.writeAgentConfig(["storage: [{storage}]"], [taken]);
      const { stderr } = await scene.expect(1, "run");
      expect(stderr).to.contain("another process listens there").and.contain("service.listen");
      expect(existsSync(scene.sinkPath("nas")), "nothing was begun").to.equal(false);

      scene.writeAgentConfig(["storage: [{storage}]"], ["service: {listen: 127.0.0.1:0}"]);
      const service = (running = scene.start(["run"]));
      await holdsWhile(service, () => service.said().includes("metrics and status: http://"));
      await holdsWhile(service, () => restorePointsAt(scene.sinkPath("nas")).length === 1);
      const [, address = ""] = /metrics and status: (http:\/\/[\d.:]+\/)/.exec(service.said()) ?? [];
      scene.writeAgentConfig(["storage: [{storage}]"], [taken]);
      service.kill("SIGHUP");
      await holdsWhile(service, () => hasLine(service, ({ event }) => event === "configuration-rejected"));
      expect((await fetch(`${address}healthz`)).status).to.equal(200);
    } finally {
      other.close();
    }
  });

  it("rejects a configuration whose secrets of notifications or of the listener can't be read, and changes nothing", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    const token = scene.path("service-token");
    writeFileSync(token, "first", { mode: 0o600 });
    const configure = (...rest: readonly string[]): void => {
      scene.writeAgentConfig(["storage: [{storage}]"], rest);
    };
    const listen = `service: {listen: "127.0.0.1:0", token: {file: ${token}}}`;
    configure(listen);
    const service = (running = scene.start(["run"]));
    const addresses = () =>
      [...service.said().matchAll(/metrics and status: (http:\/\/[\d.:]+\/)/g)].map(([, one = ""]) => one);
    await holdsWhile(service, () => addresses().length === 1);
    await holdsWhile(service, () => restorePointsAt(scene.sinkPath("nas")).length === 1);
    const asked = async (shown: string) =>
      (await fetch(`${addresses().at(-1)}api/state`, { headers: { authorization: `Bearer ${shown}` } }))
        .status;
    const rejections = () => entries(service).filter(({ event }) => event === "configuration-rejected");

    const gone = scene.path("gone");
    for (const [at, line] of [
      `  - webhook: {url: "https://hooks.example", secret: {file: ${gone}}}`,
      "  - ping: {url: {env: NO_SUCH_VARIABLE}, when: current}",
      `  - email: {host: 127.0.0.1, tls: none, user: me, password: {file: ${gone}}, from: a@b.example, to: [c@d.example]}`,
    ].entries()) {
      const before = rejections().length;
      configure(listen, "notifications:", line);
      service.kill("SIGHUP");
      await holdsWhile(service, () => rejections().length > before);
      expect(JSON.stringify(rejections().at(-1)), line).to.contain(at === 1 ? "NO_SUCH_VARIABLE" : gone);
    }
    expect(await asked("first")).to.equal(200);
    const state = (await (
      await fetch(`${addresses()[0]}api/state`, { headers: { authorization: "Bearer first" } })
    ).json()) as { readonly rejectedConfiguration: { readonly message: string } | null };
    expect(state.rejectedConfiguration?.message).to.contain("notifications.email.password");

    // A token that is gone, and then another one.
    configure(listen);
    rmSync(token);
    const before = rejections().length;
    service.kill("SIGHUP");
    await holdsWhile(service, () => rejections().length > before);
    expect(JSON.stringify(rejections().at(-1))).to.contain("service.token");
    expect(await asked("first"), "the one before stays").to.equal(200);
    writeFileSync(token, "second", { mode: 0o600 });
    service.kill("SIGHUP");
    await holdsWhile(service, () => addresses().length === 2);
    expect([await asked("first"), await asked("second")]).to.deep.equal([401, 200]);
    service.kill("SIGTERM");
    expect((await service.ended).code).to.equal(0);
  });

  it("works on one sink whatever is the matter with another, and takes another configuration if it is right", async () => {
    scene = await Scene.open({ rebuildIndexes: true, sinks: ["nas", "broken"] });
    scene.writeAgentConfig(["storage: [{storage}]"], QUIET);
    mkdirSync(join(scene.directory, "sinks"), { recursive: true });
    writeFileSync(scene.sinkPath("broken"), "a file where the sink's directory should be");
    const service = (running = scene.start(["run"]));
    await holdsWhile(service, () => restorePointsAt(scene.sinkPath("nas")).length === 1);
    await followed(scene, service, ["nas"], 30);
    await holdsWhile(service, () =>
      hasLine(service, ({ sink, event }) => sink === "broken" && event === "failed"),
    );

    rmSync(scene.sinkPath("broken"));
    service.kill("SIGUSR1");
    await holdsWhile(service, () =>
      hasLine(service, ({ sink, event }) => sink === "broken" && event === "recovered"),
    );
    await holdsWhile(service, () => restorePointsAt(scene.sinkPath("broken")).length === 1);
    await followed(scene, service, ["nas", "broken"], 30);

    scene.writeSink("third", ["type: local", "pth: /nowhere"]);
    service.kill("SIGHUP");
    await holdsWhile(service, () => hasLine(service, ({ event }) => event === "configuration-rejected"));
    expect(service.said()).to.contain("third.yaml:2:1: pth: unknown key; did you mean path?");
    await followed(scene, service, ["nas", "broken"], 30);

    const begun = entries(service).length;
    scene.writeSink("third", ["type: local", `path: ${scene.sinkPath("third")}`]);
    service.kill("SIGHUP");
    await holdsWhile(service, () => restorePointsAt(scene.sinkPath("third")).length === 1);
    await followed(scene, service, ["nas", "broken", "third"], 30);
    const since = entries(service).slice(begun);
    expect(
      since.filter(({ sink, restorePoint }) => sink !== "third" && restorePoint !== undefined),
      "the others go on undisturbed",
    ).to.deep.equal([]);

    service.kill("SIGTERM");
    expect((await service.ended).code).to.equal(0);
    for (const name of ["nas", "broken", "third"]) await expectVerified(scene.sinkPath(name), name);
  });

  it("abandons a restore point that it is told to end in", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    scene.writeAgentConfig(["storage: [{storage}]"], QUIET);
    const handle = scene.server.misbehave({ path: "/createControlDbBackup", behaviour: { kind: "hold" } });
    running = scene.start(["run"]);
    await reachedBy(running, handle);
    running.kill("SIGTERM");
    const { code, stderr } = await running.ended;
    expect(code, stderr).to.equal(0);
    expect(restorePointsAt(scene.sinkPath())).to.deep.equal([]);
    expect(leftoversAt(scene.sinkPath())).to.deep.equal([]);
  });

  it("goes on when the server was away", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    scene.writeAgentConfig(["storage: [{storage}]"], QUIET);
    const refused = scene.server.misbehave({ behaviour: { kind: "status", status: 503, body: "starting" } });
    running = scene.start(["run"]);
    await reachedBy(running, refused, 2);
    scene.server.misbehave(undefined);
    running.kill("SIGUSR1");
    await holdsWhile(running, () => restorePointsAt(scene.sinkPath()).length === 1);
    await followed(scene, running, ["nas"], 30);
  });

  it("doesn't begin with a wrong configuration", async () => {
    scene = await Scene.open({ rebuildIndexes: true });
    scene.writeAgentConfig(["storage: [{storage}]"], ["schedule: {cron: nightly}"]);
    const { stderr } = await scene.expect(3, "run");
    expect(stderr).to.contain("schedule.cron: not a cron expression");
  });

  it("tells systemd that it is ready, how it is, that it gets on, and that it ends", async function () {
    scene = await Scene.open({ rebuildIndexes: true });
    const socket = scene.path("notify");
    const receiver = spawn("python3", ["-u", "-c", RECEIVER, socket], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const told: string[] = [];
    const receives = { any: false };
    receiver.stdout.on("data", (chunk: Buffer) => {
      told.push(
        ...chunk
          .toString()
          .split("\n")
          .filter((line) => line !== ""),
      );
      receives.any = true;
    });
    const gone = new Promise<void>((resolve) => {
      receiver.on("error", () => {
        resolve();
      });
      receiver.on("close", () => {
        resolve();
      });
    });
    try {
      while (!receives.any && (await Promise.race([gone.then(() => "gone"), soon()])) !== "gone");
      if (!receives.any) pending(this, "python3 isn't there: apt-get install python3");
      scene.writeAgentConfig(["storage: [{storage}]"], QUIET);
      running = scene.start(["run"], { NOTIFY_SOCKET: socket, WATCHDOG_USEC: "200000" });
      const has = (text: string): boolean => told.some((line) => line.includes(text));
      await holdsWhile(
        running,
        () => has("READY=1") && told.filter((line) => line === "WATCHDOG=1").length > 2,
      );
      running.kill("SIGHUP");
      await holdsWhile(running, () => has("RELOADING=1"));
      running.kill("SIGTERM");
      const { code, stderr } = await running.ended;
      expect(code, stderr).to.equal(0);
      expect(told.join("\n"))
        .to.contain("STOPPING=1")
        .and.match(/MONOTONIC_USEC=\d{6,}/)
        .and.match(/STATUS=.*sink/);
      expect(stderr).not.to.contain("systemd can't be told");
    } finally {
      receiver.kill();
      await gone;
    }
  });
});

function soon(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** What systemd is to a service: a datagram socket. */
const RECEIVER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("listening")
while True:
    print(s.recv(4096).decode())
`;
