import { bytesSource, objectKey, readAll } from "@axon-backup/sink";
import { chunkedSource, gatedSource, memorySink, pattern } from "@axon-backup/sink-testkit";
import { expect } from "chai";
import fc from "fast-check";
import { bandwidth, TokenBucket } from "../dist/index.js";
import { FakeClock, KEY, rejection } from "./sink-support.js";

const MiB = 1024 * 1024;

describe("the token bucket", () => {
  it("never lets more through than the rate gives and one burst, in any span of time, and wastes nothing of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 100, max: 10_000_000 }),
        fc.array(fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), pause: fc.nat(500) }), {
          minLength: 1,
          maxLength: 40,
        }),
        fc.boolean(),
        async (rate, takes, atOnce) => {
          const clock = new FakeClock();
          const bucket = new TokenBucket(rate, clock);
          const passed: { readonly at: number; readonly bytes: number }[] = [];
          const one = async (share: number): Promise<void> => {
            const bytes = Math.floor(share * bucket.burst);
            await bucket.take(bytes);
            passed.push({ at: clock.now(), bytes });
          };
          if (atOnce) await clock.until(Promise.all(takes.map(({ share }) => one(share))));
          else
            for (const { share, pause } of takes) {
              await clock.until(one(share));
              await clock.advance(pause);
            }
          for (let from = 0; from < passed.length; from++) {
            let sum = 0;
            for (const { at, bytes } of passed.slice(from)) {
              sum += bytes;
              // What waits passes up to a millisecond late, as its wait is rounded up, and the bucket fills meanwhile.
              const seconds = (at - (passed[from]?.at ?? 0) + 1) / 1000;
              expect(sum).to.be.at.most(bucket.burst + rate * seconds + 1);
            }
          }
          const total = takes.reduce((sum, { share }) => sum + Math.floor(share * bucket.burst), 0);
          // Rounded up to a millisecond for each.
          if (atOnce) expect(clock.now()).to.be.at.most((total / rate) * 1000 + 1);
        },
      ),
      { numRuns: 100 },
    );
  });

  it("gives back what an aborted one has not taken", async () => {
    const clock = new FakeClock();
    const bucket = new TokenBucket(10_000, clock);
    await bucket.take(1000);
    const controller = new AbortController();
    const aborted = rejection(bucket.take(1024, controller.signal));
    await clock.advance(0);
    controller.abort(new Error("aborted"));
    expect(await aborted).to.include({ message: "aborted" });
    await clock.until(bucket.take(1000));
    expect(clock.now()).to.be.at.most(100);
  });

  it("refuses rates that are none", () => {
    for (const rate of [0, -1, Number.NaN, Infinity])
      expect(() => new TokenBucket(rate)).to.throw(RangeError);
  });
});

describe("bandwidth", () => {
  it("holds all uploads of a sink together to its rate, and leaves downloads alone", async () => {
    const clock = new FakeClock();
    const inner = memorySink();
    const sink = bandwidth(inner, { upload: MiB }, clock);
    const content = pattern(2 * MiB, 9);
    const keys = [objectKey("a"), objectKey("b")];
    await clock.until(Promise.all(keys.map((key) => sink.put(key, chunkedSource(content, [700_000])))));
    // 4 MiB, of which a tenth may pass at once.
    expect(clock.now()).to.be.within(3890, 3960);
    for (const key of keys) expect(Buffer.compare(await readAll(inner.get(key)), content)).to.equal(0);
    const before = clock.now();
    await readAll(sink.get(objectKey("a")));
    expect(clock.now()).to.equal(before);
  });

  it("holds downloads to theirs, smoothly: in slices of a tenth of a second", async () => {
    const clock = new FakeClock();
    const inner = memorySink();
    const content = pattern(MiB, 10);
    await inner.put(KEY, bytesSource(content));
    const sink = bandwidth(inner, { download: 100_000 }, clock);
    let last = 0;
    let size = 0;
    const read = async (): Promise<void> => {
      for await (const chunk of sink.get(KEY)) {
        expect(chunk.byteLength).to.be.at.most(10_000);
        expect(Buffer.compare(chunk, content.subarray(size, size + chunk.byteLength))).to.equal(0);
        expect(clock.now() - last).to.be.at.most(101);
        last = clock.now();
        size += chunk.byteLength;
      }
    };
    await clock.until(read());
    expect(size).to.equal(MiB);
    expect(clock.now()).to.be.within(10_380, 10_600);
  });

  it("ends a put that waits for its turn at once when aborted", async () => {
    const clock = new FakeClock();
    const sink = bandwidth(memorySink(), { upload: 1000 }, clock);
    const controller = new AbortController();
    const source = gatedSource(pattern(100_000), []);
    const put = rejection(sink.put(KEY, source, { signal: controller.signal }));
    await clock.advance(1);
    const reason = new Error("aborted");
    controller.abort(reason);
    expect(await put).to.equal(reason);
    expect(clock.timers).to.equal(0);
  });
});
