import { expect } from "chai";
import type { Sink } from "@axon-backup/sink";
import {
  type ContractCase,
  contractCases,
  describeSink,
  memorySink,
  type MemorySink,
  runContract,
  shortContractCases,
} from "@axon-backup/sink-testkit";
import type { BrokenSink } from "./broken/broken-sink.js";
import { brokenCapabilities } from "./broken/optional.js";
import { brokenPuts } from "./broken/put.js";
import { brokenReads } from "./broken/read.js";

/** Every method of `inner`, with some of them replaced. */
function override(inner: MemorySink, broken: Partial<Sink>): Sink {
  return {
    put: inner.put.bind(inner),
    get: inner.get.bind(inner),
    stat: inner.stat.bind(inner),
    list: inner.list.bind(inner),
    delete: inner.delete.bind(inner),
    close: inner.close.bind(inner),
    extend: inner.extend.bind(inner),
    removeLeftovers: inner.removeLeftovers.bind(inner),
    freeBytes: inner.freeBytes.bind(inner),
    ...broken,
    conditional: { ...inner.conditional, ...broken.conditional },
  };
}

async function failures(
  sink: Sink,
  reopen: () => Promise<Sink>,
  cases: readonly ContractCase[] = contractCases,
): Promise<readonly string[]> {
  const failed: string[] = [];
  for await (const result of runContract(sink, { cases, reopen, patience: 200, pageObjects: 200 })) {
    expect(result.outcome).not.to.equal("left-out");
    if (result.outcome === "failed") failed.push(result.case.name);
  }
  return failed;
}

function failuresOf(broken: BrokenSink): Promise<readonly string[]> {
  const inner = memorySink();
  const reopen = (): Promise<Sink> => {
    const other = memorySink(inner.storage);
    return Promise.resolve(override(other, broken.make(other)));
  };
  const cases = contractCases.filter(({ name }) => broken.caughtBy.includes(name));
  return failures(override(inner, broken.make(inner)), reopen, cases);
}

describe("the contract's cases", () => {
  it("let a correct sink pass, and leave nothing behind", async () => {
    const sink = memorySink();
    expect(await failures(sink, () => Promise.resolve(memorySink(sink.storage)))).to.deep.equal([]);
    expect([...sink.storage.keys()]).to.deep.equal([]);
  });

  it("have different names, by which they can be skipped", () => {
    const names = contractCases.map(({ name }) => name);
    expect(new Set(names).size).to.equal(names.length);
  });

  it("have a short form that stores little", async () => {
    const sink = memorySink();
    for await (const result of runContract(sink, { prefix: "scratch/" }))
      expect(result.outcome, result.case.name).to.equal(
        result.case.needs === "reopen" ? "left-out" : "passed",
      );
    expect(sink.calls.put).to.be.below(500);
    expect(shortContractCases.length).to.be.within(40, contractCases.length - 10);
  });

  it("stop between two cases when aborted", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    let count = 0;
    let caught: unknown;
    try {
      for await (const result of runContract(memorySink(), { signal: controller.signal })) {
        expect(result.outcome).to.equal("passed");
        count++;
        controller.abort(reason);
      }
    } catch (error) {
      caught = error;
    }
    expect(caught).to.equal(reason);
    expect(count).to.equal(1);
  });

  it("stop in the middle of a case that hangs when aborted, several at a time", async () => {
    const controller = new AbortController();
    const reason = new Error("enough");
    const inner = memorySink();
    // Notices the signal, as the contract asks, and does nothing else.
    const hanging = override(inner, {
      stat: (_key, options) =>
        new Promise((_, reject) => {
          options?.signal?.addEventListener("abort", () => {
            reject(reason);
          });
          controller.abort(reason);
        }),
    });
    let caught: unknown;
    const started = performance.now();
    try {
      for await (const { outcome } of runContract(hanging, { signal: controller.signal, concurrency: 4 }))
        expect(outcome).to.equal("passed");
    } catch (error) {
      caught = error;
    }
    expect(caught).to.equal(reason);
    expect(performance.now() - started).to.be.below(4000);
  });

  it("run several at a time, each once", async () => {
    const sink = memorySink();
    const names: string[] = [];
    for await (const { case: test, outcome } of runContract(sink, { concurrency: 8 })) {
      names.push(test.name);
      expect(outcome, test.name).not.to.equal("failed");
    }
    expect(names).to.have.members(shortContractCases.map(({ name }) => name));
    expect(sink.storage.size).to.equal(0);
  });

  describe("catch, by name, a sink that", () => {
    for (const broken of [...brokenPuts, ...brokenReads, ...brokenCapabilities])
      it(broken.name, async () => {
        expect(await failuresOf(broken)).to.have.members([...broken.caughtBy]);
      });
  });
});

describe("describeSink", () => {
  const open = (): Promise<Sink> => Promise.resolve(memorySink());

  it("refuses to skip a case that doesn't exist", () => {
    expect(() => {
      describeSink("x", { open, skip: { "no such case": "because" } });
    }).to.throw('there is no case "no such case"');
  });

  it("refuses to skip without a reason", () => {
    expect(() => {
      describeSink("x", { open, skip: { extend: " " } });
    }).to.throw('"extend" needs a reason');
  });

  const shared = memorySink();
  describeSink("the memory sink", {
    open: () => Promise.resolve(shared),
    reopen: () => Promise.resolve(memorySink(shared.storage)),
  });
});
