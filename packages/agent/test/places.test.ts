import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_POLICY } from "@axon-backup/core";
import { expect } from "chai";
import { installedPlugins } from "../dist/composition/plugins.js";
import { loadConfiguration } from "../dist/config/load.js";
import { checkPlaces } from "../dist/config/places.js";
import { ConfigurationError } from "../dist/config/problem.js";
import { DEFAULT_SINK_SERVICE } from "../dist/config/sink-service.js";
import type { SinkConfiguration } from "../dist/config/types.js";
import { folder, rejection, removeFolders } from "./support.js";

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
    service: DEFAULT_SINK_SERVICE,
    options,
    secrets: [],
    warnings: [],
    ...rest,
  };
}

describe("the places of sinks", () => {
  afterEach(removeFolders);

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

  it("must not be in each other", () => {
    for (const path of ["/nas/axon/second", "/nas"]) {
      const nested = checkPlaces([sink("a", { path: "/nas/axon" }), sink("b", { path })], undefined);
      expect(nested, path).to.have.length(1);
      expect(nested[0]?.message).to.include("sink a");
    }
    expect(
      checkPlaces([sink("a", { path: "/nas/axon" }), sink("b", { path: "/nas/axon2" })], undefined),
    ).to.deep.equal([]);
  });

  it("are where links lead, also when the rest isn't there yet", async () => {
    const directory = folder({ "nas/there": "", "storage/there": "" });
    symlinkSync(join(directory, "nas"), join(directory, "link"));
    symlinkSync(join(directory, "storage"), join(directory, "data"));
    const problemsOf = async (...paths: readonly string[]): Promise<readonly string[]> => {
      const config = folder({
        "agent.yaml": `server: {url: "http://localhost:8024", storage: [${directory}/data]}`,
        ...Object.fromEntries(
          paths.map((path, at) => [`sinks.d/s${at}.yaml`, `type: local\npath: ${directory}/${path}\n`]),
        ),
      });
      const loading = loadConfiguration(config, installedPlugins());
      return (await rejection(loading, ConfigurationError)).problems.map(({ message }) => message);
    };
    for (const paths of [
      ["nas", "link"],
      ["link/new/axon", "nas/new/axon"],
    ])
      expect((await problemsOf(...paths)).join(), paths.join()).to.include("same storage as that of sink s0");
    expect((await problemsOf("nas", "link/new")).join()).to.include("are in each other");
    for (const path of ["storage", "storage/new/axon", "data/new"])
      expect((await problemsOf(path)).join(), path).to.include("server.storage");
  });

  it("must be outside of the server's storage, and not around it", () => {
    const server = { storage: ["/data/axon"] };
    for (const path of ["/data/axon", "/data/axon/default/backup", "/data", "/"])
      expect(checkPlaces([sink("a", { path })], server), path).to.have.length(1);
    for (const path of ["/data/axon-backup", "/nas/axon"])
      expect(checkPlaces([sink("a", { path })], server), path).to.deep.equal([]);
  });
});
