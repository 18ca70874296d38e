import {
  type SegmentEvent,
  SegmentScanner,
  type SegmentScannerOptions,
  token,
  type Transaction,
} from "@axon-backup/axon-server";
import { expect } from "chai";

import { encodeEvent, encodeTransaction, END_MARKER, header, int32, tag, varint } from "./segment-encoder.js";
import { read } from "./segment-model.js";

const segment = token(0);
const one = encodeTransaction([encodeEvent({ aggregateIdentifier: "a", sequenceNumber: 1n })]);
const two = encodeTransaction([encodeEvent({ aggregateIdentifier: "bbbbbbbb" }), Buffer.alloc(0)]);

function scan(parts: readonly Uint8Array[], options: Partial<SegmentScannerOptions> = {}) {
  const scanner = new SegmentScanner({ segment, ...options });
  for (const part of parts) scanner.push(part);
  return scanner.end();
}

/** `one` with another size, count or event length. */
function broken(change: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(two);
  change(bytes);
  return bytes;
}

describe("segment scanner", () => {
  it("takes the end of the bytes behind a transaction for an open segment, as in a copied prefix", () => {
    for (const rest of [0, 1, 3, 4, 5]) {
      const found = scan([header(), one, Buffer.alloc(rest)]);
      expect(found).to.include({ state: "open", validBytes: 5 + one.length, length: 5 + one.length + rest });
    }
  });

  it("takes bytes behind a size of zero for a transaction that is being written", () => {
    const scanner = new SegmentScanner({ segment });
    scanner.push(Buffer.concat([header(), one, int32(0), Buffer.alloc(100, 1)]));
    expect(scanner.done).to.be.true;
    scanner.push(Buffer.alloc(50, 1));
    expect(scanner.end()).to.include({ state: "open", validBytes: 5 + one.length });
    expect(scanner.end().length).to.equal(5 + one.length + 154);
  });

  it("wants nothing but zeros behind the end marker", () => {
    const closed = [header(), one, END_MARKER, Buffer.alloc(200_000)];
    expect(scan(closed)).to.include({ state: "closed", validBytes: 5 + one.length + 4 });
    const found = scan([...closed, Buffer.of(0, 1, 0)]);
    expect(found).to.include({ state: "torn", validBytes: 5 + one.length, transactions: 1 });
    expect(found)
      .to.have.property("reason")
      .that.matches(/end marker at \d+ is not followed by zeros/);
  });

  it("tells a file without a whole header", () => {
    for (const length of [0, 1, 4]) {
      const found = scan([header().subarray(0, length)]);
      expect(found).to.include({ state: "torn", validBytes: 0, length, nextToken: 0 });
    }
  });

  it("doesn't call a header of zeros valid while nothing follows it", () => {
    expect(scan([Buffer.alloc(100)])).to.include({ state: "open", formatVersion: 0, validBytes: 0 });
    expect(scan([header(2), Buffer.alloc(95)])).to.include({ state: "open", validBytes: 5 });
    expect(scan([header(0), one])).to.include({ state: "open", validBytes: 5 + one.length });
    expect(scan([header(0), END_MARKER])).to.include({ state: "closed", validBytes: 9 });
  });

  it("understands nothing of a version that isn't known", () => {
    for (const version of [3, 255]) {
      const found = scan([header(version), one, Buffer.alloc(7)]);
      const length = 5 + one.length + 7;
      expect(found).to.include({ state: "foreign", formatVersion: version, validBytes: length, length });
      expect(found).to.include({ transactions: 0, nextToken: 0 });
    }
    const from = { offset: 50, token: token(9), formatVersion: 3, flags: 0 };
    expect(scan([one], { from })).to.include({ state: "foreign", nextToken: 9 });
  });

  it("checks the framing of transformed segments, and doesn't look into their events", () => {
    const transactions: Transaction[] = [];
    const events: SegmentEvent[] = [];
    const visitor = {
      onTransaction: (transaction: Transaction) => transactions.push(transaction),
      onEvents: (_: Transaction, more: readonly SegmentEvent[]) => events.push(...more),
    };
    const found = scan([header(2, 1), one, two, END_MARKER], visitor);
    expect(found).to.include({ state: "closed", flags: 1, nextToken: 3 });
    scan([two], { ...visitor, from: { offset: 5, token: token(3), formatVersion: 2, flags: -1 } });
    expect(transactions.map(({ firstToken }) => Number(firstToken))).to.deep.equal([0, 1, 3]);
    expect(events).to.deep.equal([]);
  });

  const cases: readonly (readonly [string, Buffer, RegExp])[] = [
    ["a negative size", int32(-2), /size is -2/],
    ["a size beyond the file", int32(0x7fffffff), /goes beyond/],
    ["no events", broken((bytes) => bytes.writeInt16BE(0, 5)), /0 events/],
    ["a negative count", broken((bytes) => bytes.writeInt16BE(-1, 5)), /-1 events/],
    ["a count that the size can't hold", broken((bytes) => bytes.writeInt16BE(300, 5)), /300 events/],
    ["a count that is too low", broken((bytes) => bytes.writeInt16BE(1, 5)), /event 1 of 1/],
    ["a count that is too high", broken((bytes) => bytes.writeInt16BE(3, 5)), /event 1 of 3/],
    ["a negative length", broken((bytes) => bytes.writeInt32BE(-1, 7)), /event 1 of 2 has -1/],
    ["a length beyond the size", broken((bytes) => bytes.writeInt32BE(99, 7)), /event 1 of 2 has 99/],
    ["a wrong CRC", broken((bytes) => bytes.writeUInt8(bytes.readUInt8(12) ^ 1, 12)), /CRC/],
  ];
  for (const [what, bytes, reason] of cases) {
    it(`stops before a transaction with ${what}`, () => {
      const content = [header(), one, bytes, one, Buffer.alloc(100)];
      const found = scan(content, { fileLength: Buffer.concat(content).length });
      expect(found).to.include({ state: "torn", validBytes: 5 + one.length, nextToken: 1, transactions: 1 });
      expect(found).to.have.property("reason").that.matches(reason);
      expect(found)
        .to.have.property("reason")
        .that.includes(String(5 + one.length));
    });
  }

  it("does not count beyond the largest token", () => {
    const last = token(Number.MAX_SAFE_INTEGER - 1);
    const options = { segment: last };
    expect(scan([header(), one, END_MARKER], options)).to.include({ state: "closed", transactions: 1 });
    expect(scan([header(), two, END_MARKER], options)).to.include({ state: "torn", transactions: 0 });
  });

  it("refuses to begin inside of the header", () => {
    const from = { offset: 4, token: token(0), formatVersion: 2, flags: 0 };
    expect(() => new SegmentScanner({ segment, from })).to.throw(RangeError);
  });

  it("passes on what a visitor throws", () => {
    const onTransaction = () => {
      throw new Error("stop here");
    };
    expect(() => scan([header(), one], { onTransaction })).to.throw("stop here");
  });

  describe("event headers", () => {
    function events(...encoded: readonly Uint8Array[]): readonly SegmentEvent[] {
      const { scan: found, transactions } = read([header(), encodeTransaction(encoded)], { segment });
      expect(found).to.include({ state: "open", nextToken: encoded.length });
      return transactions.flatMap((transaction) => transaction.events);
    }

    it("marks an event unreadable, and reads its neighbours", () => {
      const good = encodeEvent({ aggregateIdentifier: "x", sequenceNumber: 7n, snapshot: true });
      const found = events(good, Buffer.from("not protobuf"), good);
      const header = {
        readable: true,
        aggregateIdentifier: "x",
        sequenceNumber: 7,
        timestamp: 0,
        snapshot: true,
      };
      expect(found).to.deep.equal([
        { ...header, token: 0 },
        { readable: false, token: 1 },
        { ...header, token: 2 },
      ]);
    });

    it("keeps identifiers of up to 64 KiB", () => {
      const longest = "i".repeat(64 * 1024);
      const found = events(
        encodeEvent({ aggregateIdentifier: longest }),
        encodeEvent({ aggregateIdentifier: `${longest}i` }),
        Buffer.concat([tag(2, 2), varint(2n ** 31n), Buffer.alloc(100)]),
      );
      expect(found.map(({ readable }) => readable)).to.deep.equal([true, false, false]);
      expect(found[0]).to.have.property("aggregateIdentifier", longest);
    });

    it("keeps 16 MiB of identifiers in one transaction", () => {
      const event = encodeEvent({ aggregateIdentifier: "i".repeat(64 * 1024) });
      const found = events(...Array.from({ length: 258 }, () => event));
      expect(found.filter(({ readable }) => readable)).to.have.length(256);
    });

    it("takes the last one of a repeated field, as protobuf does", () => {
      const event = Buffer.concat([
        encodeEvent({ aggregateIdentifier: "first", sequenceNumber: 1n }),
        encodeEvent({ aggregateIdentifier: "last", sequenceNumber: 2n }),
      ]);
      expect(events(event)[0]).to.include({ aggregateIdentifier: "last", sequenceNumber: 2 });
    });
  });
});
