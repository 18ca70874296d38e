import {
  bytesSource,
  CONTRACT_VERSION,
  objectKey,
  type Sink,
  SinkError,
  type SinkPlugin,
} from "@axon-backup/sink";
import { expect } from "chai";
import { pluginRegistry } from "../dist/composition/plugins.js";
import { ConfiguredSinks } from "../dist/composition/sinks.js";
import { loadConfiguration } from "../dist/config/load.js";
import { ConfigurationError, problemText } from "../dist/config/problem.js";
import { SINK_KEYS } from "../dist/config/sink-schema.js";
import { parseSize } from "../dist/config/size.js";
import { jsonLog } from "../dist/output/log.js";
import { Redactor } from "../dist/secrets/redactor.js";
import { memorySink } from "./fakes.js";
import { folder, MemoryStream, rejection, removeFolders } from "./support.js";

const KEY = objectKey("contexts/default/object");

function memoryPlugin(open: () => Promise<Sink>, connections?: number): SinkPlugin {
  return {
    contract: CONTRACT_VERSION,
    type: "memory",
    description: "for tests",
    ...(connections !== undefined && { connections }),
    optionsSchema: { type: "object", additionalProperties: false, properties: {} },
    open,
  };
}

async function load(yaml: string, plugin = memoryPlugin(() => Promise.resolve(memorySink()))) {
  return loadConfiguration(folder({ "sinks.d/s.yaml": `type: memory\n${yaml}` }), pluginRegistry([plugin]));
}

async function policyOf(yaml: string, connections?: number) {
  const plugin = memoryPlugin(() => Promise.resolve(memorySink()), connections);
  const { sinks } = await load(yaml, plugin);
  expect(sinks[0]?.options).to.deep.equal({});
  return sinks[0]?.policy;
}

