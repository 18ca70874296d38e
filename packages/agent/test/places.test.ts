import { DEFAULT_POLICY } from "@axon-backup/core";
import { expect } from "chai";
import { checkPlaces } from "../dist/config/places.js";
import type { SinkConfiguration } from "../dist/config/types.js";

function sink(
  name: string,
  options: Record<string, unknown>,
  rest: Partial<SinkConfiguration> = {},
): SinkConfiguration {
  return {
    name,
    file: `/c/sinks.d/${name}.yaml`,
    type: "local",
    enabled: true,
    policy: DEFAULT_POLICY,
    options,
    secrets: [],
    warnings: [],
    ...rest,
  };
}

describe("the places of sinks", () => {
  it("must differ", () => {
    const same = checkPlaces(
      [sink("a", { path: "/nas/axon" }), sink("b", { path: "/nas/axon/" })],
      undefined,
    );
    expect(same).to.have.length(1);
    expect(same[0]).to.deep.include({ file: "/c/sinks.d/b.yaml" });
    expect(same[0]?.message).to.include("sink a");
    const cloud = { type: "s3" };
    expect(
      checkPlaces([sink("a", { bucket: "x" }, cloud), sink("b", { bucket: "x" }, cloud)], undefined),
    ).to.have.length(1);
    expect(
      checkPlaces([sink("a", { bucket: "x" }, cloud), sink("b", { bucket: "y" }, cloud)], undefined),
    ).to.deep.equal([]);
    expect(
      checkPlaces([sink("a", { path: "/nas" }), sink("b", { path: "/nas" }, { enabled: false })], undefined),
    ).to.deep.equal([]);
  });

  it("must be outside of the server's storage, and not around it", () => {
    const server = { storage: ["/data/axon"] };
    for (const path of ["/data/axon", "/data/axon/default/backup", "/data", "/"])
      expect(checkPlaces([sink("a", { path })], server), path).to.have.length(1);
    for (const path of ["/data/axon-backup", "/nas/axon"])
      expect(checkPlaces([sink("a", { path })], server), path).to.deep.equal([]);
  });
});
