import { readdirSync } from "node:fs";

import { generateStore, inspectStore } from "@axon-backup/axon-server-standin";
import { expect } from "chai";

import { cleanUp, start, temporaryDirectory } from "./support.js";
import { join } from "node:path";

describe("generating a store", () => {
  afterEach(cleanUp);

  it("makes valid segments, full but for less than a transaction, and an open one", async () => {
    const storage = temporaryDirectory();
    const directory = join(storage, "default");
    const segmentSize = 100_000;
    const made = await generateStore({ directory, segments: 20, segmentSize, payloadBytes: 500 });
    const ids = new Set<string>();
    const { segments, nextToken } = inspectStore(directory, "events", ({ events }) => {
      for (const event of events) ids.add(event.subarray(2, 18).toString());
    });
    expect(nextToken).to.equal(made.events).and.equal(ids.size);
    expect(segments).to.have.length(21);
    expect(segments.at(-1)).to.include({ state: "open", transactions: 1, segment: made.open });
    for (const { length, end } of segments.slice(0, -1)) expect(length - end).to.be.lessThan(6500);
    expect(readdirSync(directory)).to.have.length(61);
    const standin = await start({ storage });
    expect(standin.appendSample("default", 1)).to.include({ firstToken: made.events });
  });

  it("stops when it is told to, and refuses what it can't make", async () => {
    const directory = temporaryDirectory();
    const problem = async (options: Partial<Parameters<typeof generateStore>[0]>): Promise<string> =>
      generateStore({ directory, segments: 1, segmentSize: 100_000, ...options }).then(
        () => "none",
        (error: unknown) => String(error),
      );
    expect(await problem({ signal: AbortSignal.abort() })).to.include("AbortError");
    expect(await problem({ eventsPerTransaction: 7 })).to.include("divide 1,000");
    expect(await problem({ directory: temporaryDirectory(), segmentSize: 1000 })).to.include("too short");
  });
});
