import { CONTRACT_VERSION, type SinkPlugin } from "@axon-backup/sink";
import { expect } from "chai";
import { pluginRegistry } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { parseSpan } from "../dist/config/duration.js";
import { ConfigurationError, problemText } from "../dist/config/problem.js";
import { SINK_KEYS } from "../dist/config/sink-schema.js";
import { memorySink } from "./fakes.js";
import { folder, rejection, removeFolders } from "./support.js";

const DAY = 24 * 3_600_000;

const plugin: SinkPlugin = {
  contract: CONTRACT_VERSION,
  type: "memory",
  description: "for tests",
  optionsSchema: { type: "object", additionalProperties: false, properties: {} },
  open: () => Promise.resolve(memorySink()),
};

const load = (yaml: string) =>
  loadConfiguration(folder({ "sinks.d/s.yaml": `type: memory\n${yaml}` }), pluginRegistry([plugin]));

describe("a sink's retention", () => {
  afterEach(removeFolders);

  it("isn't there, if the operator writes none", async () => {
    const { sinks } = await load("");
    expect(sinks[0]).not.to.have.property("retention");
  });

  it("is what the operator writes, and none of it goes to the plugin", async () => {
    const { sinks } = await load(
      "retention: {keep_last: 3, keep_within: 14d, keep_hourly: 24, keep_daily: 7, keep_weekly: 5, keep_monthly: 12, keep_yearly: 10, keep_abandoned: 2y}\n",
    );
    expect(sinks[0]?.options).to.deep.equal({});
    expect(sinks[0]?.retention).to.deep.equal({
      last: 3,
      within: 14 * DAY,
      hourly: 24,
      daily: 7,
      weekly: 5,
      monthly: 12,
      yearly: 10,
      abandoned: 730 * DAY,
    });
    const zero = await load("retention: {keep_last: 0, keep_daily: 7}\n");
    expect(zero.sinks[0]?.retention).to.deep.equal({ last: 0, daily: 7 });
  });

  const wrong: readonly (readonly [string, string, string])[] = [
    ["retention: {keep_last: -1}", "retention.keep_last", "0"],
    ["retention: {keep_last: 1.5}", "retention.keep_last", "whole"],
    ["retention: {keep_dayly: 7}", "retention.keep_dayly", "keep_daily"],
    ["retention: {keep_within: 14}", "retention.keep_within", "text"],
    ["retention: {keep_within: 14m}", "retention.keep_within", ""],
    ["retention: {keep_within: 0d}", "retention.keep_within", "not a span of time"],
    ["retention: {keep_last: 1, keep_abandoned: 1001y}", "retention.keep_abandoned", "not a span of time"],
    ["retention: {}", "retention", "no rule says which restore points to keep"],
    ["retention: {keep_last: 0}", "retention", "since all are 0"],
    ["retention: {keep_last: 0, keep_daily: 0, keep_abandoned: 1d}", "retention", "since all are 0"],
    ["retention: {keep_abandoned: 30d}", "retention", "no rule says which restore points to keep"],
  ];
  for (const [yaml, key, message] of wrong)
    it(`${yaml} is wrong, and where is told`, async () => {
      const { problems } = await rejection(load(`${yaml}\n`), ConfigurationError);
      expect(problems.map((problem) => problem.key)).to.deep.equal([key]);
      expect(problems.map(problemText).join()).to.include(message).and.to.include("s.yaml:2:");
    });

  it("is described for editors, each key", () => {
    const { properties } = SINK_KEYS["retention"] as { properties: Record<string, { description: string }> };
    for (const { description } of Object.values(properties)) expect(description.length).to.be.greaterThan(15);
  });
});

describe("a span of time", () => {
  it("is a number and h, d, w or y", () => {
    expect(parseSpan("36h")).to.equal(1.5 * DAY);
    expect(parseSpan("2w")).to.equal(14 * DAY);
    expect(parseSpan("0.5d")).to.equal(DAY / 2);
    expect(parseSpan("1000y")).to.equal(365_000 * DAY);
    for (const text of ["", "d", "14", "14 d", "14m", "14s", "1e3d", "-1d", "0h"])
      expect(() => parseSpan(text), text).to.throw(RangeError);
  });
});
