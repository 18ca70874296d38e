import "reflect-metadata";
import type {
  FollowEnd,
  FollowOptions,
  Repository,
  SourceWatch,
  WatchEvent,
  WatchOptions,
} from "@axon-backup/core";
import { DEFAULT_POLICY, EngineError } from "@axon-backup/core";
import { expect } from "chai";
import type { ConfiguredSink, ConfiguredSinks } from "../dist/composition/sinks.js";
import { ConfigurationError } from "../dist/config/problem.js";
import { DEFAULT_SERVICE } from "../dist/config/service-section.js";
import { DEFAULT_SINK_SERVICE } from "../dist/config/sink-service.js";
import { type Configuration, DEFAULT_LOG, type SinkConfiguration } from "../dist/config/types.js";
import type { ServiceEvent } from "../dist/service/model.js";
import { Service, type ServiceParts } from "../dist/service/service.js";
import { FakeTime } from "./fake-time.js";
import { memorySink } from "./fakes.js";
import { committed, failed, untilAborted } from "./service-worker-scene.js";

interface Change {
  readonly url?: string;
  readonly options?: Readonly<Record<string, string>>;
  readonly secrets?: Readonly<Record<string, string>>;
  readonly sinks?: readonly string[];
}

/** A service whose engine is a fake, and what it was asked for. */
class ServiceScene {
  readonly time = new FakeTime();
  readonly events: ServiceEvent[] = [];
  readonly follows: string[] = [];
  readonly ended: string[] = [];
  readonly warnings: string[] = [];
  /** What the sinks are to be done for. */
  sinkService = DEFAULT_SINK_SERVICE;
  watches = 0;
  closed = 0;
  onWatch: ((event: WatchEvent) => void) | undefined;
  /** Of these sinks, backups fail. */
  readonly failing = new Set<string>();
  backups = 0;
  /** Whether following takes no notice of being told to end. */
  isDeaf = false;
  readonly service: Service;

  constructor() {
    const silent = (): void => undefined;
    const warn = (message: string): void => void this.warnings.push(message);
    this.service = new Service({
      engine: {
        openRepository: () => Promise.resolve(REPOSITORY),
        backup: ({ sinks: [sink] }) => {
          this.backups++;
          const report = this.failing.has(sink?.name ?? "")
            ? failed(new EngineError("failed", "the server is away", "Wait."))
            : committed();
          return Promise.resolve({ started: new Date(0), finished: new Date(0), sinks: [report] });
        },
        verify: () => Promise.reject(new Error("not asked for")),
        prune: () => Promise.reject(new Error("not asked for")),
        watchSource: (options: WatchOptions) => this.#watch(options),
        follow: (options: FollowOptions) => this.#follow(options),
      },
      log: { debug: silent, info: silent, warn, error: silent },
      redact: (text) => text,
      time: this.time,
      random: () => 1,
    });
    this.service.subscribe({ onEvent: (event) => this.events.push(event) });
  }

  parts({
    url = "http://localhost",
    options = {},
    secrets = {},
    sinks = ["a", "b"],
  }: Change = {}): ServiceParts {
    const configuration: Configuration = {
      directory: "/config",
      server: { url, paths: [], timeouts: {} },
      contexts: undefined,
      log: DEFAULT_LOG,
      service: DEFAULT_SERVICE,
      notifications: [],
      sinks: sinks.map((name) => configured(name, { path: options[name] ?? name })),
    };
    return {
      configuration,
      sinks: {
        select: () => sinks.map((name) => ({ ...opened(name), service: this.sinkService })),
      } as unknown as ConfiguredSinks,
      openSource: () =>
        url === "wrong"
          ? Promise.reject(
              new ConfigurationError([{ file: "/config/agent.yaml", key: "", message: "wrong" }]),
            )
          : Promise.resolve({ close: () => this.#close() } as never),
      secrets: new Map(Object.entries(secrets)),
    };
  }

  async take(change?: Change): Promise<readonly string[]> {
    const taking = this.service.take(this.parts(change));
    await this.time.pass(0);
    const changed = await taking;
    await this.time.pass(0);
    return changed;
  }

  #close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }

  #watch({ source, interval, onEvent }: WatchOptions): SourceWatch {
    this.watches++;
    this.onWatch = onEvent;
    return {
      source,
      interval,
      state: { revision: 0, identity: undefined, contexts: undefined, positions: new Map() },
      next: () => new Promise(() => undefined),
      wake: () => undefined,
      close: () => Promise.resolve(),
    };
  }

  #follow(options: FollowOptions): Promise<FollowEnd> {
    const { name, signal } = options;
    this.follows.push(name);
    void untilAborted(options);
    if (this.isDeaf) return new Promise(() => undefined);
    return new Promise((_, reject) => {
      signal?.addEventListener(
        "abort",
        () => {
          this.ended.push(name);
          reject(signal.reason as Error);
        },
        { once: true },
      );
    });
  }
}

const REPOSITORY = {
  restorePoints: () => Promise.resolve(["20261124T115500.000Z"]),
  verifiedRestorePoints: () => Promise.resolve([]),
  damagedKeys: () => Promise.resolve(new Set()),
} as unknown as Repository;

function configured(name: string, options: Readonly<Record<string, unknown>>): SinkConfiguration {
  return {
    name,
    file: `/config/sinks.d/${name}.yaml`,
    type: "local",
    enabled: true,
    policy: DEFAULT_POLICY,
    service: DEFAULT_SINK_SERVICE,
    options,
    secrets: [],
    warnings: [],
  };
}

