import {
  type AxonServerErrorKind,
  groupsOf,
  isInternal,
  primariesOf,
  roleOf,
} from "@axon-backup/axon-server";
import { expect } from "chai";

import { withClient } from "./support/client.js";
import { failure } from "./support/failure.js";
import type { Reply, SeenRequest } from "./support/test-server.js";

const roles = [
  { node: "node-b", role: "PRIMARY" },
  { node: "node-a", role: "PRIMARY" },
  { node: "node-c", role: "ACTIVE_BACKUP" },
];
const changing = { changePending: false, pendingSince: 0, leader: "node-b", roles };
const ME = {
  name: "node-c",
  clustered: true,
  adminNode: true,
  authentication: false,
  contextNames: ["_admin", "default"],
  storageContextNames: ["default"],
};
const ANSWERS: Readonly<Record<string, unknown>> = {
  "/v1/public/me": ME,
  "/v1/public": [
    { name: "node-b", hostName: "b.example.com", httpPort: 8024, grpcPort: 8124 },
    { name: "node-a", hostName: null, httpPort: 8025 },
  ],
  "/v1/public/context": [
    { context: "default", replicationGroup: "orders", metaData: {}, ...changing },
    { context: "_admin", replicationGroup: "_admin", metaData: null, ...changing, leader: null },
  ],
  "/v1/public/replicationgroups": [
    { name: "orders", ...changing, contexts: [{ context: "default", metaData: {} }] },
    { name: "_admin", ...changing, contexts: [{ context: "_admin" }], roles: [roles[0], roles[1]] },
  ],
};
const FAILED: Reply = { status: 500, json: { status: 500, error: "Internal Server Error" } };

/** Answers as `ANSWERS` has it, but for `changes`. */
const cluster =
  (changes: Readonly<Record<string, Reply>> = {}) =>
  ({ url }: SeenRequest): Reply => {
    const path = url.split("?")[0] ?? "";
    return changes[path] ?? (path in ANSWERS ? { json: ANSWERS[path] } : { status: 404, json: {} });
  };

