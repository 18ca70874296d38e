import { crc32 } from "node:zlib";

import {
  holdsEntry,
  LogScanner,
  logChain,
  logIndex,
  type LogSegmentScan,
  scanLogSegment,
  type SourceHandle,
} from "@axon-backup/axon-server";
import { expect } from "chai";

import { encodeEntry, readLog } from "./log-model.js";
import { END_MARKER, header, int32 } from "./segment-encoder.js";

const MiB = 1024 * 1024;
const FIRST = logIndex(1);
const data = Buffer.from("data");

/** A segment of entries with these terms. */
function segment(
  first: number,
  terms: readonly number[],
  end: "complete" | "open" = "complete",
): LogSegmentScan {
  const entries = terms.map((term) => encodeEntry({ term: BigInt(term), data }));
  const bytes = [header(0), ...entries, end === "complete" ? END_MARKER : Buffer.alloc(8)];
  return readLog([Buffer.concat(bytes)], logIndex(first)).scan;
}

describe("log scanner", () => {
  const torn: readonly (readonly [string, Buffer, RegExp])[] = [
    ["a negative size", int32(-2), /size is -2/],
    ["the smallest size", int32(-(2 ** 31)), /size is -2147483648/],
    [
      "the largest size",
      Buffer.concat([int32(2 ** 31 - 1), Buffer.alloc(40)]),
      /size of 2147483647 goes beyond/,
    ],
    ["a size of one byte too many", encodeEntry({ term: 1n, data }).subarray(0, -1), /size of 4 goes beyond/],
    ["a negative term", encodeEntry({ term: -1n, data }), /term is -1/],
    ["a term beyond 2^53", encodeEntry({ term: 2n ** 53n, data }), /term is 9007199254740992/],
    ["an entry of another version", encodeEntry({ term: 1n, version: 3, data }), /version is 3/],
  ];
  for (const [title, bytes, reason] of torn)
    it(`is torn by ${title}`, () => {
      const before = encodeEntry({ term: 7n, data });
      const whole = Buffer.concat([header(0), before, bytes]);
      const { scan } = readLog([whole], FIRST, whole.length);
      expect(scan).to.include({ state: "torn", entries: 1, lastTerm: 7, validBytes: 5 + before.length });
      expect(scan.state === "torn" && scan.reason).to.match(reason);
    });

  it("doesn't go beyond the indexes that there are", () => {
    const bytes = Buffer.concat([header(0), encodeEntry({ term: 1n, data })]);
    const { scan } = readLog([bytes], logIndex(Number.MAX_SAFE_INTEGER));
    expect(scan).to.include({ state: "torn", entries: 0, nextIndex: Number.MAX_SAFE_INTEGER });
  });

  it("copies what it doesn't understand: a foreign version is valid to its end", () => {
    const { scan } = readLog([Buffer.concat([header(1), encodeEntry({ term: 1n, data })])], FIRST);
    expect(scan).to.include({ state: "foreign", formatVersion: 1, entries: 0, validBytes: scan.length });
  });

  it("tells flags, and reads the framing all the same", () => {
    const { scan } = readLog(
      [Buffer.concat([header(0, 5), encodeEntry({ term: 1n, data }), END_MARKER])],
      FIRST,
    );
    expect(scan).to.include({ state: "complete", flags: 5, entries: 1 });
  });

  it("reads an entry of 256 MiB in a few MiB", function () {
    this.timeout(20_000);
    const piece = Buffer.alloc(MiB, 0x78);
    const scanner = new LogScanner({ first: FIRST });
    const head = encodeEntry({ term: 3n, data: Buffer.alloc(1) }).subarray(0, 17);
    head.writeInt32BE(256 * MiB);
    scanner.push(Buffer.concat([header(0), head]));
    let crc = 0;
    const before = memory();
    let peak = 0;
    for (let count = 0; count < 256; count++) {
      scanner.push(piece);
      crc = crc32(piece, crc);
      peak = Math.max(peak, memory());
    }
    scanner.push(int32(crc | 0));
    expect(scanner.end()).to.include({ state: "open", entries: 1, lastTerm: 3 });
    expect(peak - before).to.be.below(8 * MiB);
  });

  it("reads a file up to its end marker, and not what is behind", async () => {
    const content = Buffer.concat([header(0), encodeEntry({ term: 1n, data }), END_MARKER]);
    const size = 16 * MiB;
    let read = 0;
    const file = handle(size, (buffer, position) => {
      buffer.fill(0);
      content.copy(buffer, 0, position);
      read += buffer.length;
    });
    const scan = await scanLogSegment(file, { first: FIRST });
    expect(scan).to.include({ state: "complete", entries: 1, validBytes: content.length, length: size });
    expect(read).to.be.below(MiB);
  });

  it("reads again what looks torn, and tells of each entry once", async () => {
    const content = Buffer.concat([
      header(0),
      ...[1n, 1n].map((term) => encodeEntry({ term, data })),
      END_MARKER,
    ]);
    let reads = 0;
    const file = handle(content.length, (buffer, position) => {
      content.copy(buffer, 0, position);
      // The data of the second entry as it was a moment before.
      if (reads++ === 0) buffer.fill(0, content.length - 12, content.length - 8);
    });
    const seen: number[] = [];
    const scan = await scanLogSegment(file, { first: FIRST, onEntry: ({ index }) => seen.push(index) });
    expect(scan).to.include({ state: "complete", entries: 2 });
    expect(seen).to.deep.equal([1, 2]);
    expect(reads).to.equal(2);
  });
});