function opened(name: string): ConfiguredSink {
  return {
    name,
    type: "local",
    connections: 4,
    directory: undefined,
    service: DEFAULT_SINK_SERVICE,
    open: () => Promise.resolve(memorySink()),
    bare: () => Promise.resolve(memorySink()),
    counts: () => undefined,
    retrying: () => undefined,
  };
}

describe("the service", () => {
  let scene: ServiceScene;
  it("says when nothing is scheduled", async () => {
    await scene.take();
    expect([scene.warnings, scene.service.state().isNothingScheduled]).to.deep.equal([[], false]);
    scene.sinkService = {
      ...DEFAULT_SINK_SERVICE,
      schedule: { kind: "never" },
      continuous: { ...DEFAULT_SINK_SERVICE.continuous, enabled: false },
    };
    await scene.take({ url: "http://other" });
    expect(scene.warnings).to.have.length(1);
    expect(scene.warnings[0]).to.contain("nothing is scheduled");
    expect(scene.service.state().isNothingScheduled).to.equal(true);
  });

  beforeEach(() => {
    scene = new ServiceScene();
  });
  afterEach(async () => {
    const stopping = scene.service.stop("SIGTERM");
    await scene.time.pass(10_000);
    await stopping;
  });

  it("works on every sink, by itself", async () => {
    expect(await scene.take()).to.deep.equal(["a", "b"]);
    expect(scene.follows).to.deep.equal(["a", "b"]);
    expect(scene.service.state().sinks.map(({ name, health }) => [name, health])).to.deep.equal([
      ["a", "current"],
      ["b", "current"],
    ]);
  });

  it("leaves alone what is the same in another configuration", async () => {
    await scene.take();
    expect(await scene.take()).to.deep.equal([]);
    expect(await scene.take({ sinks: ["a", "b", "c"] })).to.deep.equal(["c"]);
    expect(await scene.take({ sinks: ["a", "b", "c"], options: { b: "elsewhere" } })).to.deep.equal(["b"]);
    const secrets = { c: "another password" };
    const all = { sinks: ["a", "b", "c"], options: { b: "elsewhere" } };
    expect(await scene.take({ ...all, secrets })).to.deep.equal(["c"]);
    expect(await scene.take({ secrets, sinks: ["a", "c"] })).to.deep.equal(["b"]);
    expect(scene.follows).to.deep.equal(["a", "b", "c", "b", "c"]);
    expect(scene.ended).to.deep.equal(["b", "c", "b"]);
    expect(scene.watches).to.equal(1);
  });

  it("begins anew with another server, or another token for it", async () => {
    await scene.take();
    expect(await scene.take({ url: "http://other" })).to.deep.equal(["a", "b"]);
    expect({ watches: scene.watches, closed: scene.closed }).to.deep.equal({ watches: 2, closed: 1 });
    expect(await scene.take({ url: "http://other", secrets: { "": "another token" } })).to.deep.equal([
      "a",
      "b",
    ]);
  });

  it("changes nothing for one that can't be taken, says so, and is content again with one that can", async () => {
    await scene.take();
    try {
      await scene.service.take(scene.parts({ url: "wrong" }));
      expect.fail("it was taken");
    } catch (error) {
      scene.service.rejected(error);
    }
    expect(scene.ended).to.deep.equal([]);
    expect(scene.service.state().rejectedConfiguration?.message).to.equal("the configuration is wrong");
    expect(scene.events.map(({ kind }) => kind)).to.deep.equal(["configuration-rejected"]);
    await scene.take();
    expect(scene.service.state().rejectedConfiguration).to.equal(undefined);
  });

  it("tries again at once when the server is back", async () => {
    await scene.take();
    scene.failing.add("a").add("b");
    scene.service.restorePointNow("asked for");
    await scene.time.pass(10 * 60_000);
    const before = scene.backups;
    scene.failing.clear();
    scene.onWatch?.({ kind: "recovered", at: scene.time.now() });
    await scene.time.pass(0);
    expect(scene.backups).to.equal(before + 2);
    expect(scene.events.filter(({ kind }) => kind === "recovered")).to.have.length(2);
  });

  it("tells when a promise isn't kept", async () => {
    await scene.take();
    scene.failing.add("b");
    await scene.time.pass(3 * 3_600_000);
    const late = scene.events.filter(({ kind }) => kind === "late");
    expect(late.map((event) => ("sink" in event ? event.sink : ""))).to.deep.equal(["b"]);
  });

  it("doesn't wait for longer than seven seconds for what a storage holds up", async () => {
    await scene.take();
    scene.isDeaf = true;
    await scene.take({ sinks: ["a", "b", "c"] });
    const stopping = scene.service.stop("SIGTERM");
    await scene.time.pass(7000);
    expect(await stopping).to.deep.equal(["c"]);
    expect(scene.closed, "it may be in use").to.equal(0);
  });

  it("ends everything, and says so", async () => {
    await scene.take();
    expect(await scene.service.stop("SIGTERM")).to.deep.equal([]);
    expect(scene.ended).to.deep.equal(["a", "b"]);
    expect(scene.events.at(-1)).to.include({ kind: "stopping", signal: "SIGTERM" });
    expect(scene.service.state().isStopping).to.equal(true);
    expect(scene.closed).to.equal(1);
  });
});
