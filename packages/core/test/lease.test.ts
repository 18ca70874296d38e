import { spawnSync } from "node:child_process";
import { expect } from "chai";
import { bytesSource, type ProcessIdentity, type Sink, SinkError, thisProcess } from "@axon-backup/sink";
import { memorySink, type MemorySink } from "@axon-backup/sink-testkit";
import { EngineError } from "../dist/errors.js";
import { stateOf } from "../dist/lease/holder.js";
import { readLease, writeLease } from "../dist/lease/lease-object.js";
import { type Lease, type LeaseOptions, withLease } from "../dist/lease/lease.js";
import { WRITER_KEY } from "../dist/repository/layout.js";
import { bare, FakeClock, keysOf, rejection } from "./sink-support.js";

const EXPIRY = 60_000;
const ELSEWHERE: ProcessIdentity = { ...thisProcess(), host: "another-host", pid: 4711 };
const LONG_AGO = "2020-02-02T02:02:02.000Z";

/** What a holder has written who isn't this test. */
async function held(sink: Sink, process: ProcessIdentity, renewed: string): Promise<void> {
  await sink.delete(WRITER_KEY);
  const holder = { id: `other ${renewed}`, process, agent: "0.1.0", since: LONG_AGO, renewed };
  expect(await writeLease(sink, holder, undefined)).not.to.equal(undefined);
}

/** A storage that doesn't tell when an object was written: then the holder's word is all there is. */
function timeless(inner: Sink): Sink {
  return {
    ...bare(inner),
    async stat(key, options) {
      const { size, version } = await inner.stat(key, options);
      return { key, size, ...(version !== undefined && { version }) };
    },
  };
}

/** In a bucket with versions, some servers take the marker of a deleted object for an object. */
function haunted(inner: MemorySink): Sink {
  let wasDeleted = false;
  return {
    ...bare(inner),
    conditional: {
      ...inner.conditional,
      ifAbsent: (key, source, more) =>
        wasDeleted
          ? Promise.reject(new SinkError("conflict", "it is there"))
          : (inner.conditional.ifAbsent ?? inner.put.bind(inner))(key, source, more),
    },
    delete(key, more) {
      wasDeleted = true;
      return inner.delete(key, more);
    },
  };
}

function options(clock: FakeClock, more: Partial<LeaseOptions> = {}): LeaseOptions {
  return { agent: "0.1.0", now: () => new Date(), signal: undefined, expiry: EXPIRY, clock, ...more };
}

async function locked(promise: Promise<unknown>): Promise<EngineError> {
  const error = await rejection(promise);
  if (!(error instanceof EngineError)) throw error;
  expect(error.kind).to.equal("locked");
  return error;
}

const hold = (sink: Sink, with_: LeaseOptions): Promise<string> =>
  withLease(sink, with_, () => Promise.resolve("worked"));

async function* failing(): AsyncGenerator<Uint8Array> {
  await Promise.reject(new Error("away"));
  yield new Uint8Array();
}

function deadProcess(): ProcessIdentity {
  const { pid } = spawnSync(process.execPath, ["--version"]);
  return { ...thisProcess(), pid, started: "1" };
}

