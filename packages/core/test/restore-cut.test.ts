import { type EventHeader, type SegmentScan, token } from "@axon-backup/axon-server";
import { expect } from "chai";
import { EventTrail } from "../dist/restore/cut.js";

function event(
  at: number,
  aggregateIdentifier: string,
  sequenceNumber: number,
  timestamp: number,
): EventHeader {
  return {
    readable: true,
    token: token(at),
    aggregateIdentifier,
    sequenceNumber,
    timestamp,
    snapshot: false,
  };
}

/** What the events' segments look like when all is well. */
const PLAIN: SegmentScan = {
  state: "closed",
  formatVersion: 2,
  flags: 0,
  validBytes: 9,
  nextToken: token(3),
  transactions: 1,
  length: 9,
};

describe("the rule for snapshots of a later state", () => {
  const [mine, old] = [event(0, "mine", 5, 150), event(1, "old", 9, 50)];
  let trail: EventTrail;
  beforeEach(() => {
    trail = new EventTrail({ isCut: true, isShortened: true });
    trail.addSnapshots([mine, old]);
    // Segments may come in any order.
    trail.addEvents([event(102, "mine", 5, 200), event(103, "", 0, 0)]);
    trail.addEvents([event(100, "mine", 4, 100), event(101, "other", 1, 150)]);
    trail.endSegment(PLAIN);
  });

  it("keeps a snapshot of the last event's state or an earlier one", () => {
    expect(trail.isLater(mine)).to.equal(false);
    expect(trail.isLater({ ...mine, sequenceNumber: 4, timestamp: 200 })).to.equal(false);
    expect(trail.lastTimestamp, "of the last event that has a time").to.equal(200);
  });

  it("drops one beyond the aggregate's last event, or younger than every event", () => {
    expect(trail.isLater({ ...mine, sequenceNumber: 6 })).to.equal(true);
    expect(trail.isLater({ ...mine, timestamp: 201 })).to.equal(true);
  });

  it("drops one of an aggregate without events, unless it is older than every event there is: then retention removed those", () => {
    expect(trail.isLater({ ...old, timestamp: 150 })).to.equal(true);
    expect(trail.isLater(old)).to.equal(false);
  });

  it("drops every one when something can't be read", () => {
    expect(trail.isLater({ readable: false, token: token(0) })).to.equal(true);
    trail.endSegment({ ...PLAIN, flags: 1 });
    expect(trail.isLater(mine)).to.equal(true);
    expect(trail.lastTimestamp).to.equal(undefined);
    const other = new EventTrail();
    expect(other.isLater(mine), "without any event").to.equal(true);
  });
});
