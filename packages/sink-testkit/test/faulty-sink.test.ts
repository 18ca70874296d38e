import { expect } from "chai";
import { bytesSource, isSinkError, objectKey, readAll, type Sink } from "@axon-backup/sink";
import { contractCases, type Fault, faultySink, memorySink, runContract } from "@axon-backup/sink-testkit";

const key = objectKey("a/b");
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const read = async (sink: Sink): Promise<string> => text(await readAll(sink.get(key)));
const caught = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("should have failed"),
    (error: unknown) => error,
  );
const boom = new Error("boom");

describe("the faulty sink", () => {
  it("keeps the contract while no fault is scripted", async () => {
    const inner = memorySink();
    const sink = faultySink(inner);
    const reopen = (): Promise<Sink> => Promise.resolve(faultySink(memorySink(inner.storage)));
    for await (const result of runContract(sink, { cases: contractCases, reopen, pageObjects: 100 }))
      expect(result.outcome, result.case.name).to.equal("passed");
  });

  it("has no capability that its inner sink lacks", () => {
    const whole = memorySink();
    const sink = faultySink({
      put: whole.put.bind(whole),
      get: whole.get.bind(whole),
      stat: whole.stat.bind(whole),
      list: whole.list.bind(whole),
      delete: whole.delete.bind(whole),
      close: whole.close.bind(whole),
    });
    expect(sink).not.to.have.any.keys("extend", "conditional", "removeLeftovers", "freeBytes");
  });

  it("takes one fault a call, in turn", async () => {
    const sink = faultySink(memorySink(), {
      put: [{ kind: "fail", error: "transient" }, { kind: "pass" }, { kind: "fail", error: boom }],
    });
    expect(isSinkError(await caught(sink.put(key, bytesSource("1"))), "transient")).to.be.true;
    await sink.put(key, bytesSource("2"));
    expect(await caught(sink.put(key, bytesSource("3")))).to.equal(boom);
    expect(sink.remaining()).to.equal(0);
    expect(await read(sink)).to.equal("2");
  });

  it("fails a put after some bytes, and the old object stands", async () => {
    const sink = faultySink(memorySink());
    await sink.put(key, bytesSource("old"));
    sink.script("put", { kind: "fail-after", count: 2, error: "full" });
    expect(isSinkError(await caught(sink.put(key, bytesSource("new!"))), "full")).to.be.true;
    expect(await read(sink)).to.equal("old");
  });

  it("fails although the effect has happened", async () => {
    const sink = faultySink(memorySink(), { put: [{ kind: "fail-after-effect", error: boom }] });
    expect(await caught(sink.put(key, bytesSource("new")))).to.equal(boom);
    expect(await read(sink)).to.equal("new");
    sink.script("delete", { kind: "fail-after-effect", error: boom });
    expect(await caught(sink.delete(key))).to.equal(boom);
    expect(isSinkError(await caught(sink.stat(key)), "not-found")).to.be.true;
  });

  for (const method of ["put", "get", "stat", "list", "delete", "extend"] as const)
    it(`lets ${method} hang until it is aborted`, async () => {
      const sink = faultySink(memorySink(), { [method]: [{ kind: "hang" }] satisfies readonly Fault[] });
      const controller = new AbortController();
      const options = { signal: controller.signal };
      const all = async (stream: AsyncIterable<unknown>): Promise<void> => {
        for await (const item of stream) expect(item).to.exist;
      };
      const calls: Readonly<Record<typeof method, () => Promise<unknown> | undefined>> = {
        put: () => sink.put(key, bytesSource("x"), options),
        get: () => all(sink.get(key, options)),
        stat: () => sink.stat(key, options),
        list: () => all(sink.list("", options)),
        delete: () => sink.delete(key, options),
        extend: () => sink.extend?.(key, 0, bytesSource("x"), options),
      };
      const call = caught(Promise.resolve(calls[method]()));
      setImmediate(() => {
        controller.abort(boom);
      });
      expect(await call).to.equal(boom);
    });

  it("flips a bit of what is put, or of what is read", async () => {
    const sink = faultySink(memorySink(), { put: [{ kind: "flip-bit", offset: 1 }] });
    const stored = await sink.put(key, bytesSource("abc"));
    expect(stored.size).to.equal(3);
    expect(await read(sink)).to.equal("acc");
    sink.script("get", { kind: "flip-bit", offset: 2 });
    expect(await read(sink)).to.equal("acb");
    sink.script("get", { kind: "flip-bit", offset: 2 });
    expect(text(await readAll(sink.get(key, { range: { offset: 1 } })))).to.equal("cb");
  });

  it("reports a short write as success", async () => {
    const sink = faultySink(memorySink(), { put: [{ kind: "short-write", missing: 2 }] });
    expect((await sink.put(key, bytesSource("abcdef"))).size).to.equal(6);
    expect(await read(sink)).to.equal("abcd");
  });

  it("cuts a get and a list", async () => {
    const sink = faultySink(memorySink(), { list: [{ kind: "fail-after", count: 1, error: boom }] });
    for (const name of ["a", "b", "c"]) await sink.put(objectKey(name), bytesSource(name));
    const seen: string[] = [];
    const list = async (): Promise<void> => {
      for await (const object of sink.list("")) seen.push(object.key);
    };
    expect(await caught(list())).to.equal(boom);
    expect(seen).to.deep.equal(["a"]);
    await sink.put(key, bytesSource(new Uint8Array(200_000)));
    sink.script("get", { kind: "fail-after", count: 100_000, error: "transient" });
    expect(isSinkError(await caught(read(sink)), "transient")).to.be.true;
  });

  it("tells of every call before it happens, and lets the listener stop it", async () => {
    const inner = memorySink();
    const calls: string[] = [];
    const sink = faultySink(
      inner,
      {},
      {
        onCall: (method, at) => {
          calls.push(`${method} ${at}`);
          if (calls.length === 3) throw boom;
        },
      },
    );
    await sink.put(key, bytesSource("x"));
    await read(sink);
    expect(await caught(sink.delete(key))).to.equal(boom);
    expect(calls).to.deep.equal(["put a/b", "get a/b", "delete a/b"]);
    expect(inner.calls).to.include({ put: 1, get: 1, delete: 0 });
  });
});
