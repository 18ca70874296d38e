import { AxonServerError, type ServerIdentity, type ServerSource } from "@axon-backup/axon-server";
import { expect } from "chai";
import { tokenRows } from "../dist/checks/token.js";

describe("the check of the token", () => {
  const identity: ServerIdentity = {
    productName: "Axon Server",
    version: "2023.2.2",
    nodeName: "axonserver",
    edition: "SE",
    listing: "eventstore",
    versions: true,
    authentication: true,
    contexts: ["default", "orders"],
  };
  const server = { url: "http://localhost:8024", paths: [], timeouts: {} };

  /** The row for a token that may back up these contexts. */
  async function check(
    allowed: readonly string[],
    wanted: readonly string[],
    given: Partial<ServerIdentity> = {},
  ) {
    const source = {
      list: (context: string) =>
        allowed.includes(context)
          ? Promise.resolve({})
          : Promise.reject(
              new AxonServerError("forbidden", "the server refuses the access token", "Check server.token."),
            ),
    } as unknown as ServerSource;
    const signal = new AbortController().signal;
    const [row, ...more] = await tokenRows(source, { ...identity, ...given }, server, wanted, signal);
    expect(more).to.deep.equal([]);
    return row;
  }

  it("passes when its role is enough for what is to be backed up, and for no more", async () => {
    expect(await check(["default", "orders"], ["default", "orders"])).to.include({ outcome: "ok" });
    const row = await check(["orders"], ["orders"]);
    expect(row).to.include({ outcome: "ok", detail: "accepted, and its role is enough to back up orders" });
  });

  it("names the contexts that its role isn't enough for, and the roles that would be", async () => {
    const row = await check(["orders"], ["default", "orders"]);
    expect(row).to.include({ outcome: "failed", detail: "accepted, and its role isn't enough for default" });
    expect(row?.remedy).to.contain("ADMIN, or CONTEXT_ADMIN for default").and.contain("contexts");
  });

  it("says what the server said when it is refused everywhere", async () => {
    const row = await check([], ["default", "orders"]);
    expect(row).to.include({ outcome: "failed", remedy: "Check server.token." });
  });

  it("isn't needed without access control", async () => {
    expect(await check([], ["default"], { authentication: false })).to.include({ outcome: "ok" });
  });
});
