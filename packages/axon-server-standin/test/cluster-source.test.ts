import { readFileSync } from "node:fs";
import { join } from "node:path";

import {
  AxonServerClient,
  AxonServerError,
  AxonServerSource,
  holdsEntry,
  LogScanner,
  type LogChain,
  type LogListing,
  logChain,
  logIndex,
  scanLogSegment,
} from "@axon-backup/axon-server";
import { type ClusterOptions, startCluster, type StandinCluster } from "@axon-backup/axon-server-standin";
import { expect } from "chai";
import fc from "fast-check";

import { cleanUp, temporaryDirectory, undo } from "./support.js";

const HOUR = 3_600_000;
const GROUP = "orders";

async function start(options: Partial<ClusterOptions> = {}): Promise<StandinCluster> {
  const cluster = await startCluster({
    generation: "4.6",
    directory: temporaryDirectory(),
    handoverInterval: 0,
    logSegmentSize: 4096,
    nodes: [{ name: "node-1" }, { name: "node-2" }],
    groups: { [GROUP]: { contexts: ["default"], roles: { "node-1": "PRIMARY" } } },
    ...options,
  });
  undo(() => cluster.close());
  return cluster;
}

function sourceOf(cluster: StandinCluster, node: string, logRoots = [join(cluster.directory, node, "log")]) {
  const client = new AxonServerClient({ url: cluster.node(node).url, attempts: 1 });
  const source = new AxonServerSource({ client, logRoots });
  undo(() => source.close());
  return source;
}

/** Reads all of a listing, as a backup does. */
async function read(source: AxonServerSource, logs: LogListing): Promise<LogChain> {
  const scans = [];
  for (const file of logs.segments) {
    const handle = await source.open(file);
    try {
      scans.push(await scanLogSegment(handle, { first: file.name.first }));
    } finally {
      await handle.close();
    }
  }
  return logChain(scans);
}

const problemOf = async (promise: Promise<unknown>): Promise<AxonServerError> => {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof AxonServerError) return error;
  throw new Error(`expected an AxonServerError, not ${String(error)}`);
};

