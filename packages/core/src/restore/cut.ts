import type { SegmentEvent, SegmentScan, Token } from "@axon-backup/axon-server";

/**
 * Follows the events of a context as they stream by, in any order of segments, for what a cut of the snapshots needs (docs/axon-server.md, section 5).
 * Memory grows with the number of aggregates that have snapshots, and with nothing else.
 */
export class EventTrail {
  /** The last sequence number of each aggregate that has a snapshot; -1 as long as no event of it was seen. */
  readonly #sequences = new Map<string, number>();
  #readable = true;
  #lastToken = -1;
  #lastTimestamp: number | undefined;
  #earliest = Infinity;

  /** Snapshots come first: they tell which aggregates matter. */
  addSnapshots(snapshots: readonly SegmentEvent[]): void {
    for (const snapshot of snapshots)
      if (snapshot.readable && !this.#sequences.has(snapshot.aggregateIdentifier))
        this.#sequences.set(snapshot.aggregateIdentifier, -1);
  }

  /** Events that are restored. */
  addEvents(events: readonly SegmentEvent[]): void {
    for (const event of events) {
      if (!event.readable) {
        this.#readable = false;
        continue;
      }
      const known = this.#sequences.get(event.aggregateIdentifier);
      if (known !== undefined && event.sequenceNumber > known)
        this.#sequences.set(event.aggregateIdentifier, event.sequenceNumber);
      // A transformation leaves empty events where it deleted some: they have no time.
      if (event.timestamp === 0) continue;
      this.#earliest = Math.min(this.#earliest, event.timestamp);
      if (event.token > this.#lastToken) {
        this.#lastToken = event.token;
        this.#lastTimestamp = event.timestamp;
      }
    }
  }

  /** What is known of a segment of events once it was read. */
  endSegment(scan: SegmentScan): void {
    if (scan.state === "foreign" || scan.flags !== 0) this.#readable = false;
  }

  /** Milliseconds since 1970 of the last event that has a time; undefined when there is none, or it can't be read. */
  get lastTimestamp(): number | undefined {
    return this.#readable ? this.#lastTimestamp : undefined;
  }

  /**
   * Whether a snapshot may be of a state later than these events. Dropping one too many costs the server a few reads, keeping one too many breaks its aggregate:
   * whatever can't be told counts as later.
   */
  isLater(snapshot: SegmentEvent): boolean {
    const { lastTimestamp } = this;
    if (!snapshot.readable || lastTimestamp === undefined) return true;
    if (snapshot.timestamp > lastTimestamp) return true;
    const sequence = this.#sequences.get(snapshot.aggregateIdentifier) ?? -1;
    // Retention has removed this aggregate's events; the snapshot is older than every event there is, and all that is left of the aggregate.
    if (sequence === -1 && snapshot.timestamp < this.#earliest) return false;
    return snapshot.sequenceNumber > sequence;
  }
}

/** Where a segment is cut. */
export interface CutPoint {
  /** Bytes that stay. */
  readonly offset: number;
  /** The token after the last event that stays. */
  readonly nextToken: Token;
}