for (const [kind, made] of [
  ["with conditional puts", () => memorySink()],
  ["without", () => bare(memorySink())],
  ["that takes what was deleted for what is there", () => haunted(memorySink())],
] as const)
  describe(`the lease, on a sink ${kind}`, () => {
    it("is there while the work goes on, and gone afterwards", async () => {
      const sink = made();
      const during = await withLease(sink, options(new FakeClock()), () => keysOf(sink));
      expect(during).to.deep.equal([WRITER_KEY]);
      expect(await keysOf(sink)).to.deep.equal([]);
    });

    it("is gone when the work has failed, too, and no timer runs on", async () => {
      const sink = made();
      const clock = new FakeClock();
      const failure = new Error("the work failed");
      expect(await rejection(withLease(sink, options(clock), () => Promise.reject(failure)))).to.equal(
        failure,
      );
      expect(await keysOf(sink)).to.deep.equal([]);
      expect(clock.timers).to.equal(0);
    });

    it("keeps a second writer out, and names the first", async () => {
      const sink = made();
      const clock = new FakeClock();
      await withLease(sink, options(clock), async (lease) => {
        const error = await locked(hold(sink, options(clock)));
        expect(error.message).to.include(`process ${process.pid} on ${thisProcess().host}, since `);
        expect(error.remedy).to.include("one agent");
        await lease.confirm();
      });
    });

    it("is taken from a dead process of this machine at once", async () => {
      const sink = made();
      await held(sink, deadProcess(), new Date().toISOString());
      expect(await hold(sink, options(new FakeClock()))).to.equal("worked");
      expect(await keysOf(sink)).to.deep.equal([]);
    });

    it("is taken from a run of this process that couldn't give it back", async () => {
      const sink = made();
      await held(sink, thisProcess(), new Date().toISOString());
      expect(await hold(sink, options(new FakeClock()))).to.equal("worked");
    });

    it("of another machine that has just been renewed keeps writers out at once", async () => {
      const sink = made();
      await held(sink, ELSEWHERE, new Date().toISOString());
      const clock = new FakeClock();
      const error = await locked(hold(sink, options(clock)));
      expect(error.message).to.include("process 4711 on another-host");
      expect(clock.time).to.equal(0);
    });

    for (const [clocks, renewed] of [
      ["an old time", LONG_AGO],
      ["a time to come", "2120-02-02T02:02:02.000Z"],
    ] as const) {
      it(`of another machine with ${clocks} is watched, and taken when nothing changes`, async () => {
        const sink = timeless(made());
        await held(sink, ELSEWHERE, renewed);
        const clock = new FakeClock();
        const waits: number[] = [];
        const onWait = (milliseconds: number): void => void waits.push(milliseconds);
        expect(await clock.until(hold(sink, options(clock, { onWait })))).to.equal("worked");
        expect(waits).to.deep.equal([EXPIRY]);
        expect(clock.time).to.be.at.least(EXPIRY);
      });

      it(`of another machine with ${clocks} is left alone when it changes meanwhile`, async () => {
        const sink = timeless(made());
        await held(sink, ELSEWHERE, renewed);
        const clock = new FakeClock();
        clock.after(EXPIRY / 2, () => void held(sink, ELSEWHERE, "2020-02-02T02:02:22.000Z"));
        await locked(clock.until(hold(sink, options(clock))));
        expect((await readLease(sink))?.holder?.id).to.include("other");
      });
    }

    it("that can't be read is watched, and then replaced", async () => {
      const sink = timeless(made());
      await sink.put(WRITER_KEY, bytesSource("not a document"));
      const clock = new FakeClock();
      expect(await clock.until(hold(sink, options(clock)))).to.equal("worked");
      expect(clock.time).to.be.at.least(EXPIRY);
    });

    it("is written anew while it is held, so that it never looks dead", async () => {
      const sink = made();
      const clock = new FakeClock();
      const now = (): Date => new Date(clock.time);
      await withLease(sink, options(clock, { now }), async (lease) => {
        for (let round = 0; round < 5; round++) {
          await clock.advance(EXPIRY / 2);
          const renewed = (await readLease(sink))?.holder?.renewed ?? "";
          expect(clock.time - Date.parse(renewed)).to.be.below(EXPIRY / 2);
        }
        await lease.confirm();
      });
      expect(await keysOf(sink)).to.deep.equal([]);
      expect(clock.timers).to.equal(0);
    });

    for (const [how, take] of [
      ["taken by another one", (sink: Sink) => held(sink, ELSEWHERE, LONG_AGO)],
      ["removed", (sink: Sink) => sink.delete(WRITER_KEY)],
    ] as const)
      it(`that was ${how} ends the work, and isn't given back`, async () => {
        const sink = made();
        const clock = new FakeClock();
        let lost: Lease | undefined;
        const error = await locked(
          withLease(sink, options(clock), async (lease) => {
            lost = lease;
            await take(sink);
            expect(lease.signal.aborted).to.equal(false);
            await clock.advance(EXPIRY / 2);
            expect(lease.signal.aborted).to.equal(true);
            await lease.confirm();
          }),
        );
        expect(error.message).to.include("was lost");
        expect(lost?.signal.reason).to.equal(error);
        expect(await keysOf(sink)).to.have.length(how === "removed" ? 0 : 1);
      });

    it("is found lost by who confirms before the next renewal", async () => {
      const sink = made();
      await locked(
        withLease(sink, options(new FakeClock()), async (lease) => {
          await held(sink, ELSEWHERE, LONG_AGO);
          await lease.confirm();
        }),
      );
    });

    it("that was lost is why what was stored isn't there any more; one that is held isn't", async () => {
      const missing = new EngineError("failed", "it was written, and is gone", "Look at the storage.");
      const sink = made();
      const work = async (): Promise<never> => {
        await held(sink, ELSEWHERE, LONG_AGO);
        throw missing;
      };
      await locked(withLease(sink, options(new FakeClock()), work));
      const whole = made();
      const error = await rejection(
        withLease(whole, options(new FakeClock()), () => Promise.reject(missing)),
      );
      expect(error).to.equal(missing);
    });

    it("survives that the storage can't be reached for long", async () => {
      const inner = made();
      const clock = new FakeClock();
      let isAway = false;
      const sink: Sink = {
        ...bare(inner),
        ...(inner.conditional && { conditional: inner.conditional }),
        get: (key, more) => (isAway ? failing() : inner.get(key, more)),
      };
      await withLease(sink, options(clock), async (lease) => {
        isAway = true;
        await clock.advance(3 * EXPIRY);
        isAway = false;
        await clock.advance(EXPIRY / 2);
        await lease.confirm();
      });
    });

    it("is marked as over where nothing may be deleted", async () => {
      const inner = made();
      const sink: Sink = {
        ...bare(inner),
        ...(inner.conditional && { conditional: inner.conditional }),
        delete: () => Promise.reject(new SinkError("denied", "no right to delete")),
      };
      const onRelease = (error: unknown): never => {
        throw error;
      };
      expect(await hold(sink, options(new FakeClock(), { onRelease }))).to.equal("worked");
      const { holder } = (await readLease(sink)) ?? {};
      expect(holder).to.include({ released: true });
      if (holder) expect(stateOf({ ...holder, process: ELSEWHERE })).to.equal("over");
      expect(await hold(sink, options(new FakeClock()))).to.equal("worked");
    });

    it("ends with the run's signal, whose reason shows", async () => {
      const sink = made();
      const stop = new AbortController();
      const reason = new Error("stopped");
      const error = await rejection(
        withLease(sink, options(new FakeClock(), { signal: stop.signal }), async (lease) => {
          stop.abort(reason);
          await lease.confirm();
        }),
      );
      expect(error).to.equal(reason);
      expect(await keysOf(sink)).to.deep.equal([]);
    });

    it("asks whether it is still held after the machine was suspended, which its clock doesn't show", async () => {
      const clock = new FakeClock();
      const sink = memorySink();
      let wall = Date.now();
      const now = (): Date => new Date(wall);
      await withLease(sink, options(clock, { now }), async (lease) => {
        const before = sink.calls.get;
        await lease.held();
        expect(sink.calls.get, "no reason to ask").to.equal(before);
        wall += 10 * EXPIRY;
        await lease.held();
        expect(sink.calls.get).to.equal(before + 1);
        await held(sink, ELSEWHERE, LONG_AGO);
        wall += 10 * EXPIRY;
        await locked(lease.held());
      });
    });
  });