describe("a source on a cluster of stand-ins", () => {
  afterEach(cleanUp);

  it("learns what there is, of any node of _admin", async () => {
    const cluster = await start();
    const facts = await sourceOf(cluster, "node-2").cluster();
    expect(facts?.self).to.include({ name: "node-2", adminNode: true });
    expect(facts?.nodes.map(({ httpPort }) => httpPort)).to.deep.equal([
      cluster.node("node-1").port,
      cluster.node("node-2").port,
    ]);
    expect(facts?.groups.map(({ name, contexts, leader }) => [name, contexts, leader])).to.deep.equal([
      ["_admin", ["_admin"], "node-1"],
      [GROUP, ["default"], "node-1"],
    ]);
  });

  for (const generation of ["4.4", "4.6", "2023.2"] as const)
    it(`reads every entry of every group, the current segment's included: ${generation}`, async () => {
      const cluster = await start({ generation });
      cluster.appendSample("default", 60);
      const source = sourceOf(cluster, "node-1");
      const logs = await source.replicationLog(GROUP);
      expect(logs.indexes).to.have.length(logs.segments.length - 1);
      expect(await read(source, logs)).to.deep.equal({
        firstIndex: 1,
        nextIndex: 14,
        lastTerm: 1,
        problems: [],
      });
      const young = await source.replicationLog("_admin");
      expect(await read(source, young)).to.deep.include({ firstIndex: 1, nextIndex: 2, problems: [] });
    });

  it("has the entries that the control DB points to, whatever is appended meanwhile", async () => {
    const cluster = await start({ generation: "4.4" });
    cluster.appendSample("default", 30);
    const source = sourceOf(cluster, "node-1");
    await source.createControlDbBackup();
    const commits = cluster.node("node-1").controlDbBackups[0]?.commitIndexes ?? {};
    cluster.appendSample("default", 30);
    const logs = await source.replicationLog(GROUP);
    cluster.appendSample("default", 30);
    const chain = await read(source, logs);
    expect(chain.problems).to.deep.equal([]);
    expect(holdsEntry(chain, logIndex(commits[GROUP] ?? 0))).to.be.true;
  });

  it("goes on without what was cleaned up between the list and the look", async () => {
    let now = 1_795_486_544_709;
    const cluster = await start({ clock: () => now });
    cluster.appendSample("default", 60);
    const node = cluster.node("node-1");
    const source = sourceOf(cluster, "node-1");
    const rule = node.misbehave({ path: "/v1/backup/log/filenames", behaviour: { kind: "hold" } });
    const listing = source.replicationLog(GROUP);
    await rule.reached();
    now += HOUR;
    const gone = node.cleanUpLogs();
    expect(gone).to.not.deep.equal([]);
    rule.release();
    const logs = await listing;
    expect(logs.missing.map((name) => `${GROUP}/${name}`)).to.have.members([...gone]);
    expect((await read(source, logs)).problems).to.deep.equal([]);
  });

  it("asks again when a segment in the middle has vanished, and then says which", async () => {
    const cluster = await start();
    cluster.appendSample("default", 60);
    const source = sourceOf(cluster, "node-1");
    const second = (await source.replicationLog(GROUP)).segments[1]?.name.name ?? "";
    const node = cluster.node("node-1");
    node.misbehave({ times: 1, behaviour: { kind: "vanish", names: new RegExp(second) } });
    node.forgetRequests();
    const chain = await read(source, await source.replicationLog(GROUP));
    expect(node.requests.filter(({ path }) => path.endsWith("/log/filenames"))).to.have.length(2);
    expect(chain.problems).to.deep.equal([
      {
        kind: "gap",
        after: 1,
        expected: Number(second.slice(0, 20)),
        found: chain.problems[0]?.kind === "gap" ? chain.problems[0].found : 0,
      },
    ]);
  });

  it("tells apart a group without a log here, a node that isn't ready, and a young group that can't be found", async () => {
    const cluster = await start({ generation: "4.4" });
    expect((await problemOf(sourceOf(cluster, "node-2").replicationLog(GROUP))).kind).to.equal(
      "unknown-group",
    );
    const young = await problemOf(sourceOf(cluster, "node-2", []).replicationLog("_admin"));
    expect([young.kind, young.message])
      .to.deep.include("configuration")
      .and.to.match(/completed no log entry segment/);
    cluster.node("node-1").setReady(false);
    const source = sourceOf(cluster, "node-1");
    expect((await problemOf(source.replicationLog(GROUP))).kind).to.equal("not-ready");
    expect((await problemOf(source.createControlDbBackup())).kind).to.equal("not-ready");
  });

  it("names a DCB context as what it may be, and lists the others", async () => {
    const cluster = await start({
      generation: "2025.1",
      dcbContexts: ["a-dcb"],
      groups: { [GROUP]: { contexts: ["a-dcb", "default"], roles: { "node-1": "PRIMARY" } } },
    });
    const source = sourceOf(cluster, "node-1");
    expect(await source.identify()).to.deep.include({
      edition: "EE",
      listing: "eventstore",
      versions: true,
      contexts: ["a-dcb", "default"],
    });
    expect((await source.list("default", "events", undefined)).open).to.have.length(1);
    const { kind, message, remedy } = await problemOf(source.list("a-dcb", "events", undefined));
    expect([kind, message])
      .to.deep.include("server-error")
      .and.to.match(/If a-dcb is a DCB context, that is why/);
    expect(remedy).to.include("push");
  });

  it("lists each transformed segment once, by the version cursor, also after compaction", async () => {
    const cluster = await start({ generation: "2023.2" });
    cluster.appendSample("default", 200);
    const source = sourceOf(cluster, "node-1");
    const node = cluster.node("node-1");
    const { lastClosedSegment } = await source.list("default", "events", undefined);
    if (lastClosedSegment === undefined) throw new Error("nothing is closed");
    const after = async (lastVersion: number): Promise<readonly (readonly number[])[]> => {
      const { closed } = await source.list("default", "events", { lastClosedSegment, lastVersion });
      return closed.map(({ name }) => [name.segment, name.version]);
    };
    const second = (await source.list("default", "events", undefined)).closed[1]?.name.segment ?? 0;
    expect(await after(0)).to.deep.equal([]);
    node.transform("default", [0]);
    expect(await after(0)).to.deep.equal([[0, 1]]);
    node.transform("default", [1, second]);
    expect(await after(1)).to.deep.equal([
      [0, 2],
      [second, 2],
    ]);
    expect(await after(2)).to.deep.equal([]);
    node.compact("default");
    expect(await after(0)).to.deep.equal([
      [0, 2],
      [second, 2],
    ]);
    const all = await source.list("default", "events", undefined);
    expect(all.closed.filter(({ name }) => name.segment === 0)).to.have.length(1);
  });

  it("reads logs of any entries as they were appended", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 900 }), { maxLength: 30 }),
        fc.array(fc.nat({ max: 30 }), { maxLength: 4 }),
        async (entries, elections) => {
          const cluster = await start({ logSegmentSize: 1024, nodes: [{ name: "node-1" }] });
          entries.forEach((data, position) => {
            if (elections.includes(position)) cluster.elect(GROUP, "node-1");
            cluster.appendLog(GROUP, data);
          });
          const elected = new Set(elections.filter((position) => position < entries.length)).size;
          const source = sourceOf(cluster, "node-1");
          const logs = await source.replicationLog(GROUP);
          expect(await read(source, logs)).to.deep.equal({
            firstIndex: 1,
            nextIndex: 2 + entries.length + elected,
            lastTerm: 1 + elected,
            problems: [],
          });
          const sizes: number[] = [];
          for (const { path, name } of logs.segments) {
            const scanner = new LogScanner({
              first: name.first,
              onEntry: ({ type, size }) => {
                if (type !== 3) sizes.push(size);
              },
            });
            scanner.push(readFileSync(path));
          }
          expect(sizes).to.deep.equal(entries.map(({ length }) => length));
          await cluster.close();
        },
      ),
      { numRuns: 15 },
    );
  });
});
