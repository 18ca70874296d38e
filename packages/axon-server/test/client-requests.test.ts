import { expect } from "chai";

import { AxonServerClient } from "@axon-backup/axon-server";

import { withClient } from "./support/client.js";
import { failure } from "./support/failure.js";
import { GENERATIONS, Recording } from "./support/fixtures.js";
import { type Reply, type SeenRequest, TestServer } from "./support/test-server.js";

describe("the client, on recorded answers", () => {
  const expected = {
    "4.4": { version: "4.4.14-SNAPSHOT", listing: "filenames", versions: false },
    "4.6": { version: "4.6.12-SNAPSHOT", listing: "eventstore", versions: false },
    "2023.2": { version: "2023.2.2-SNAPSHOT", listing: "eventstore", versions: true },
  } as const;

  for (const generation of GENERATIONS) {
    it(`identifies ${generation}`, async () => {
      await withClient(new Recording(generation, "1-fresh").reply, async (client) => {
        expect(await client.identify()).to.deep.equal({
          productName: "Axon Server",
          nodeName: "axonserver",
          edition: "SE",
          authentication: false,
          contexts: ["default"],
          ...expected[generation],
        });
      });
    });

    it(`gets the path of the control DB's backup from ${generation}`, async () => {
      await withClient(new Recording(generation, "5-controldb").reply, async (client, server) => {
        expect(await client.createControlDbBackup("SE")).to.match(
          /^\/var\/lib\/axonserver\/\.\/controldb-backups\/controldb\d+\.zip$/,
        );
        expect(server.seen).to.have.lengthOf(1);
      });
    });

    it(`says that ${generation} doesn't have the EE call`, async () => {
      await withClient(new Recording(generation, "4-errors").reply, async (client, server) => {
        await failure(client.createControlDbBackup("EE"), "unsupported");
        expect(server.seen).to.have.lengthOf(1);
      });
    });

    it(`reads the head from ${generation}, if it shows one`, async () => {
      await withClient(new Recording(generation, "6-after-oversize").reply, async (client) => {
        const shown = generation !== "4.4";
        expect((await client.head("default", "events"))?.lastToken).to.equal(shown ? 172 : undefined);
        expect((await client.head("default", "snapshots"))?.lastToken).to.equal(shown ? 39 : undefined);
        expect(await client.head("nope", "events")).to.equal(undefined);
      });
    });

    for (const [moment, kind] of [
      ["a-access-control-none", "unauthorized"],
      ["a-access-control-wrong", "forbidden"],
    ] as const)
      it(`turns ${moment} of ${generation} into ${kind}`, async () => {
        const recording = new Recording(generation, moment);
        await withClient(recording.reply, async (client) => {
          const error = await failure(client.identify(), kind);
          expect(error.message).to.match(
            /^GET http:\/\/127\.0\.0\.1:\d+\/v1\/public\/version: .*\(status 40[13]\)/,
          );
          expect(error.remedy).to.contain("server.token");
        });
      });
  }

  it("takes an unknown context for one where the server says so, without trying again", async () => {
    await withClient(new Recording("4.6", "4-errors").reply, async (client, server) => {
      const error = await failure(client.listEventstore("nope", "events"), "unknown-context");
      expect(error.message).to.contain("AXONIQ-6000");
      expect(server.seen).to.have.lengthOf(1);
      expect(await client.listFilenames("nope", "events")).to.deep.equal([]);
    });
  });
});

describe("the client's requests", () => {
  it("name the parameters as each call wants them", async () => {
    const reply = ({ url }: SeenRequest): Reply => ({
      json: url.includes("eventstore") ? { lastClosedSegment: -1, filenames: [] } : [],
    });
    await withClient(reply, async (client, server) => {
      await client.listEventstore("a b&c", "events");
      await client.listEventstore("d", "snapshots", { lastSegment: 7 });
      await client.listEventstore("d", "events", { lastSegment: 7, lastVersion: 2 });
      await client.listFilenames("a b&c", "events");
      await client.listFilenames("d", "snapshots", { lastSegment: 7 });
      await client.listFilenames("d", "events", { lastSegment: 7, lastVersion: 2 });
      expect(server.seen.map(({ url }) => url)).to.deep.equal([
        "/v1/backup/eventstore?type=EVENT&targetContext=a+b%26c",
        "/v1/backup/eventstore?type=SNAPSHOT&targetContext=d&lastClosedSegmentBackedUp=7",
        "/v1/backup/eventstore?type=EVENT&targetContext=d&lastClosedSegmentBackedUp=7&lastClosedVersionBackedUp=2",
        "/v1/backup/filenames?type=EVENT&context=a+b%26c",
        "/v1/backup/filenames?type=SNAPSHOT&context=d&lastSegmentBackedUp=7",
        "/v1/backup/filenames?type=EVENT&context=d&lastSegmentBackedUp=7&lastVersionBackedUp=2",
      ]);
    });
  });

  it("ask for the access token each time", async () => {
    let asked = 0;
    const accessToken = (): string => `token-${++asked}`;
    await withClient(
      () => ({ json: [] }),
      async (client, server) => {
        await client.listFilenames("d", "events");
        await client.listFilenames("d", "events");
        const sent = server.seen.map(({ headers }) => headers["axoniq-access-token"]);
        expect(sent).to.deep.equal(["token-1", "token-2"]);
      },
      { accessToken },
    );
  });

  it("keep a path in the URL as a prefix", async () => {
    await using server = await TestServer.start(() => ({ json: [] }));
    const client = new AxonServerClient({ url: `${server.url}/axon/` });
    await client.listFilenames("d", "events");
    expect(server.seen[0]?.url).to.equal("/axon/v1/backup/filenames?type=EVENT&context=d");
    await client.close();
  });

  it("go to the EE call in a cluster", async () => {
    const reply = (): Reply => ({ body: "/x/controldb1.zip" });
    await withClient(reply, async (client, server) => {
      await client.createControlDbBackup("EE");
      await client.createControlDbBackup("SE");
      expect(server.seen.map(({ method, url }) => `${method} ${url}`)).to.deep.equal([
        "POST /v1/backup/createControlDbBackup",
        "POST /createControlDbBackup",
      ]);
    });
  });
});
