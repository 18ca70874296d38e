import { SegmentScanner, token, type Transaction } from "@axon-backup/axon-server";
import { expect } from "chai";
import fc from "fast-check";

import { contentEnd, read, type SegmentModel, segmentModel, split } from "./segment-model.js";

const anyCuts = fc.array(fc.nat({ max: 1_000_000 }), { maxLength: 12 });

/** Where the header of zeros counts as not written yet. */
function validEnd(
  model: SegmentModel,
  transactions: readonly { readonly transaction: Transaction }[],
): number {
  return transactions.at(-1)?.transaction.end ?? (model.formatVersion === 0 ? 0 : 5);
}

describe("segment scanner, properties", () => {
  it("finds what was written, in whatever pieces it comes", () => {
    fc.assert(
      fc.property(segmentModel, anyCuts, (model, cuts) => {
        const { scan, transactions } = read(split(model.bytes, cuts), { segment: model.segment });
        expect(transactions).to.deep.equal(model.transactions);
        expect(scan).to.deep.equal({
          state: model.closed ? "closed" : "open",
          formatVersion: model.formatVersion,
          flags: 0,
          validBytes: model.closed ? contentEnd(model) + 4 : validEnd(model, transactions),
          nextToken: model.segment + transactions.reduce((sum, { events }) => sum + events.length, 0),
          transactions: model.transactions.length,
          length: model.bytes.length,
        });
      }),
      { numRuns: 300 },
    );
  });

  it("gives the same in single bytes", () => {
    fc.assert(
      fc.property(segmentModel, (model) => {
        const options = { segment: model.segment };
        const single = Array.from(model.bytes, (byte) => Uint8Array.of(byte));
        expect(read(single, options)).to.deep.equal(read([model.bytes], options));
      }),
      { numRuns: 50 },
    );
  });

  it("gives the longest valid prefix of a segment that is cut anywhere", () => {
    fc.assert(
      fc.property(segmentModel, fc.nat({ max: 1_000_000 }), anyCuts, (model, at, cuts) => {
        const cut = at % (model.bytes.length + 1);
        const { scan, transactions } = read(split(model.bytes.subarray(0, cut), cuts), {
          segment: model.segment,
        });
        const whole = model.transactions.filter(({ transaction }) => transaction.end <= cut);
        expect(transactions).to.deep.equal(whole);
        expect(scan.length).to.equal(cut);
        const end = whole.at(-1)?.transaction.end ?? 5;
        const rest = model.bytes.subarray(end, cut);
        if (cut < 5) {
          expect(scan).to.include({ state: "torn", validBytes: 0 });
        } else if (model.closed && end === contentEnd(model) && rest.length >= 4) {
          expect(scan).to.include({ state: "closed", validBytes: end + 4 });
        } else if (rest.subarray(0, 4).every((byte) => byte === 0)) {
          expect(scan).to.include({ state: "open", validBytes: validEnd(model, whole) });
        } else {
          expect(scan).to.include({ state: "torn", validBytes: end });
        }
      }),
      { numRuns: 500 },
    );
  });

  it("never takes a transaction with a flipped bit for valid", () => {
    fc.assert(
      fc.property(segmentModel, fc.nat({ max: 10_000_000 }), anyCuts, (model, at, cuts) => {
        const bit = at % (model.bytes.length * 8);
        const byte = Math.floor(bit / 8);
        const damaged = Buffer.from(model.bytes);
        damaged.writeUInt8(damaged.readUInt8(byte) ^ (1 << (bit % 8)), byte);
        const seen: Transaction[] = [];
        const scanner = new SegmentScanner({
          segment: model.segment,
          onTransaction: (transaction) => seen.push(transaction),
        });
        for (const piece of split(damaged, cuts)) scanner.push(piece);
        const scan = scanner.end();
        const written = model.transactions.map(({ transaction }) => transaction);
        const hit = written.findIndex(({ offset, end }) => byte >= offset && byte < end);
        if (byte === 0 && damaged.readUInt8(0) > 2) {
          expect(seen).to.deep.equal([]);
          expect(scan).to.include({ state: "foreign", validBytes: model.bytes.length });
        } else if (hit === -1 || byte === (written[hit]?.offset ?? 0) + 4) {
          // Neither the header nor a transaction's version byte is covered by a CRC.
          expect(seen).to.deep.equal(written);
          if (model.closed && byte >= contentEnd(model)) expect(scan.state).to.equal("torn");
        } else {
          expect(seen).to.deep.equal(written.slice(0, hit));
          // A size that became zero looks like the end of an open segment.
          expect(scan.state).to.be.oneOf(["torn", "open"]);
          expect(scan.state).to.not.equal("closed");
        }
      }),
      { numRuns: 1000 },
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), anyCuts, (garbage, cuts) => {
        const bytes = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0]), garbage]);
        const { scan } = read(split(bytes, cuts), { segment: token(0) });
        expect(scan.validBytes).to.be.at.most(bytes.length);
      }),
      { numRuns: 300 },
    );
  });

  it("reads on from behind any transaction", () => {
    fc.assert(
      fc.property(segmentModel, fc.nat({ max: 10 }), anyCuts, (model, pick, cuts) => {
        const whole = read([model.bytes], { segment: model.segment });
        const skipped = pick % (model.transactions.length + 1);
        const last = model.transactions[skipped - 1]?.transaction;
        const offset = last?.end ?? 5;
        const from = {
          offset,
          token: model.transactions[skipped]?.transaction.firstToken ?? whole.scan.nextToken,
          formatVersion: model.formatVersion,
          flags: 0,
        };
        const { scan, transactions } = read(split(model.bytes.subarray(offset), cuts), {
          segment: model.segment,
          from,
        });
        expect(transactions).to.deep.equal(model.transactions.slice(skipped));
        expect(scan).to.deep.equal({ ...whole.scan, transactions: model.transactions.length - skipped });
      }),
      { numRuns: 200 },
    );
  });
});
