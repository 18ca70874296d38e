import {
  type ClusterFacts,
  isPrimary,
  type NodeRole,
  type NodeView,
  planCluster,
  type ReplicationGroup,
} from "@axon-backup/axon-server";
import { expect } from "chai";
import fc from "fast-check";

type Members = Readonly<Record<string, NodeRole>>;

function group(name: string, contexts: readonly string[], roles: Members, leader?: string): ReplicationGroup {
  const members = Object.entries(roles).map(([node, role]) => ({ node, role }));
  return { name, contexts, roles: members, leader, changePending: false };
}

function factsOf(groups: readonly ReplicationGroup[]): Pick<ClusterFacts, "groups" | "contexts"> {
  const contexts = groups.flatMap(({ name, contexts: own, ...rest }) =>
    own.map((context) => ({ ...rest, context, replicationGroup: name })),
  );
  return { groups, contexts };
}

const node = (name: string, changes: Partial<NodeView> = {}): NodeView => ({
  name,
  isReady: true,
  hasFilesHere: true,
  adminNode: true,
  ...changes,
});

const ALL: Members = { a: "PRIMARY", b: "PRIMARY", c: "PRIMARY" };
const facts = factsOf([
  group("_admin", ["_admin"], ALL, "a"),
  group("orders", ["default", "billing"], ALL, "b"),
  group("archive", ["old"], { b: "ACTIVE_BACKUP", c: "PRIMARY" }, "c"),
]);

describe("a plan for a cluster", () => {
  it("takes everything from the node of the control DB that it can give", () => {
    expect(planCluster({ facts, nodes: [node("a"), node("b"), node("c")] })).to.deep.equal({
      controlDb: "c",
      holdOff: [],
      notHeldOff: [],
      groups: [
        { group: "_admin", node: "c", contexts: [] },
        { group: "archive", node: "c", contexts: ["old"] },
        { group: "orders", node: "c", contexts: ["billing", "default"] },
      ],
      missingGroups: [],
      missingContexts: [],
    });
  });

  it("takes the rest from leaders, and tells where the clean-up of logs can be held off, and where not", () => {
    const only = factsOf([
      group("_admin", ["_admin"], { a: "PRIMARY", d: "PRIMARY" }, "a"),
      group("orders", ["default"], { b: "PRIMARY", d: "PRIMARY" }, "d"),
      group("archive", ["old"], { c: "PRIMARY" }),
    ]);
    const nodes = [node("a"), node("b"), node("c", { adminNode: false })];
    expect(planCluster({ facts: only, nodes })).to.deep.include({
      controlDb: "a",
      holdOff: ["b"],
      notHeldOff: ["c"],
    });
    const led = planCluster({ facts: only, nodes: [...nodes, node("d", { adminNode: false })] });
    expect(led.groups.map(({ group: name, node: from }) => [name, from])).to.deep.equal([
      ["_admin", "a"],
      ["archive", "c"],
      ["orders", "d"],
    ]);
  });

  it("keeps to the node of last time while that can give the files, and only as long", () => {
    const previous = new Map([
      ["orders", "c"],
      ["archive", "b"],
    ]);
    const nodeOf = (nodes: readonly NodeView[]): unknown =>
      planCluster({ facts, nodes, previous }).groups.map(({ node: name }) => name);
    expect(nodeOf([node("a"), node("b"), node("c")])).to.deep.equal(["c", "c", "c"]);
    expect(nodeOf([node("a"), node("b"), node("c", { adminNode: false })])).to.deep.equal(["a", "c", "c"]);
    expect(nodeOf([node("a"), node("b"), node("c", { isReady: false })])).to.deep.equal(["a", "a"]);
  });

  it("takes only what was asked for, but the log of each group", () => {
    const nodes = [node("a"), node("b"), node("c")];
    const plan = planCluster({ facts, nodes, wanted: ["default", "nope"], excluded: ["old"] });
    expect(plan.groups.map(({ contexts }) => contexts)).to.deep.equal([[], [], ["default"]]);
    expect(plan.missingContexts).to.deep.equal([{ context: "nope", reason: "unknown" }]);
    expect(planCluster({ facts, nodes, excluded: ["billing"] }).groups[2]?.contexts).to.deep.equal([
      "default",
    ]);
  });

  it("says what can't be backed up here, and why", () => {
    const plan = planCluster({
      facts: factsOf([
        group("_admin", ["_admin"], { a: "PRIMARY" }),
        group("down", ["one"], { b: "PRIMARY" }),
        group("far", ["two"], { c: "PRIMARY", a: "PASSIVE_BACKUP" }),
        group("odd", ["three"], { a: "MESSAGING_ONLY" }),
      ]),
      nodes: [node("a"), node("b", { isReady: false }), node("c", { hasFilesHere: false })],
    });
    expect(plan.missingGroups).to.deep.equal([
      { group: "down", reason: "not-ready" },
      { group: "far", reason: "not-here" },
      { group: "odd", reason: "no-primary" },
    ]);
    expect(plan.missingContexts.map(({ context }) => context)).to.deep.equal(["one", "three", "two"]);
    expect(planCluster({ facts, nodes: [node("a", { adminNode: false })] }).controlDb).to.equal(undefined);
  });

  it("never takes anything from a node that can't give it, and forgets nothing that is wanted", () => {
    const role = fc.constantFrom<NodeRole>("PRIMARY", "ACTIVE_BACKUP", "SECONDARY", "MESSAGING_ONLY");
    const names = ["a", "b", "c"];
    const groups = fc.array(
      fc.tuple(fc.dictionary(fc.constantFrom(...names), role), fc.constantFrom(undefined, ...names)),
      { minLength: 1, maxLength: 5 },
    );
    const nodes = fc.array(
      fc.record({ isReady: fc.boolean(), hasFilesHere: fc.boolean(), adminNode: fc.boolean() }),
      { minLength: 3, maxLength: 3 },
    );
    fc.assert(
      fc.property(groups, nodes, fc.constantFrom(...names), (members, states, before) => {
        const all = members.map(([roles, leader], at) =>
          group(`g${at}`, [`x${at}`, `y${at}`], roles, leader),
        );
        const views = states.map((state, at) => node(names[at] ?? "", state));
        const previous = new Map(all.map(({ name }) => [name, before]));
        const plan = planCluster({ facts: factsOf(all), nodes: views, previous });
        for (const planned of plan.groups) {
          const view = views.find(({ name }) => name === planned.node);
          expect(view).to.include({ isReady: true, hasFilesHere: true });
          expect(isPrimary(all.find(({ name }) => name === planned.group) ?? { roles: [] }, planned.node)).to
            .be.true;
        }
        const seen = [
          ...plan.groups.flatMap(({ contexts }) => contexts),
          ...plan.missingContexts.map(({ context }) => context),
        ];
        expect(seen.sort()).to.deep.equal(all.flatMap(({ contexts }) => contexts).sort());
        const told = new Set([plan.controlDb, ...plan.holdOff, ...plan.notHeldOff]);
        for (const planned of plan.groups) expect(told.has(planned.node)).to.be.true;
      }),
      { numRuns: 200 },
    );
  });
});
