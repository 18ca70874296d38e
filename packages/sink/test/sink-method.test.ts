import { type Sink, SINK_METHODS, type SinkMethod } from "@axon-backup/sink";
import { expect } from "chai";

describe("the list of a sink's methods", () => {
  it("has each that a sink can have, once", () => {
    const nothing = (): never => {
      throw new Error("not to be called");
    };
    const sink: Required<Omit<Sink, "extendFrom">> = {
      put: nothing,
      get: nothing,
      stat: nothing,
      list: nothing,
      delete: nothing,
      extend: nothing,
      removeLeftovers: nothing,
      freeBytes: nothing,
      close: nothing,
      conditional: { ifAbsent: nothing, ifUnchanged: nothing },
    };
    const { conditional, ...others } = sink;
    const methods = [...Object.keys(others), ...Object.keys(conditional)] as SinkMethod[];
    expect([...SINK_METHODS].sort()).to.deep.equal(methods.sort());
  });
});