describe("the client, of a cluster", () => {
  it("reads nodes, groups, contexts and roles", () =>
    withClient(cluster(), async (client) => {
      const facts = await client.cluster.facts();
      expect(facts?.self).to.deep.equal({
        name: "node-c",
        clustered: true,
        adminNode: true,
        contexts: ["_admin", "default"],
        storageContexts: ["default"],
      });
      expect(facts?.nodes).to.deep.equal([
        { name: "node-a", hostName: undefined, httpPort: 8025 },
        { name: "node-b", hostName: "b.example.com", httpPort: 8024 },
      ]);
      expect(facts?.contexts.map(({ context, leader }) => [context, leader])).to.deep.equal([
        ["_admin", undefined],
        ["default", "node-b"],
      ]);
      const [admin, orders] = facts?.groups ?? [];
      expect(orders?.contexts).to.deep.equal(["default"]);
      expect(orders && primariesOf(orders)).to.deep.equal(["node-b", "node-a"]);
      expect(orders && roleOf(orders, "node-c")).to.equal("ACTIVE_BACKUP");
      expect(admin && roleOf(admin, "node-c")).to.equal(undefined);
      expect(facts && groupsOf(facts, "node-c").map(({ name }) => name)).to.deep.equal(["orders"]);
      expect(isInternal("_admin") && !isInternal("default")).to.be.true;
    }));

  it("asks a Standard Edition for nothing more than what it is", () =>
    withClient(
      cluster({ "/v1/public/me": { json: { ...ME, clustered: false } } }),
      async (client, server) => {
        expect(await client.cluster.facts()).to.equal(undefined);
        expect(server.seen).to.have.length(1);
      },
    ));

  it("tells that a call is Enterprise's when a Standard Edition doesn't have it", () =>
    withClient(
      () => ({ status: 404, json: {} }),
      async ({ cluster: calls }) => {
        for (const call of [calls.contexts(), calls.groups(), calls.logFilenames("default")])
          expect((await failure(call, "unsupported")).message).to.include(
            "only Axon Server Enterprise has it",
          );
      },
    ));

  const wrong: readonly (readonly [string, string, unknown, RegExp])[] = [
    ["an object for a list", "/v1/public/context", {}, /the answer should be a list/],
    [
      "a context without its group",
      "/v1/public/context",
      [{ context: "a", ...changing }],
      /replicationGroup should be/,
    ],
    [
      "roles by name",
      "/v1/public/context",
      [{ context: "a", replicationGroup: "a", ...changing, roles: {} }],
      /roles should be a list/,
    ],
    [
      "a role that is null",
      "/v1/public/context",
      [{ context: "a", replicationGroup: "a", ...changing, roles: [{ node: "n", role: null }] }],
      /role should be a string/,
    ],
    [
      "a leader that is a number",
      "/v1/public/replicationgroups",
      [{ name: "a", contexts: [], ...changing, leader: 7 }],
      /leader should be/,
    ],
    [
      "contexts by name",
      "/v1/public/replicationgroups",
      [{ name: "a", contexts: ["a"], ...changing }],
      /contexts\[\] should be an object/,
    ],
    [
      "a group twice",
      "/v1/public/replicationgroups",
      [1, 2].map(() => ({ name: "a", contexts: [], ...changing })),
      /names the replication group "a" twice/,
    ],
    [
      "two roles of a node",
      "/v1/public/replicationgroups",
      [{ name: "a", contexts: [], ...changing, roles: [roles[0], { node: "node-b", role: "SECONDARY" }] }],
      /the role of the node "node-b" twice/,
    ],
    [
      "a port that is none",
      "/v1/public",
      [{ name: "a", hostName: "a", httpPort: "8024" }],
      /httpPort should be an integer/,
    ],
    [
      "a node that doesn't tell whether it is an admin node",
      "/v1/public/me",
      { ...ME, adminNode: null },
      /adminNode should be/,
    ],
  ];
  for (const [title, path, json, message] of wrong)
    it(`stops at ${title}`, () =>
      withClient(cluster({ [path]: { json } }), async (client) => {
        expect((await failure(client.cluster.facts(), "unexpected")).message).to.match(message);
      }));

  it("takes a role that it doesn't know for one without files", () =>
    withClient(
      cluster({
        "/v1/public/replicationgroups": {
          json: [{ name: "a", contexts: [], ...changing, roles: [{ node: "n", role: "WITNESS" }] }],
        },
      }),
      async (client) => {
        const [group] = await client.cluster.groups();
        expect(group?.roles).to.deep.equal([{ node: "n", role: "WITNESS" }]);
        expect(group && roleOf(group, "n")).to.equal(undefined);
        expect(group && primariesOf(group)).to.deep.equal([]);
      },
    ));

  it("asks for a group's log by the parameter `context`", () =>
    withClient(
      cluster({ "/v1/backup/log/filenames": { json: ["/log/orders/x"] } }),
      async (client, server) => {
        expect(await client.cluster.logFilenames("orders")).to.deep.equal(["/log/orders/x"]);
        expect(server.seen[0]?.url).to.equal("/v1/backup/log/filenames?context=orders");
      },
    ));

  const failures: readonly (readonly [
    string,
    string,
    Readonly<Record<string, Reply>>,
    AxonServerErrorKind,
    RegExp,
  ])[] = [
    [
      "a group that the node is no member of",
      "_admin",
      {},
      "unknown-group",
      /"node-c" is no member of the replication group "_admin"/,
    ],
    ["a group that isn't there", "nope", {}, "unknown-group", /no replication group "nope"/],
    ["another failure", "orders", {}, "server-error", /the server failed \(status 500\)/],
    [
      "a failure of a node that can't tell its groups",
      "_admin",
      { "/v1/public/replicationgroups": FAILED },
      "server-error",
      /also what a node answers/,
    ],
    [
      "a failure of a node that has no admin tables",
      "orders",
      { "/v1/public/replicationgroups": { json: [] } },
      "server-error",
      /also what a node answers/,
    ],
    [
      "a node that isn't ready",
      "orders",
      { "/v1/backup/log/filenames": { status: 503, body: "[AXONIQ-7000] not ready" } },
      "not-ready",
      /AXONIQ-7000/,
    ],
  ];
  for (const [title, group, changes, kind, message] of failures)
    it(`tells apart ${title}`, () =>
      withClient(
        cluster({ "/v1/backup/log/filenames": FAILED, ...changes }),
        async (client) => {
          const error = await failure(client.cluster.logFilenames(group), kind);
          expect(error.message).to.match(message);
        },
        { attempts: 1 },
      ));
});
