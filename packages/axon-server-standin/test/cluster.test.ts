import { existsSync, readdirSync, statSync, truncateSync } from "node:fs";
import { basename, join, normalize } from "node:path";

import {
  type ClusterOptions,
  inspectStore,
  readLogSegment,
  type Standin,
  startCluster,
  type StandinCluster,
} from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, names, temporaryDirectory, undo } from "./support.js";

const HOUR = 3_600_000;

async function start(options: Partial<ClusterOptions> = {}): Promise<StandinCluster> {
  const cluster = await startCluster({
    generation: "2023.2",
    directory: temporaryDirectory(),
    handoverInterval: 0,
    logSegmentSize: 4096,
    nodes: [{ name: "node-1" }, { name: "node-2", segmentSize: 8192 }, { name: "node-3" }],
    groups: {
      orders: { contexts: ["default", "billing"], roles: { "node-1": "PRIMARY", "node-2": "PRIMARY" } },
      archive: { contexts: ["old"], roles: { "node-2": "PRIMARY", "node-3": "MESSAGING_ONLY" } },
    },
    ...options,
  });
  undo(() => cluster.close());
  return cluster;
}

const get = async (node: Standin, path: string): Promise<unknown> => (await fetch(node.url + path)).json();
const logNames = async (node: Standin, group: string): Promise<string[]> =>
  names((await get(node, `/v1/backup/log/filenames?context=${group}`)) as string[]);

/** The segments of a group on a node: first index and content of each. */
function logOf(cluster: StandinCluster, node: string, group: string) {
  const directory = join(cluster.directory, node, "log", group);
  return readdirSync(directory)
    .filter((name) => name.endsWith(".log"))
    .sort()
    .map((name) => ({
      first: Number(name.slice(0, 20)),
      ...readLogSegment(join(directory, name), Number(name.slice(0, 20))),
    }));
}

