import { crc32 } from "node:zlib";

import { type SegmentEvent, SegmentScanner, token } from "@axon-backup/axon-server";
import { expect } from "chai";

import { header, int32, tag, varint } from "./segment-encoder.js";

const MiB = 1024 * 1024;

describe("segment scanner, memory", () => {
  it("reads a transaction of 256 MiB in a few MiB", function () {
    this.timeout(20_000);
    const piece = Buffer.alloc(MiB, 0x78);
    const pieces = 256;
    const events: SegmentEvent[] = [];
    const scanner = new SegmentScanner({ segment: token(0), onEvents: (_, more) => events.push(...more) });
    // One event: an identifier, and a payload of 256 MiB.
    const head = Buffer.concat([
      tag(2, 2),
      varint(3n),
      Buffer.from("big"),
      tag(6, 2),
      varint(BigInt(pieces * MiB)),
    ]);
    const eventLength = head.length + pieces * MiB;
    const length = int32(eventLength);
    scanner.push(header());
    scanner.push(Buffer.concat([int32(4 + eventLength), Buffer.of(2, 0, 1), length, head]));
    let crc = crc32(head, crc32(length));
    const before = memory();
    let peak = 0;
    for (let i = 0; i < pieces; i++) {
      scanner.push(piece);
      crc = crc32(piece, crc);
      peak = Math.max(peak, memory());
    }
    scanner.push(int32(crc | 0));
    expect(scanner.end()).to.include({ state: "open", transactions: 1, nextToken: 1 });
    expect(events).to.deep.include({
      readable: true,
      token: 0,
      aggregateIdentifier: "big",
      sequenceNumber: 0,
      timestamp: 0,
      snapshot: false,
    });
    expect(peak - before).to.be.below(8 * MiB);
  });
});

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