describe("how a sink is used", () => {
  afterEach(removeFolders);

  it("has a default for everything", async () => {
    expect(await policyOf("")).to.deep.equal({
      connections: 4,
      limits: {},
      stall: 60_000,
      retries: { elapsed: 120_000, attempts: 3, base: 500, cap: 30_000 },
    });
    expect(await policyOf("limits: {}\ntimeouts: {}\nretries: {}\n", 16)).to.deep.include({
      connections: 16,
    });
  });

  it("is what the operator writes, and none of it goes to the plugin", async () => {
    const yaml =
      "connections: 8\nlimits: {upload: 10MiB, download: 1.5MB}\ntimeouts: {stall: 5m}\nretries: {for: 1h, attempts: 9, max_wait: 5s}\n";
    expect(await policyOf(yaml, 16)).to.deep.equal({
      connections: 8,
      limits: { upload: 10 * 1024 * 1024, download: 1_500_000 },
      stall: 300_000,
      retries: { elapsed: 3_600_000, attempts: 9, base: 500, cap: 5000 },
    });
  });

  const wrong: readonly (readonly [yaml: string, problem: string | RegExp])[] = [
    ["connections: 0\n", "s.yaml:2:14: connections: must be >= 1"],
    ["connections: 65\n", "s.yaml:2:14: connections: must be <= 64"],
    ["conections: 5\n", "s.yaml:2:1: conections: unknown key; did you mean connections?"],
    ["limits: {uplaod: 1MiB}\n", "s.yaml:2:10: limits.uplaod: unknown key; did you mean limits.upload?"],
    [
      "limits: {upload: 1000}\n",
      "s.yaml:2:18: limits.upload: must be text. It is: To the storage. Per second: a number and KiB, MiB, GiB (of 1024), or kB, MB, GB (of 1000): 10MiB.",
    ],
    [
      "limits: {upload: 10Mbit}\n",
      /s\.yaml:2:18: limits\.upload: doesn't fit\. It is: To the storage\. Per second/,
    ],
    ["limits: {download: 0.5kB}\n", /s\.yaml:2:20: limits\.download: not a size.*at least 1024 bytes/],
    ["timeouts: {stall: 90d}\n", /s\.yaml:2:19: timeouts\.stall: not a duration/],
    ["retries: {for: 0s}\n", /s\.yaml:2:16: retries\.for: not a duration/],
    ["retries: {attempts: 0}\n", "s.yaml:2:21: retries.attempts: must be >= 1"],
  ];
  for (const [yaml, expected] of wrong)
    it(`refuses, with place and reason: ${yaml.trim()}`, async () => {
      const { problems } = await rejection(load(yaml), ConfigurationError);
      const texts = problems.map((problem) => problemText(problem).replace(/^.*\/sinks\.d\//, ""));
      expect(texts).to.have.length(1);
      if (typeof expected === "string") expect(texts[0]).to.equal(expected);
      else expect(texts[0]).to.match(expected);
    });

  it("has a description for every key", () => {
    const check = (properties: Readonly<Record<string, unknown>>): void => {
      for (const [key, schema] of Object.entries(properties)) {
        const { description, properties: inner } = schema as {
          description?: string;
          properties?: Readonly<Record<string, unknown>>;
        };
        expect(description, key).to.be.a("string");
        if (inner) check(inner);
      }
    };
    check(SINK_KEYS);
  });

  it("reads sizes with their units", () => {
    expect(["1KiB", "1.5MiB", "2GiB", "3kB", "4MB", "5GB"].map((text) => parseSize(text, 1))).to.deep.equal([
      1024, 1_572_864, 2_147_483_648, 3000, 4e6, 5e9,
    ]);
    for (const text of ["", "10", "MiB", "10 MiB", "10mib", "-1MiB", "9999999999999999GB"])
      expect(() => parseSize(text, 1), text).to.throw(RangeError);
  });
});

describe("a configured sink", () => {
  afterEach(removeFolders);

  async function sinksOf(plugin: SinkPlugin, yaml = "") {
    const stream = new MemoryStream();
    const log = jsonLog("info", stream);
    const sinks = new ConfiguredSinks(await load(`retries: {max_wait: 1ms}\n${yaml}`, plugin), {
      secrets: { env: {}, redactor: new Redactor(), warn: log.warn },
      log,
      signal: new AbortController().signal,
    });
    const lines = () =>
      stream.text
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => {
          const fields = JSON.parse(line) as Record<string, unknown>;
          delete fields["time"];
          return fields;
        });
    return { sinks, lines };
  }

  for (const purpose of ["read", "write"] as const)
    it(`is tried again, and each retry is a warning, when opening and when calling it (to ${purpose})`, async () => {
      const failures = { open: 1, put: 1 };
      const inner = memorySink();
      const flaky: Sink = {
        ...inner,
        put: (key, source, options) =>
          failures.put-- > 0
            ? Promise.reject(new SinkError("transient", "connection reset"))
            : inner.put(key, source, options),
      };
      const plugin = memoryPlugin(() =>
        failures.open-- > 0
          ? Promise.reject(new SinkError("transient", "connection refused", { remedy: "Start it." }))
          : Promise.resolve(flaky),
      );
      const { sinks, lines } = await sinksOf(plugin);
      const sink = await sinks.one(undefined).open(purpose);
      await sink.put(KEY, bytesSource("content"));
      await sink.close();
      expect(lines()).to.deep.equal([
        {
          level: "warn",
          call: "open",
          attempt: 1,
          wait: 1,
          reason: "connection refused",
          remedy: "Start it.",
          sink: "s",
          msg: "open: connection refused; attempt 1 failed, the next one is in 0.0 s",
        },
        {
          level: "warn",
          call: "put",
          key: KEY,
          attempt: 1,
          wait: 1,
          reason: "connection reset",
          sink: "s",
          msg: `put ${KEY}: connection reset; attempt 1 failed, the next one is in 0.0 s`,
        },
      ]);
      expect(sinks.counts()["s"]?.methods.put).to.include({ calls: 1, retries: 1 });
      expect(sinks.counts()["s"]?.bytesUp).to.equal(7);
    });

  it("fails at once when trying again doesn't help", async () => {
    const denied = new SinkError("denied", "wrong password");
    const { sinks, lines } = await sinksOf(memoryPlugin(() => Promise.reject(denied)));
    expect(await rejection(sinks.one("s").open("write"), SinkError)).to.equal(denied);
    expect(lines()).to.deep.equal([]);
  });

  it("keeps to its connections", async () => {
    let running = 0;
    let most = 0;
    const inner = memorySink();
    const slow: Sink = {
      ...inner,
      delete: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setImmediate(resolve));
        running--;
      },
    };
    const { sinks } = await sinksOf(
      memoryPlugin(() => Promise.resolve(slow), 3),
      "connections: 2\n",
    );
    const sink = await sinks.one("s").open("write");
    await Promise.all(Array.from({ length: 10 }, () => sink.delete(KEY)));
    expect(most).to.equal(2);
  });
});
