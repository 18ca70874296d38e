import {
  AxonServerError,
  scanSegment,
  type SegmentEvent,
  type SegmentPosition,
  type SourceHandle,
  token,
} from "@axon-backup/axon-server";
import { expect } from "chai";
import fc from "fast-check";

import { encodeEvent, encodeTransaction, END_MARKER, header } from "./segment-encoder.js";
import { segmentModel } from "./segment-model.js";

const MiB = 1024 * 1024;
const segment = token(0);
const one = encodeTransaction([encodeEvent({ aggregateIdentifier: "a", payload: Buffer.alloc(100, 1) })]);

/** A file of `size` bytes that begins with `content` and goes on with zeros, as a pre-allocated segment does. */
class MemoryFile implements SourceHandle {
  readonly size: number;
  bytesRead = 0;
  reads = 0;

  constructor(
    private readonly content: Buffer,
    size = content.length,
  ) {
    this.size = size;
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    this.reads++;
    const length = Math.max(0, Math.min(buffer.byteLength, this.size - position));
    buffer.fill(0, 0, length);
    buffer.set(this.content.subarray(Math.min(position, this.content.length), position + length));
    this.bytesRead += length;
    return Promise.resolve(length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** Brings zeros from `staleFrom` on for the first `times` reads, as a reader may see memory that is written at that moment. */
class StaleFile extends MemoryFile {
  constructor(
    content: Buffer,
    private readonly staleFrom: number,
    private readonly times: number,
  ) {
    super(content, content.length + 1000);
  }

  override async read(buffer: Uint8Array, position: number): Promise<number> {
    const length = await super.read(buffer, position);
    if (this.reads <= this.times) buffer.fill(0, Math.max(0, this.staleFrom - position), length);
    return length;
  }
}

describe("scanSegment", () => {
  it("reads an open segment of 256 MiB no further than it was written", async () => {
    const transactions = Array.from({ length: Math.ceil(MiB / one.length) }, () => one);
    const content = Buffer.concat([header(), ...transactions]);
    const file = new MemoryFile(content, 256 * MiB);
    const scan = await scanSegment(file, { segment });
    expect(scan).to.include({ state: "open", validBytes: content.length, length: 256 * MiB });
    expect(scan.transactions).to.equal(transactions.length);
    expect(file.bytesRead).to.be.below(2.5 * MiB);

    file.bytesRead = 0;
    const from = { offset: scan.validBytes, token: scan.nextToken };
    expect(await scanSegment(file, { segment, from })).to.deep.equal({ ...scan, transactions: 0 });
    expect(file.bytesRead).to.be.below(0.1 * MiB);
  });

  it("checks a closed segment to its end", async () => {
    const content = Buffer.concat([header(), one, END_MARKER, Buffer.alloc(3 * MiB), Buffer.of(1)]);
    expect(await scanSegment(new MemoryFile(content), { segment })).to.include({
      state: "torn",
      validBytes: 5 + one.length,
      length: content.length,
    });
    const closed = new MemoryFile(content.subarray(0, -1));
    expect(await scanSegment(closed, { segment })).to.include({
      state: "closed",
      validBytes: 5 + one.length + 4,
    });
    // 64 KiB, 128, 256, 512, and then 1 MiB each.
    expect(closed.reads).to.equal(7);
  });

  it("takes a file of a foreign version whole, without reading it", async () => {
    const file = new MemoryFile(header(9), 256 * MiB);
    expect(await scanSegment(file, { segment })).to.include({
      state: "foreign",
      validBytes: 256 * MiB,
      length: 256 * MiB,
    });
    expect(file.bytesRead).to.be.below(MiB);
  });

  it("finds everything in files that are read in pieces of any size", async () => {
    await fc.assert(
      fc.asyncProperty(
        segmentModel,
        fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1 }),
        async (model, sizes) => {
          const file = new MemoryFile(model.bytes);
          let turn = 0;
          const short: SourceHandle = {
            size: file.size,
            read: (buffer, position) => file.read(buffer.subarray(0, sizes[turn++ % sizes.length]), position),
            close: () => file.close(),
          };
          const events: SegmentEvent[] = [];
          const scan = await scanSegment(short, {
            segment: model.segment,
            onEvents: (_, more) => events.push(...more),
          });
          expect(scan.state).to.equal(model.closed ? "closed" : "open");
          expect(events).to.deep.equal(model.transactions.flatMap((transaction) => transaction.events));
        },
      ),
      { numRuns: 50 },
    );
  });

  it("sees each transaction once and whole while the file grows, content first and size last", async () => {
    await fc.assert(
      fc.asyncProperty(segmentModel, async (model) => {
        const content = Buffer.alloc(model.bytes.length + 8);
        header(model.formatVersion).copy(content);
        const file = new MemoryFile(content);
        const events: SegmentEvent[] = [];
        let from: SegmentPosition | undefined;
        const scanOn = async () => {
          const scan = await scanSegment(file, {
            segment: model.segment,
            ...(from === undefined ? {} : { from }),
            onEvents: (_, more) => events.push(...more),
          });
          if (scan.state === "open") from = { offset: scan.validBytes, token: scan.nextToken };
          return scan.state;
        };
        let written = 0;
        for (const { transaction, events: mine } of model.transactions) {
          model.bytes.copy(content, transaction.offset + 4, transaction.offset + 4, transaction.end);
          expect(await scanOn()).to.equal("open");
          expect(events).to.have.length(written);
          model.bytes.copy(content, transaction.offset, transaction.offset, transaction.offset + 4);
          expect(await scanOn()).to.equal("open");
          written += mine.length;
          expect(events).to.have.length(written);
        }
        model.bytes.copy(content);
        expect(await scanOn()).to.equal(model.closed ? "closed" : "open");
        expect(events).to.deep.equal(model.transactions.flatMap((transaction) => transaction.events));
      }),
      { numRuns: 50 },
    );
  });

  describe("a transaction whose size was seen before its content", () => {
    const content = Buffer.concat([header(), one, one, one]);
    const staleFrom = 5 + one.length + 20;

    for (const times of [1, 3]) {
      it(`is read again, up to 3 times (here ${times})`, async () => {
        const file = new StaleFile(content, staleFrom, times);
        const offsets: number[] = [];
        const scan = await scanSegment(file, {
          segment,
          onTransaction: ({ offset }) => offsets.push(offset),
        });
        expect(scan).to.include({ state: "open", validBytes: content.length, nextToken: 3, transactions: 3 });
        expect(offsets).to.deep.equal([5, 5 + one.length, 5 + 2 * one.length]);
        expect(file.reads).to.equal(times + 1);
      });
    }

    it("has as many tries as the one before it", async () => {
      const file = new MemoryFile(content, content.length + 1000);
      const plain = file.read.bind(file);
      // Three tries until the second transaction is there, then three until the third is.
      file.read = async (buffer, position) => {
        const length = await plain(buffer, position);
        const visible = file.reads <= 3 ? staleFrom : file.reads <= 6 ? staleFrom + one.length : Infinity;
        buffer.fill(0, Math.min(length, Math.max(0, visible - position)), length);
        return length;
      };
      expect(await scanSegment(file, { segment })).to.include({ state: "open", transactions: 3 });
      expect(file.reads).to.equal(7);
    });

    it("is torn if it stays so", async () => {
      const file = new StaleFile(content, staleFrom, Infinity);
      const scan = await scanSegment(file, { segment });
      expect(scan).to.include({ state: "torn", validBytes: 5 + one.length, nextToken: 1, transactions: 1 });
      expect(file.reads).to.equal(4);
    });

    it("is torn at once where nobody writes", async () => {
      const file = new StaleFile(content, staleFrom, 1);
      expect(await scanSegment(file, { segment, retryTorn: 0 })).to.include({
        state: "torn",
        transactions: 1,
      });
    });
  });

  it("refuses a file that is shorter than the place to read from", async () => {
    const from = { offset: 1000, token: token(3) };
    const failure = await rejection(scanSegment(new MemoryFile(header()), { segment, from }));
    expect(failure).to.be.instanceOf(AxonServerError).and.to.include({ kind: "unreadable" });
  });

  it("begins at the start when told to go on from a header that wasn't valid yet", async () => {
    const from = { offset: 0, token: token(0) };
    const scan = await scanSegment(new MemoryFile(Buffer.concat([header(), one])), { segment, from });
    expect(scan).to.include({ state: "open", formatVersion: 2, transactions: 1 });
  });

  it("stops when aborted, before a read and between tries", async () => {
    const abort = new AbortController();
    const file = new StaleFile(Buffer.concat([header(), one, one]), 5 + one.length + 20, Infinity);
    const scanning = scanSegment(file, {
      segment,
      signal: abort.signal,
      onTransaction: () => {
        abort.abort(new Error("enough"));
      },
      retryTorn: Infinity,
    });
    expect(await rejection(scanning)).to.have.property("message", "enough");
    expect(file.reads).to.equal(1);
    expect(await rejection(scanSegment(file, { segment, signal: abort.signal }))).to.have.property(
      "message",
      "enough",
    );
    expect(file.reads).to.equal(1);
  });

  it("passes on a failure to read", async () => {
    const file = new MemoryFile(header(), 100);
    file.read = () => Promise.reject(new Error("EIO: the disk is gone"));
    const failure = await rejection(scanSegment(file, { segment }));
    expect(failure).to.have.property("message", "EIO: the disk is gone");
  });
});

async function rejection(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("it did not reject");
}
