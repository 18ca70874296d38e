import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import fc from "fast-check";
import { SegmentScanner, SegmentSkimmer, type Skimmed, token } from "@axon-backup/axon-server";
import { encodeEvent, encodeTransaction, header } from "./segment-encoder.js";

const fixtures = fileURLToPath(new URL("../../../test/fixtures/", import.meta.url));

interface Header {
  readonly token: number;
  readonly aggregateIdentifier: string;
  readonly sequenceNumber: number;
  readonly timestamp: number;
}

interface Result extends Skimmed {
  readonly headers: readonly Header[];
}

const segments = ["4.4/store", "4.6/store", "2023.2/store", "2023.2/store-transformed"].flatMap((store) =>
  readdirSync(`${fixtures}${store}/default`)
    .filter((name) => /\.(events|snapshots)$/.test(name))
    .map((name) => ({
      name: `${store}/${name}`,
      first: token(Number.parseInt(name, 10)),
      bytes: readFileSync(`${fixtures}${store}/default/${name}`),
    })),
);

function scan(first: number, bytes: Buffer): Result {
  const headers: Header[] = [];
  const scanner = new SegmentScanner({
    segment: token(first),
    onEvents: (_, events) => {
      for (const event of events) if (event.readable) headers.push(event);
    },
  });
  scanner.push(bytes);
  const { state, flags, transactions } = scanner.end();
  return { state, flags, transactions, headers: headers.map(only) };
}

function skim(first: number, pieces: readonly Buffer[]): Result {
  const headers: Header[] = [];
  const skimmer = new SegmentSkimmer(token(first), (at, sequenceNumber, timestamp, identifier, from, to) =>
    headers.push({
      token: at,
      aggregateIdentifier: identifier.toString("utf8", from, to),
      sequenceNumber,
      timestamp,
    }),
  );
  // One buffer for all pieces: whoever keeps one is found out.
  const buffer = Buffer.alloc(Math.max(0, ...pieces.map((piece) => piece.length)));
  for (const piece of pieces) {
    piece.copy(buffer);
    skimmer.push(buffer.subarray(0, piece.length));
  }
  const { state, flags, transactions } = skimmer.end();
  return { state, flags, transactions, headers };
}

function only({ token: at, aggregateIdentifier, sequenceNumber, timestamp }: Header): Header {
  return { token: at, aggregateIdentifier, sequenceNumber, timestamp };
}

function inPieces(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0, index = 0; at < bytes.length; index++) {
    const length = lengths[index % lengths.length] ?? 1;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

describe("SegmentSkimmer", () => {
  it("finds in real segments what a scanner finds", () => {
    for (const { name, first, bytes } of segments) {
      const expected = scan(first, bytes);
      expect(skim(first, [bytes]), name).to.deep.equal(expected);
      expect(expected.headers.length, name).to.be.greaterThan(0);
    }
  });

  it("does so in pieces of any length, and in a segment that ends anywhere", () => {
    const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 5000 })), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(
        fc.nat(segments.length - 1),
        lengths,
        fc.nat(1000).map((thousandth) => thousandth / 1000),
        (index, pieces, end) => {
          const segment = segments[index];
          if (!segment) return;
          const bytes = segment.bytes.subarray(0, Math.floor(end * segment.bytes.length));
          const expected = scan(segment.first, bytes);
          const skimmed = skim(segment.first, inPieces(bytes, pieces));
          expect(skimmed).to.include({ state: expected.state, flags: expected.flags });
          // Events of a transaction that isn't whole are passed on, too: such a segment is torn.
          expect(skimmed.headers.slice(0, expected.headers.length)).to.deep.equal(expected.headers);
          if (expected.state !== "torn") expect(skimmed).to.deep.equal(expected);
        },
      ),
    );
  });

  it("passes over events that a transformer has changed, and reads nothing of an unknown format", () => {
    const [segment] = segments;
    if (!segment) throw new Error("no segment");
    const encrypted = Buffer.from(segment.bytes);
    encrypted.writeInt32BE(7, 1);
    expect(skim(segment.first, inPieces(encrypted, [11]))).to.deep.equal(scan(segment.first, encrypted));
    const foreign = Buffer.from(segment.bytes);
    foreign.writeUInt8(3, 0);
    expect(skim(segment.first, [foreign])).to.deep.include({
      state: "foreign",
      transactions: 0,
      headers: [],
    });
  });

  it("reads numbers that no clock gives, identifiers of many kilobytes, and headers that end wherever a piece does", () => {
    const numbers = fc.oneof(
      fc.constantFrom(-1n, 0n, -(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n, 10n ** 16n, 2n ** 49n, -(2n ** 49n)),
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    );
    const event = fc
      .record({
        length: fc.oneof(fc.integer({ min: 4000, max: 4100 }), fc.constantFrom(0, 9, 20_000, 65_536)),
        sequenceNumber: numbers,
        timestamp: numbers,
      })
      .map(({ length, ...rest }) =>
        encodeEvent({ ...rest, aggregateIdentifier: "i".repeat(length), payload: Buffer.alloc(50) }),
      );
    const pieces = fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), pieces, (events, lengths) => {
        const bytes = Buffer.concat([header(), encodeTransaction(events), Buffer.alloc(9)]);
        const skimmed = skim(7, inPieces(bytes, lengths));
        expect(skimmed).to.deep.equal(scan(7, bytes));
        expect(skimmed.headers).to.have.length(events.length);
      }),
    );
  });

  it("counts the events that it can't read, and reads their neighbours", () => {
    const good = encodeEvent({ aggregateIdentifier: "x", timestamp: 9n });
    const bad = [encodeEvent({ aggregateIdentifier: "i".repeat(80_000) }), Buffer.alloc(11, 0x18)];
    const seen: number[] = [];
    const skimmer = new SegmentSkimmer(token(0), (at) => seen.push(at));
    skimmer.push(Buffer.concat([header(), encodeTransaction([good, ...bad, good]), Buffer.alloc(9)]));
    expect(skimmer.end()).to.include({ state: "open", transactions: 1 });
    expect(seen).to.deep.equal([0, 3]);
    expect(skimmer).to.include({ unreadable: 2, lastUnreadable: 2 });
  });

  it("never throws, whatever the bytes are", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 400 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        (bytes, length, isBehindHeader) => {
          const all = isBehindHeader
            ? Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), bytes])
            : Buffer.from(bytes);
          skim(0, inPieces(all, [length]));
        },
      ),
      { numRuns: 2000 },
    );
  });
});
