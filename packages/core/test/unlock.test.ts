import { type ProcessIdentity, type Sink, SinkError, thisProcess } from "@axon-backup/sink";
import { memorySink } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import { EngineError, readLock, removeLock, watchLock } from "../dist/index.js";
import { readLease, writeLease } from "../dist/lease/lease-object.js";
import { withLease } from "../dist/lease/lease.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import { bare, FakeClock, keysOf, rejection } from "./sink-support.js";

const EXPIRY = 60_000;
const ELSEWHERE: ProcessIdentity = { ...thisProcess(), host: "another-host", pid: 4711 };

async function held(sink: Sink, renewed: Date, process = ELSEWHERE): Promise<void> {
  const found = await readLease(sink);
  const since = renewed.toISOString();
  await writeLease(sink, { id: "other", process, agent: "0.1.0", since, renewed: since }, found);
}

describe("a lock that is looked at and removed", () => {
  const clock = new FakeClock();
  const later = (): Date => new Date(Date.now() + 2 * EXPIRY);

  it("isn't there, or is over", async () => {
    const sink = memorySink();
    expect(await readLock(sink)).to.equal(undefined);
  });

  it("of a process elsewhere is silent when it is old by every clock, and not known otherwise", async () => {
    const sink = memorySink();
    await held(sink, new Date());
    expect(await readLock(sink)).to.deep.include({ state: "unknown" });
    expect(await readLock(sink, { now: later })).to.deep.include({ state: "silent" });
  });

  it("tells what its holder does, and how a service is ended", async () => {
    const sink = memorySink();
    const agent = { agent: "0.1.0", now: () => new Date(), signal: undefined };
    await withLease(sink, { ...agent, command: "run" }, async () => {
      const lock = await readLock(sink);
      expect(lock?.holder).to.deep.include({ command: "run", process: thisProcess() });
      const error = lock && (await rejection(removeLock(sink, lock)));
      expect(error).to.be.instanceOf(EngineError);
      expect((error as EngineError).remedy).to.contain("systemctl stop axon-backup");
    });
    await held(sink, new Date());
    expect((await readLock(sink))?.holder).to.not.have.property("command");
  });

  it("is seen to live when it is written anew while it is watched, and then not removed", async () => {
    const sink = memorySink();
    await held(sink, new Date());
    const lock = await readLock(sink);
    if (lock === undefined) throw new Error("no lock");
    clock.after(EXPIRY / 2, () => void held(sink, later()));
    const watched = await clock.until(watchLock(sink, lock, { clock, expiry: EXPIRY }));
    expect(watched).to.deep.include({ state: "renewing" });
    if (watched) expect(await rejection(removeLock(sink, watched))).to.be.instanceOf(EngineError);
    expect(await keysOf(sink)).to.deep.equal([WRITER_KEY]);
  });

  it("is silent when nothing moves for as long as it lasts, and goes when it is given back meanwhile", async () => {
    const sink = memorySink();
    await held(sink, new Date());
    const lock = await readLock(sink);
    if (lock === undefined) throw new Error("no lock");
    expect(await clock.until(watchLock(sink, lock, { clock, expiry: EXPIRY }))).to.deep.include({
      state: "silent",
    });
    clock.after(EXPIRY / 2, () => void sink.delete(WRITER_KEY));
    expect(await clock.until(watchLock(sink, lock, { clock, expiry: EXPIRY }))).to.equal(undefined);
  });

  it("isn't removed when it is another one by then", async () => {
    const sink = memorySink();
    await held(sink, new Date(0));
    const lock = await readLock(sink, { now: later });
    if (lock === undefined) throw new Error("no lock");
    await held(sink, new Date());
    const error = await rejection(removeLock(sink, lock));
    expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
    expect(await keysOf(sink)).to.deep.equal([WRITER_KEY]);
  });

  it("of a run of this machine that lives is refused", async () => {
    const sink = memorySink();
    await withLease(sink, { agent: "0.1.0", now: () => new Date(), signal: undefined }, async (lease) => {
      const lock = await readLock(sink);
      expect(lock).to.deep.include({ state: "alive" });
      if (lock) expect(await rejection(removeLock(sink, lock))).to.be.instanceOf(EngineError);
      await lease.confirm();
    });
  });

  for (const [kind, made] of [
    ["removed", () => memorySink()],
    [
      "marked as over where nothing may be deleted",
      (): Sink => {
        const inner = memorySink();
        return {
          ...bare(inner),
          delete: () => Promise.reject(new SinkError("denied", "no right to delete")),
        };
      },
    ],
  ] as const)
    it(`is ${kind}, and whoever had it notices`, async () => {
      const sink = made();
      const options = { agent: "0.1.0", now: () => new Date(), signal: undefined, process: ELSEWHERE };
      const error = await rejection(
        withLease(sink, options, async (lease) => {
          const lock = await readLock(sink, { now: later });
          if (lock === undefined) throw new Error("no lock");
          await removeLock(sink, lock);
          expect(await readLock(sink)).to.equal(undefined);
          await lease.confirm();
        }),
      );
      expect(error).to.be.instanceOf(EngineError).with.property("kind", "locked");
      expect(await withLease(sink, options, () => Promise.resolve("worked"))).to.equal("worked");
    });
});
