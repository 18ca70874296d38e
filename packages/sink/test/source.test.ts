import { expect } from "chai";
import fc from "fast-check";
import { bytesSource, exactly, isSinkError, readAll, sliceSource, type Source } from "@axon-backup/sink";

/** Gives the bytes in chunks of these sizes, in one buffer that it overwrites. */
function reusing(bytes: Uint8Array, sizes: readonly number[], size = bytes.byteLength): Source {
  return {
    size,
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *open() {
      const buffer = Buffer.alloc(Math.max(1, ...sizes));
      for (let at = 0, turn = 0; at < bytes.byteLength; turn++) {
        const part = bytes.subarray(at, at + (sizes[turn % sizes.length] ?? 1));
        buffer.set(part);
        yield buffer.subarray(0, part.byteLength);
        buffer.fill(0xff);
        at += part.byteLength;
      }
    },
  };
}

const bytes = fc.uint8Array({ maxLength: 300 });
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
const rejection = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => expect.fail("should have failed"),
    (error: unknown) => error,
  );

describe("bytesSource", () => {
  it("gives its bytes, as often as it is opened", async () => {
    const source = bytesSource("größer");
    expect(source.size).to.equal(8);
    for (let turn = 0; turn < 2; turn++)
      expect(Buffer.from(await readAll(source.open())).toString()).to.equal("größer");
  });

  it("gives no chunk when it is empty", async () => {
    for await (const chunk of bytesSource("").open()) expect.fail(`gave ${chunk.byteLength} bytes`);
  });
});

describe("readAll", () => {
  it("copies what a source gives in one buffer, Node's or not", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, async (data, parts) => {
        expect(await readAll(reusing(data, parts).open())).to.deep.equal(data);
      }),
    );
  });

  it("refuses more than its limit, and releases the stream", async () => {
    let released = false;
    const endless = async function* (): AsyncGenerator<Uint8Array> {
      try {
        for (;;) yield await Promise.resolve(new Uint8Array(100));
      } finally {
        released = true;
      }
    };
    expect(await rejection(readAll(endless(), 1000))).to.be.instanceOf(RangeError);
    expect(released).to.be.true;
    expect(await readAll(bytesSource(new Uint8Array(1000)).open(), 1000)).to.have.length(1000);
  });
});

describe("sliceSource", () => {
  it("gives the bytes from the offset on", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, fc.nat(300), async (data, parts, at) => {
        const offset = Math.min(at, data.byteLength);
        const slice = sliceSource(reusing(data, parts), offset);
        expect(slice.size).to.equal(data.byteLength - offset);
        expect(await readAll(slice.open())).to.deep.equal(data.slice(offset));
      }),
    );
  });

  for (const offset of [-1, 4, 0.5, Number.NaN])
    it(`refuses the offset ${offset} of three bytes`, () => {
      expect(() => sliceSource(bytesSource("abc"), offset)).to.throw(RangeError);
    });
});

describe("exactly", () => {
  it("gives what the source gives when the size is right", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, async (data, parts) => {
        expect(await readAll(exactly(reusing(data, parts)))).to.deep.equal(data);
      }),
    );
  });

  it("refuses any other size, and never gives more than was announced", async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, fc.nat(400), async (data, parts, size) => {
        fc.pre(size !== data.byteLength);
        let given = 0;
        const run = async (): Promise<void> => {
          for await (const chunk of exactly(reusing(data, parts, size))) given += chunk.byteLength;
        };
        expect(isSinkError(await rejection(run()), "invalid")).to.be.true;
        expect(given).to.be.at.most(size);
      }),
    );
  });

  it("passes the source's own error on", async () => {
    const failure = new Error("failed");
    const source: Source = {
      size: 10,
      async *open() {
        yield* bytesSource("abc").open();
        throw failure;
      },
    };
    expect(await rejection(readAll(exactly(source)))).to.equal(failure);
  });

  it("rejects with the signal's reason though the source takes no notice, or fails with another", async () => {
    const reason = new Error("enough");
    const next = [
      (): Promise<never> => new Promise<never>(() => undefined),
      (signal?: AbortSignal): Promise<never> =>
        new Promise((_, reject) => {
          signal?.addEventListener("abort", () => {
            reject(new Error("the stream was aborted"));
          });
        }),
    ];
    for (const wait of next) {
      const controller = new AbortController();
      const source: Source = {
        size: 10,
        async *open(signal) {
          yield* bytesSource("abc").open();
          setImmediate(() => {
            controller.abort(reason);
          });
          await wait(signal);
        },
      };
      expect(await rejection(readAll(exactly(source, controller.signal)))).to.equal(reason);
    }
  });

  it("doesn't open the source when aborted before", async () => {
    const source: Source = { size: 1, open: () => expect.fail("was opened") };
    const reason = new Error("enough");
    expect(await rejection(readAll(exactly(source, AbortSignal.abort(reason))))).to.equal(reason);
  });

  it("releases the source when its consumer stops early, or it gives too much", async () => {
    let released = 0;
    const source = (size: number): Source => ({
      size,
      async *open() {
        try {
          for (;;) yield await Promise.resolve(new Uint8Array(10));
        } finally {
          released++;
        }
      },
    });
    for await (const chunk of exactly(source(1000))) {
      expect(chunk).to.have.length(10);
      break;
    }
    expect(released).to.equal(1);
    await rejection(readAll(exactly(source(25))));
    expect(released).to.equal(2);
  });
});
