import { expect } from "chai";
import { isSinkError, SINK_ERROR_KINDS, SinkError } from "@axon-backup/sink";

describe("sink errors", () => {
  it("carry kind, cause and remedy", () => {
    const cause = new Error("EACCES");
    const error = new SinkError("denied", "can't write /x", { cause, remedy: "Give access." });
    expect(error).to.include({ name: "SinkError", kind: "denied", remedy: "Give access.", cause });
    expect(error.message).to.equal("can't write /x");
  });

  it("have no cause when none is given", () => {
    expect("cause" in new SinkError("full", "x")).to.be.false;
    expect("cause" in new SinkError("full", "x", { cause: undefined })).to.be.true;
  });

  it("are told by kind", () => {
    for (const kind of SINK_ERROR_KINDS) {
      expect(isSinkError(new SinkError(kind, "x"))).to.be.true;
      expect(isSinkError(new SinkError(kind, "x"), kind)).to.be.true;
      for (const other of SINK_ERROR_KINDS.filter((candidate) => candidate !== kind))
        expect(isSinkError(new SinkError(kind, "x"), other)).to.be.false;
    }
  });

  it("of another copy of the package are told, too", async () => {
    // The same module under another address is another module, with other classes.
    const file = new URL("./errors.js?other", import.meta.resolve("@axon-backup/sink")).href;
    const copy = ((await import(file)) as { readonly SinkError: typeof SinkError }).SinkError;
    expect(copy).not.to.equal(SinkError);
    const error = new copy("transient", "x");
    expect(error).not.to.be.instanceOf(SinkError);
    expect(isSinkError(error, "transient")).to.be.true;
    expect(isSinkError(error, "full")).to.be.false;
  });

  it("aren't anything else", () => {
    const named = Object.assign(new Error("x"), { name: "SinkError" });
    const unknown = Object.assign(new Error("x"), { name: "SinkError", kind: "odd" });
    const shape = { name: "SinkError", kind: "full", message: "x" };
    for (const value of [new Error("x"), named, unknown, shape, "SinkError", undefined, null])
      expect(isSinkError(value)).to.be.false;
  });
});
