import { spawnSync } from "node:child_process";
import { bytesSource, type ObjectKey, objectKey, type Sink, SinkError } from "@axon-backup/sink";
import { memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import type { Can } from "../dist/checks/capabilities.js";
import { ownScratch } from "../dist/checks/scratch.js";
import { checkSink } from "../dist/checks/sink.js";
import { sinkRows } from "../dist/checks/sink-rows.js";
import { rejection, run } from "./support.js";

/** The methods of `inner` that every sink has, with some of them replaced and others added. */
function override(inner: MemorySink, other: Partial<Sink>): Sink {
  return {
    put: inner.put.bind(inner),
    get: inner.get.bind(inner),
    stat: inner.stat.bind(inner),
    list: inner.list.bind(inner),
    delete: inner.delete.bind(inner),
    close: inner.close.bind(inner),
    ...other,
  };
}

function check(
  sink: Sink,
  signal = new AbortController().signal,
  say: (text: string) => unknown = () => undefined,
) {
  return checkSink({ sink, reopen: () => Promise.resolve(sink), connections: 4, waiting: { signal, say } });
}

async function verdicts(sink: Sink): Promise<Readonly<Record<string, Can>>> {
  const { capabilities } = await check(sink);
  return Object.fromEntries(capabilities.map(({ capability, can }) => [capability, can]));
}

const REPOSITORY = objectKey("repository.json");

async function withRepository(): Promise<MemorySink> {
  const sink = memorySink();
  await sink.put(REPOSITORY, bytesSource("{}"));
  return sink;
}

describe("the check of a sink", () => {
  it("finds everything in one that keeps its promises, and leaves nothing on it", async () => {
    const sink = await withRepository();
    const { capabilities, reservation } = await check(sink);
    expect(capabilities.map(({ can }) => can)).to.deep.equal(capabilities.map(() => "yes"));
    expect(capabilities).to.have.length.above(10);
    expect(reservation).to.equal(null);
    expect([...sink.storage.keys()]).to.deep.equal([REPOSITORY]);
  });

  it("warns of a storage that keeps versions, where continuous mode replaces objects", async () => {
    const sink = memorySink();
    const put: Sink["put"] = async (...given) => ({ ...(await sink.put(...given)), staysAsVersion: true });
    const versioned = await check(override(sink, { put }));
    const rows = (isContinuous: boolean) =>
      sinkRows("nas", "", versioned, isContinuous).map((row) => row.check);
    expect(rows(true)).to.include("versions");
    expect(rows(false)).not.to.include("versions");
    expect(sinkRows("nas", "", await check(memorySink()), true).map((row) => row.check)).not.to.include(
      "versions",
    );
  });

  it("stores no more than the help says, which stays where versions are kept", async () => {
    let [puts, bytes] = [0, 0];
    const sink = memorySink();
    const put: Sink["put"] = async (key, source, options) => {
      const stored = await sink.put(key, source, options);
      puts++;
      bytes += stored.size;
      return stored;
    };
    await check(override(sink, { put }));
    expect(puts).to.be.below(220);
    expect(bytes).to.be.below(5_000_000);
    const { stdout } = await run(["check", "--help"]);
    expect(stdout.replace(/\s+/g, " ")).to.contain("some 200 small objects").and.contain("lifecycle rule");
  });

  it("says no to what the sink leaves out, with what follows, and that is no failure", async () => {
    const { capabilities } = await check(override(memorySink(), { conditional: {} }));
    const without = capabilities.filter(({ can }) => can === "no");
    expect(without.map(({ capability }) => capability)).to.deep.equal([
      "extend",
      "create if absent",
      "replace if unchanged",
      "remove left-overs",
      "free space",
    ]);
    for (const { detail, remedy } of without) {
      expect(detail).to.have.length.above(20);
      expect(remedy).to.equal(null);
    }
    expect(capabilities.filter(({ can }) => can === "yes")).to.have.length(capabilities.length - 5);
  });

  const broken: readonly (readonly [string, string, (sink: MemorySink) => Partial<Sink>])[] = [
    [
      "stores less than it says",
      "write and read",
      (sink) => ({
        put: async (key, source, options) => {
          const stored = await sink.put(key, source, options);
          const object = sink.storage.get(key);
          if (object) sink.storage.set(key, { ...object, bytes: object.bytes.subarray(0, -1) });
          return stored;
        },
      }),
    ],
    [
      "reads ranges off by one",
      "ranges",
      (sink) => ({
        get: (key, { range, ...options } = {}) =>
          sink.get(key, { ...options, ...(range && { range: { ...range, offset: range.offset + 1 } }) }),
      }),
    ],
    [
      "extends by appending, whatever was to be kept",
      "extend",
      (sink) => ({
        extend: async (key, _keep, source, options) =>
          sink.extend(key, (await sink.stat(key)).size, source, options),
      }),
    ],
    [
      "replaces what must be absent",
      "create if absent",
      (sink) => ({ conditional: { ifAbsent: (key, source, options) => sink.put(key, source, options) } }),
    ],
  ];
  for (const [what, capability, breaks] of broken)
    it(`finds one that ${what}`, async () => {
      const sink = await withRepository();
      expect((await verdicts(override(sink, breaks(sink))))[capability]).to.equal("broken");
      expect([...sink.storage.keys()]).to.deep.equal([REPOSITORY]);
    });

  it("tells a storage that can't be asked from one that breaks its promises", async () => {
    const sink = memorySink();
    const refused = new SinkError("denied", "HEAD is refused", { remedy: "Allow it." });
    const stat: Sink["stat"] = (_key, { signal } = {}) =>
      Promise.reject(signal?.aborted === true ? (signal.reason as Error) : refused);
    const { capabilities } = await check(override(sink, { stat }));
    const found = capabilities.filter(({ can }) => can === "untried");
    expect(found.map(({ capability }) => capability)).to.include.members(["write and read", "delete"]);
    expect(found[0]).to.include({ remedy: "Allow it." });
    expect(capabilities.filter(({ can }) => can === "broken")).to.deep.equal([]);
  });

  it("stores one object, and no more, where nothing can be deleted", async () => {
    const sink = await withRepository();
    const locked = override(sink, {
      delete: () => Promise.reject(new SinkError("denied", "the object is locked until 2030")),
    });
    const { capabilities, reservation } = await check(locked);
    expect(sink.storage.size).to.equal(2);
    expect(capabilities.map(({ capability, can }) => [capability, can])).to.deep.equal([
      ["write and read", "yes"],
      ["delete", "no"],
    ]);
    expect(capabilities[1]?.detail).to.contain("locked until 2030");
    expect(reservation?.message).to.contain("nothing can be deleted");
  });

  it("fails with the storage's own error where nothing can be stored", async () => {
    const put = () => Promise.reject(new SinkError("denied", "read-only file system"));
    const error = await rejection(check(override(memorySink(), { put })), SinkError);
    expect(error.message).to.equal("read-only file system");
  });

  it("removes what it stored when it is interrupted in the middle", async () => {
    const controller = new AbortController();
    const sink = await withRepository();
    let puts = 0;
    const put: Sink["put"] = (key, source, options) => {
      if (++puts === 20) controller.abort(new RangeError("interrupted"));
      return sink.put(key, source, options);
    };
    await rejection(check(override(sink, { put }), controller.signal), RangeError);
    expect([...sink.storage.keys()]).to.deep.equal([REPOSITORY]);
  });

  it("doesn't mind storage that refuses an object in the place of its folder, as a versioned bucket in directories", async () => {
    const sink = await withRepository();
    const put: Sink["put"] = (key, source, options) =>
      /^check-[^/]*$/.test(key)
        ? Promise.reject(new SinkError("transient", "ExistingObjectIsDirectory"))
        : sink.put(key, source, options);
    const { capabilities, untidy } = await check(override(sink, { put }));
    expect(capabilities.filter(({ can }) => can === "broken" || can === "untried")).to.deep.equal([]);
    expect(untidy).to.deep.equal([]);
    expect([...sink.storage.keys()]).to.deep.equal([REPOSITORY]);
  });

  /** Fails as soon as the check tidies up: when it deletes the object that it keeps as long as it runs. */
  const stuck = (sink: MemorySink): Sink["delete"] => {
    return (key, options) =>
      key.endsWith("/running")
        ? Promise.reject(new SinkError("denied", "it is locked", { remedy: "Unlock it." }))
        : sink.delete(key, options);
  };

  it("tells what it found although its objects can't be removed, and where they are", async () => {
    const sink = await withRepository();
    const found = await check(override(sink, { delete: stuck(sink) }));
    expect(found.capabilities.filter(({ can }) => can === "broken")).to.deep.equal([]);
    expect(found.untidy).to.have.length(1);
    const rows = sinkRows("nas", "3 restore points", found, true).filter(
      ({ check: what }) => what === "sink",
    );
    expect(rows.map(({ outcome }) => outcome)).to.deep.equal(["ok", "warning"]);
    const [left = ""] = [...sink.storage.keys()].filter((key) => key !== REPOSITORY);
    expect(rows[1]?.detail)
      .to.contain("it is locked")
      .and.to.contain(left.slice(0, left.indexOf("/") + 1));
    expect(rows[1]?.remedy).to.contain("Unlock it.");
  });

  it("tells what it found although those of dead checks can't be removed", async () => {
    const sink = await withRepository();
    await sink.put(`${ownScratch(new Date(0))}running` as ObjectKey, bytesSource(""));
    const remove: Sink["delete"] = (key, options) =>
      key.startsWith("check-1970") ? stuck(sink)(key, options) : sink.delete(key, options);
    const { capabilities, untidy } = await check(override(sink, { delete: remove }));
    expect(capabilities.filter(({ can }) => can !== "yes" && can !== "no")).to.deep.equal([]);
    expect(untidy.map(({ error }) => (error as Error).message)).to.deep.equal(["it is locked"]);
  });

  it("fails with what ended it, and not with what went wrong in tidying up afterwards", async () => {
    const controller = new AbortController();
    const sink = await withRepository();
    let puts = 0;
    const put: Sink["put"] = (key, source, options) => {
      if (++puts === 20) controller.abort(new RangeError("interrupted"));
      return sink.put(key, source, options);
    };
    const said: string[] = [];
    const broken = override(sink, { put, delete: stuck(sink) });
    await rejection(
      check(broken, controller.signal, (text) => said.push(text)),
      RangeError,
    );
    expect(said.join()).to.contain("stay on the sink").and.to.contain("it is locked");
  });

  describe("with objects of other checks there", () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const ofProcess = (pid: number) => ownScratch().replace(`-${process.pid}-`, `-${pid}-`);
    const elsewhere = (age: number) =>
      ownScratch(new Date(Date.now() - age)).replace(/Z-[0-9a-f]{8}/, "Z-00000000");
    const MINUTE = 60_000;
    for (const [what, prefix, stays] of [
      ["of a process of this machine that is dead", ofProcess(dead), false],
      ["of a process of this machine that lives", ofProcess(process.ppid), true],
      ["of another machine, some minutes old", elsewhere(5 * MINUTE), true],
      ["of another machine, hours old", elsewhere(120 * MINUTE), false],
    ] as const)
      it(`${stays ? "leaves" : "removes"} those ${what}`, async () => {
        const sink = await withRepository();
        const key = `${prefix}deep/object` as ObjectKey;
        await sink.put(key, bytesSource("x"));
        await check(sink);
        expect([...sink.storage.keys()]).to.have.members(stays ? [REPOSITORY, key] : [REPOSITORY]);
      });

    it("leaves what only begins like one", async () => {
      const sink = memorySink();
      await sink.put(objectKey("check-list.txt"), bytesSource("x"));
      await check(sink);
      expect([...sink.storage.keys()]).to.deep.equal(["check-list.txt"]);
    });
  });
});