describe("a cluster of stand-ins", () => {
  afterEach(cleanUp);

  it("has on each node what its roles give it", async () => {
    const cluster = await start();
    const me = async (node: string): Promise<unknown> => get(cluster.node(node), "/v1/public/me");
    expect(await me("node-1")).to.deep.include({
      name: "node-1",
      clustered: true,
      adminNode: true,
      contextNames: ["_admin", "billing", "default"],
      storageContextNames: ["billing", "default"],
    });
    expect(await me("node-3")).to.deep.include({ contextNames: ["_admin", "old"], storageContextNames: [] });
    const nodes = (await get(cluster.node("node-3"), "/v1/public")) as { name: string; httpPort: number }[];
    expect(nodes.map(({ name, httpPort }) => [name, httpPort])).to.deep.equal(
      ["node-1", "node-2", "node-3"].map((name) => [name, cluster.node(name).port]),
    );
    const contexts = (await get(cluster.node("node-3"), "/v1/public/context")) as { context: string }[];
    expect(contexts.map(({ context }) => context)).to.have.members(["_admin", "default", "billing", "old"]);
    expect(contexts[1]).to.deep.include({
      replicationGroup: "orders",
      leader: "node-1",
      roles: [
        { node: "node-1", role: "PRIMARY" },
        { node: "node-2", role: "PRIMARY" },
      ],
    });
    expect(
      await get(cluster.node("node-3"), "/v1/backup/filenames?type=EVENT&context=default"),
    ).to.deep.equal([]);
    const refused = await fetch(
      `${cluster.node("node-1").url}/v1/backup/eventstore?type=EVENT&targetContext=old`,
    );
    expect([refused.status, await refused.text()]).to.deep.equal([
      503,
      "[AXONIQ-6000] Missing worker for context: old",
    ]);
    expect(await get(cluster.node("node-1"), "/v1/backup/log/filenames?context=archive")).to.include({
      status: 500,
    });
  });

  it("replicates events and log entries; nodes may end their segments elsewhere", async () => {
    const cluster = await start();
    cluster.appendSample("default", 60);
    const stores = ["node-1", "node-2"].map((node) =>
      inspectStore(join(cluster.directory, node, "data", "default"), "events"),
    );
    expect(stores.map(({ nextToken }) => nextToken)).to.deep.equal([60, 60]);
    expect(stores[0]?.segments.length).to.be.lessThan(stores[1]?.segments.length ?? 0);
    const [one, two] = ["node-1", "node-2"].map((node) => logOf(cluster, node, "orders"));
    expect(one).to.deep.equal(two);
    // A leader that was elected, and twelve transactions.
    expect(one?.at(-1)).to.include({ nextIndex: 14, term: 1, state: "open", length: 4096 });
    expect(one?.length).to.be.greaterThan(2);
    one?.slice(1).forEach((segment, position) => {
      expect(one[position]).to.include({ state: "complete", nextIndex: segment.first });
    });
    expect(existsSync(join(cluster.directory, "node-3", "log", "orders"))).to.be.false;
    expect(logOf(cluster, "node-3", "_admin")).to.have.length(1);
  });

  it("lists the current log segment from newer generations on", async () => {
    for (const [generation, current] of [
      ["4.4", 0],
      ["4.6", 1],
    ] as const) {
      const cluster = await start({ generation });
      cluster.appendSample("default", 60);
      const all = logOf(cluster, "node-1", "orders");
      const listed = await logNames(cluster.node("node-1"), "orders");
      expect(listed.filter((name) => name.endsWith(".log"))).to.have.length(all.length - 1 + current);
      expect(listed.filter((name) => name.endsWith(".index"))).to.have.length(all.length - 1);
      expect(await logNames(cluster.node("node-1"), "_admin")).to.have.length(current);
    }
  });

  it("cleans up hourly what is old enough, and holds that off for an hour on the node whose control DB was asked for", async () => {
    let now = 1_795_486_544_709;
    const cluster = await start({ clock: () => now });
    cluster.appendSample("default", 60);
    const before = logOf(cluster, "node-1", "orders").length;
    now += 59 * 60_000;
    const answer = await fetch(`${cluster.node("node-1").url}/v1/backup/createControlDbBackup`, {
      method: "POST",
    });
    const path = normalize(await answer.text());
    expect(path.startsWith(join(cluster.directory, "node-1", "controldb-backups"))).to.be.true;
    expect(cluster.node("node-1").controlDbBackups).to.deep.equal([
      { name: basename(path), commitIndexes: { _admin: 1, orders: 13 } },
    ]);
    now += 2 * 60_000;
    expect(cluster.node("node-1").cleanUpLogs()).to.deep.equal([]);
    expect(logOf(cluster, "node-1", "orders")).to.have.length(before);
    const [first] = logOf(cluster, "node-2", "orders");
    expect(first?.first).to.equal(1);
    // Any request has it done.
    const listed = await logNames(cluster.node("node-2"), "orders");
    expect(listed.filter((name) => name.endsWith(".log")).length).to.be.lessThan(before);
    expect(logOf(cluster, "node-2", "orders")[0]?.first).to.be.greaterThan(1);
    now += HOUR;
    expect(cluster.node("node-1").cleanUpLogs()).to.include("orders/00000000000000000001.log");
  });

  it("keeps what isn't old enough, however long ago the last clean-up was", async () => {
    let now = 1_795_486_544_709;
    const cluster = await start({ clock: () => now, logRetentionHours: 5 });
    cluster.appendSample("default", 60);
    now += 4 * HOUR;
    expect(cluster.node("node-1").cleanUpLogs()).to.deep.equal([]);
    now += HOUR;
    expect(cluster.node("node-1").cleanUpLogs()).to.not.deep.equal([]);
  });

  it("has a node catch up that was down, and a new leader in a new term", async () => {
    const cluster = await start();
    cluster.appendSample("default", 20);
    await cluster.stop("node-1");
    cluster.elect("orders", "node-2");
    cluster.appendSample("default", 20);
    expect(() => cluster.node("node-1")).to.throw(RangeError);
    const again = await cluster.start("node-1");
    expect(again.head("default")).to.equal(39);
    expect(logOf(cluster, "node-1", "orders")).to.deep.equal(logOf(cluster, "node-2", "orders"));
    expect(logOf(cluster, "node-1", "orders").at(-1)).to.include({ term: 2 });
    expect(await get(again, "/v1/public/context")).to.have.nested.property("[1].leader", "node-2");
  });

  it("doesn't start a node whose current log segment is cut at its last byte", async () => {
    const cluster = await start();
    await cluster.stop("node-3");
    const path = join(cluster.directory, "node-3", "log", "_admin", "00000000000000000001.log");
    const { end } = readLogSegment(path, 1);
    truncateSync(path, end);
    const problem = await cluster.start("node-3").catch((error: unknown) => String(error));
    expect(problem).to.include("BufferUnderflowException");
    truncateSync(path, end + 4);
    expect((await cluster.start("node-3")).url).to.match(/^http/);
    expect(statSync(path).size).to.equal(end + 4);
  });

  it("answers AXONIQ-7000 to every backup call of a node that isn't ready", async () => {
    const cluster = await start();
    const node = cluster.node("node-1");
    node.setReady(false);
    for (const [method, path] of [
      ["GET", "/v1/backup/log/filenames?context=orders"],
      ["GET", "/v1/backup/filenames?type=EVENT&context=default"],
      ["GET", "/v1/backup/eventstore?type=EVENT&targetContext=default"],
      ["POST", "/v1/backup/createControlDbBackup"],
    ] as const) {
      const response = await fetch(node.url + path, { method });
      expect(response.status, path).to.equal(503);
      expect(await response.text()).to.include("AXONIQ-7000");
    }
    expect(await get(node, "/v1/public/me")).to.include({ name: "node-1" });
    node.setReady(true);
    expect(await logNames(node, "orders")).to.not.deep.equal([]);
  });

  it("lists a DCB context, and none of its files", async () => {
    const cluster = await start({ generation: "2025.1", dcbContexts: ["billing"] });
    const node = cluster.node("node-1");
    expect(await get(node, "/v1/public/mycontexts")).to.deep.equal(["billing", "default"]);
    for (const path of [
      "filenames?type=EVENT&context=billing",
      "eventstore?type=EVENT&targetContext=billing",
    ])
      expect(await get(node, `/v1/backup/${path}`)).to.include({ status: 500 });
    expect(await get(node, "/v1/public/version")).to.include({ version: "2025.1.0" });
  });
});
