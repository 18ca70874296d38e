import { bytesSource, objectKey } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { notePrune, readLastPrune } from "../dist/index.js";
import { kindOfKey } from "../dist/repository/key-kind.js";

const PRUNE = {
  finished: "2026-11-24T05:00:00.000Z",
  agent: "0.1.0",
  restorePoints: 2,
  objects: 9,
  bytes: 4711,
};
const KEY = objectKey("last-prune.json");

describe("the note on the last prune", () => {
  it("is on the sink, and no object that nobody knows", async () => {
    const sink = memorySink();
    await sink.put(objectKey("repository.json"), bytesSource("{}"));
    expect(await readLastPrune(sink)).to.equal(undefined);
    await notePrune(sink, PRUNE);
    expect(await readLastPrune(sink)).to.deep.include(PRUNE);
    expect(kindOfKey(KEY)).to.deep.equal({ kind: "administration" });
  });

  it("makes no repository where there is none, and is none when it is damaged", async () => {
    const sink = memorySink();
    await notePrune(sink, PRUNE);
    expect(sink.storage.size).to.equal(0);
    await sink.put(KEY, bytesSource("{}"));
    expect(await readLastPrune(sink)).to.equal(undefined);
  });
});
