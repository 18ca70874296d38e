import { readdirSync } from "node:fs";
import { join } from "node:path";

import { copyStore, inspectStore, sampleStore, shortenNames } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, listEvents, names, start, temporaryDirectory } from "./support.js";

describe("file names of very old versions", () => {
  afterEach(cleanUp);

  function shortStore(): string {
    const storage = temporaryDirectory();
    copyStore(sampleStore, storage);
    shortenNames(join(storage, "default"));
    return storage;
  }

  for (const generation of ["4.4", "4.6", "2023.2"] as const)
    it(`are listed as they are, and new segments have long ones (${generation})`, async () => {
      const standin = await start({ generation, storage: shortStore(), rebuildIndexes: true });
      const directory = join(standin.storage, "default");
      expect(readdirSync(directory).filter((name) => !/^\d{14}\./.test(name))).to.deep.equal([]);
      standin.appendSample("default", 100);
      expect(standin.handover(9)).to.be.at.least(2);
      const query = "type=EVENT&context=default&lastSegmentBackedUp=-1";
      const answer = await fetch(`${standin.url}/v1/backup/filenames?${query}`);
      const listed = names((await answer.json()) as string[]);
      expect(listed).to.include.members(["00000000000000.events", "00000000000153.events"]);
      expect(listed).to.include.members(["00000000000000.index", "00000000000153.bloom"]);
      const added = readdirSync(directory).filter((name) => /^\d{20}\.events$/.test(name));
      expect(added.length).to.be.at.least(2);
      expect(listed.filter((name) => /^\d{20}\.events$/.test(name)).sort()).to.deep.equal(
        added.sort().slice(0, -1),
      );
      expect(inspectStore(directory, "events").nextToken).to.equal(273);
    });

  it("become long ones when the server renames its files, while it goes on writing to the open one", async () => {
    const standin = await start({ storage: shortStore() });
    standin.appendSample("default", 5);
    const before = inspectStore(join(standin.storage, "default"), "events");
    expect(standin.lengthenNames()).to.be.greaterThan(10);
    expect(standin.lengthenNames()).to.equal(0);
    standin.appendSample("default", 5);
    const after = inspectStore(join(standin.storage, "default"), "events");
    expect(after.nextToken).to.equal(before.nextToken + 5);
    expect(after.segments.map(({ segment }) => segment)).to.deep.equal(
      before.segments.map(({ segment }) => segment),
    );
    const { filenames } = await listEvents(standin);
    expect(names(filenames).filter((name) => !/^\d{20}\./.test(name))).to.deep.equal([]);
  });
});
