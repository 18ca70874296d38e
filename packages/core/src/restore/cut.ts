import {
  type SegmentEvent,
  type Skimmed,
  type SkimVisitor,
  type Token,
  token,
} from "@axon-backup/axon-server";
import { Sequences } from "./sequences.js";

/** Events that are restored although they are later than the time asked for: clocks were in disorder. */
export interface LaterEvents {
  readonly events: number;
  /** The first one's token. */
  readonly firstToken: Token;
  /** Milliseconds since 1970, of the latest. */
  readonly latest: number;
}

/** What a trail is after. */
export interface TrailOptions {
  /** Whether the events are cut. */
  readonly isCut: boolean;
  /** Whether older events were removed: the store doesn't begin with its first token. */
  readonly isShortened?: boolean;
  /** The time asked for, in milliseconds since 1970. */
  readonly time?: number;
}

/**
 * Follows the events of a context as they stream by, in any order of segments, for what must be known of its snapshots (docs/axon-server.md, section 5).
 * Memory grows with the number of aggregates that have snapshots, and with nothing else.
 */
export class EventTrail {
  readonly #sequences = new Sequences();
  #canReadSnapshots = true;
  #canReadEvents = true;
  /** Whether events are missing that once were there: behind damage, by retention, deleted by a transformation. */
  #isDamaged = false;
  #hasHoles: boolean;
  #lastToken = -1;
  #lastTimestamp: number | undefined;
  #earliest = Infinity;
  #later: LaterEvents | undefined;

  constructor(private readonly options: TrailOptions = { isCut: true }) {
    this.#hasHoles = options.isShortened === true;
  }

  /** Snapshots come first: they tell which aggregates matter. */
  addSnapshots(snapshots: readonly SegmentEvent[]): void {
    for (const snapshot of snapshots)
      if (snapshot.readable)
        this.#sequences.addSnapshot(snapshot.aggregateIdentifier, snapshot.sequenceNumber);
      else this.#canReadSnapshots = false;
  }

  /** What is known of a segment of snapshots once it was read. */
  endSnapshots(scan: Skimmed): void {
    if (!isReadable(scan) || scan.state === "torn") this.#canReadSnapshots = false;
  }

  /** Events that are restored. */
  addEvents(events: readonly SegmentEvent[]): void {
    for (const event of events)
      if (event.readable) {
        this.#sequences.addEvent(event.aggregateIdentifier, event.sequenceNumber);
        this.#addTime(event.token, event.timestamp, event.aggregateIdentifier !== "");
      } else this.#canReadEvents = false;
  }

  /** One event, with the bytes of its aggregate's identifier. */
  readonly addEvent: SkimVisitor = (at, sequenceNumber, timestamp, identifier, from, to) => {
    this.#sequences.addEventOf(identifier, from, to, sequenceNumber);
    this.#addTime(at, timestamp, to > from);
  };

  #addTime(at: number, timestamp: number, hasAggregate: boolean): void {
    // A transformation may leave empty events where it deleted some: they have no time.
    if (timestamp === 0) {
      if (!hasAggregate) this.#hasHoles = true;
      return;
    }
    if (timestamp < this.#earliest) this.#earliest = timestamp;
    if (at > this.#lastToken) {
      this.#lastToken = at;
      this.#lastTimestamp = timestamp;
    }
    const { time } = this.options;
    if (time !== undefined && timestamp > time) this.#later = addLater(this.#later, token(at), timestamp);
  }

  /** What is known of a segment of events once it was read. */
  endSegment(scan: Skimmed, isUnreadable = false): void {
    if (isUnreadable || !isReadable(scan)) this.#canReadEvents = false;
    if (scan.state === "torn") this.#isDamaged = true;
  }

  /** Milliseconds since 1970 of the last event that has a time; undefined when there is none, or it can't be read. */
  get lastTimestamp(): number | undefined {
    return this.#canReadEvents ? this.#lastTimestamp : undefined;
  }

  /** Events later than the time asked for; undefined for none. */
  get later(): LaterEvents | undefined {
    return this.#later;
  }

  /** Whether every event must be looked at, to tell those that are later than the time asked for. */
  get isTimed(): boolean {
    return this.options.time !== undefined;
  }

  /** Whether events that weren't looked at can't change what becomes of the snapshots: the state of each is among those that were seen, or they can't be read. */
  get isSettled(): boolean {
    return this.#sequences.unproven === 0 || (!this.options.isCut && !this.#canReadSnapshots);
  }

  /**
   * What becomes of the snapshots of events that aren't cut: they stay, as nearly always, or must be looked at one by one. They were copied before the events, so where it can't be told they stay, too.
   */
  get uncutSnapshots(): "fine" | "look" | "unknown" {
    if (this.#canReadSnapshots && this.#sequences.unproven === 0) return "fine";
    return this.#canReadSnapshots && this.#canReadEvents && !this.#isDamaged ? "look" : "unknown";
  }

  /**
   * Whether a snapshot may be of a state later than these events. Dropping one too many costs the server a few reads, keeping one too many breaks its aggregate: where events are cut,
   * whatever can't be told counts as later, and what was written later than the last event as well.
   */
  isLater(snapshot: SegmentEvent): boolean {
    if (!snapshot.readable) return true;
    const { lastTimestamp } = this;
    const { isCut } = this.options;
    if (isCut && (lastTimestamp === undefined || snapshot.timestamp > lastTimestamp)) return true;
    const sequence = this.#sequences.last(snapshot.aggregateIdentifier);
    if (snapshot.sequenceNumber <= sequence) return false;
    if (!this.#hasHoles) return true;
    // Events that the server had removed aren't later ones: the clock decides. With a cut, the snapshot must be older than every event there is, and all that is left of its aggregate.
    if (isCut) return sequence !== -1 || snapshot.timestamp >= this.#earliest;
    return lastTimestamp === undefined || snapshot.timestamp > lastTimestamp;
  }
}

function isReadable({ state, flags, transactions }: Skimmed): boolean {
  return state !== "foreign" && (flags === 0 || transactions === 0);
}

function addLater(later: LaterEvents | undefined, at: Token, timestamp: number): LaterEvents {
  if (!later) return { events: 1, firstToken: at, latest: timestamp };
  return {
    events: later.events + 1,
    firstToken: at < later.firstToken ? at : later.firstToken,
    latest: Math.max(later.latest, timestamp),
  };
}

/** Where a segment is cut. */
export interface CutPoint {
  /** Bytes that stay. */
  readonly offset: number;
  /** The token after the last event that stays. */
  readonly nextToken: Token;
}
