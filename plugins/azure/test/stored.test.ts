import { objectKey } from "@axon-backup/sink";
import { expect } from "chai";
import { stored } from "../dist/stored.js";

describe("what the service says of a blob", () => {
  it("has whether it keeps versions", () => {
    const key = objectKey("a/b");
    expect(stored(key, 1, { etag: '"x"', versionId: "2026-11-24T12:00:00.0000000Z" })).to.deep.equal({
      key,
      size: 1,
      version: "x",
      staysAsVersion: true,
    });
    expect(stored(key, 1, { etag: "x" })).to.deep.equal({ key, size: 1, version: "x" });
  });
});
