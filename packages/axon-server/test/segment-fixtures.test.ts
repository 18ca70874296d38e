import { readdirSync, readFileSync } from "node:fs";

import { type SegmentEvent, type SegmentScan, SegmentScanner, token } from "@axon-backup/axon-server";
import { expect } from "chai";

const fixtures = new URL("../../../test/fixtures/", import.meta.url);

interface FixtureSegment {
  readonly name: string;
  readonly number: number;
  readonly scan: SegmentScan;
  readonly events: readonly SegmentEvent[];
}

/** The segments of a captured store, ascending; of those with several versions, the newest. */
function readStore(store: string, extension: "events" | "snapshots"): FixtureSegment[] {
  const folder = new URL(`${store}/default/`, fixtures);
  const newest = new Map<number, string>();
  for (const name of readdirSync(folder).sort()) {
    // `…_00001.events` sorts behind `….events`: the dot comes before the underscore.
    if (name.endsWith(`.${extension}`)) newest.set(Number(name.slice(0, 20)), name);
  }
  return Array.from(newest, ([number, name]) => {
    const events: SegmentEvent[] = [];
    const scanner = new SegmentScanner({
      segment: token(number),
      onEvents: (_, more) => events.push(...more),
    });
    scanner.push(readFileSync(new URL(name, folder)));
    return { name, number, scan: scanner.end(), events };
  }).sort((a, b) => a.number - b.number);
}

function expectUnbroken(segments: readonly FixtureSegment[], count: number): void {
  const tokens = segments.flatMap(({ events }) => events.map((event) => Number(event.token)));
  expect(tokens).to.deep.equal(Array.from({ length: count }, (_, index) => index));
  segments.slice(1).forEach(({ number }, index) => {
    expect(segments[index]?.scan.nextToken).to.equal(number);
  });
  expect(segments.map(({ scan }) => scan.state)).to.deep.equal([
    ...segments.slice(1).map(() => "closed"),
    "open",
  ]);
}

describe("segments of real servers", () => {
  for (const store of ["4.4/store", "4.6/store", "2023.2/store", "2023.2/store-transformed"]) {
    it(`${store}: 173 events and 40 snapshots, without a gap`, () => {
      const segments = readStore(store, "events");
      expectUnbroken(segments, 173);
      for (const event of segments.flatMap(({ events }) => events)) {
        const number = Number(event.token);
        expect(event).to.include({ readable: true, aggregateIdentifier: `order-${number % 50}` });
        expect(event).to.include({ sequenceNumber: Math.floor(number / 50), snapshot: false });
        expect(event).to.have.property("timestamp").that.is.closeTo(1_700_000_000_000, 1_000_000);
      }

      const snapshots = readStore(store, "snapshots");
      expectUnbroken(snapshots, 40);
      expect(snapshots.at(-1)).to.deep.include({ name: "00000000000000000034.snapshots" });
      expect(snapshots.at(-1)?.scan).to.include({ validBytes: 2887, length: 16_384, transactions: 6 });
      expect(snapshots.at(-1)?.events).to.have.length(6);
    });
  }

  for (const store of ["4.6/store", "2023.2/store"]) {
    it(`${store}: the open segment, and oversize ones that end right behind their marker`, () => {
      const segments = readStore(store, "events");
      expect(segments.at(-1)).to.include({ number: 153 });
      expect(segments.at(-1)?.scan).to.include({ validBytes: 9413, length: 16_384, nextToken: 173 });
      const oversize = segments.filter(({ scan }) => scan.length > 16_384);
      expect(oversize.map(({ number }) => number)).to.deep.equal([150, 151, 152]);
      for (const { scan } of oversize) expect(scan.validBytes).to.equal(scan.length);
    });
  }

  it("4.4/store: the open segment", () => {
    const open = readStore("4.4/store", "events").at(-1);
    expect(open).to.include({ number: 165 });
    expect(open?.scan).to.include({ state: "open", nextToken: 173 });
    expect(open?.events).to.have.length(8);
  });

  it("2023.2/store-transformed: the newest versions, whose deleted events are still events", () => {
    const names = readStore("2023.2/store-transformed", "events").map(({ name }) => name);
    expect(names).to.include.members([
      "00000000000000000000_00002.events",
      "00000000000000000066_00001.events",
      "00000000000000000099_00002.events",
    ]);
  });
});