describe("a chain of log entry segments", () => {
  it("is whole when each segment begins where the one before it ends", () => {
    const chain = logChain([segment(5, [1, 1]), segment(7, [1, 2]), segment(9, [2], "open")]);
    expect(chain).to.deep.equal({ firstIndex: 5, nextIndex: 10, lastTerm: 2, problems: [] });
    expect([4, 5, 9, 10].map((index) => holdsEntry(chain, logIndex(index)))).to.deep.equal([
      false,
      true,
      true,
      false,
    ]);
  });

  it("ends at a gap, and says where", () => {
    const chain = logChain([segment(1, [1, 1]), segment(4, [1])]);
    expect(chain).to.include({ firstIndex: 1, nextIndex: 3 });
    expect(chain.problems).to.deep.equal([{ kind: "gap", after: 1, expected: 3, found: 4 }]);
    expect(holdsEntry(chain, logIndex(4))).to.be.false;
  });

  it("tells overlaps, missing end markers, foreign segments and terms that fall", () => {
    expect(logChain([segment(1, [1, 1]), segment(2, [1])]).problems[0]).to.include({
      kind: "overlap",
      found: 2,
    });
    expect(logChain([segment(1, [1], "open"), segment(2, [1])]).problems).to.deep.equal([
      { kind: "unfinished", segment: 1 },
    ]);
    const foreign = readLog([header(9)], logIndex(3)).scan;
    const chain = logChain([segment(1, [1, 1]), foreign, segment(8, [1])]);
    expect(chain.problems).to.deep.equal([{ kind: "foreign", segment: 3, formatVersion: 9 }]);
    expect(chain.nextIndex).to.equal(3);
    expect(logChain([segment(1, [3, 2])]).problems).to.deep.equal([
      { kind: "falling-term", segment: 1, entry: 2 },
    ]);
    expect(logChain([segment(1, [3]), segment(2, [2])]).problems).to.deep.equal([
      { kind: "falling-term", segment: 2, entry: 2 },
    ]);
    expect(logChain([])).to.include({ firstIndex: undefined, nextIndex: undefined });
  });
});

function handle(size: number, fill: (buffer: Buffer, position: number) => void): SourceHandle {
  return {
    size,
    read: (buffer, position) => {
      const wanted = Buffer.from(
        buffer.buffer,
        buffer.byteOffset,
        Math.min(buffer.byteLength, size - position),
      );
      fill(wanted, position);
      return Promise.resolve(wanted.length);
    },
    close: () => Promise.resolve(),
  };
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
