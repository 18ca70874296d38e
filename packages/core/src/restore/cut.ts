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
  /** Whether whole segments can be read. */
  #canReadSnapshots = true;
  #canReadEvents = true;
  /** Single ones in segments that can. */
  #unreadableSnapshots = 0;
  #lastUnreadable = -1;
  /** Whether events are missing behind damage. */
  #isDamaged = false;
  /** How many events there are of which it can't be told which aggregate they are, or were, of: a transformation has emptied them, or they can't be read. */
  #nameless = 0;
  #doubtful = 0;
  #lastToken = -1;
  #lastTimestamp: number | undefined;
  #earliest = Infinity;
  #later: LaterEvents | undefined;

  constructor(private readonly options: TrailOptions = { isCut: true }) {}

  /** Snapshots come first: they tell which aggregates matter. */
  addSnapshots(snapshots: readonly SegmentEvent[]): void {
    for (const snapshot of snapshots)
      if (snapshot.readable)
        this.#sequences.addSnapshot(snapshot.aggregateIdentifier, snapshot.sequenceNumber);
      else this.#unreadableSnapshots++;
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
      } else this.#addUnreadable(1, event.token);
  }

  #addUnreadable(count: number, last: number): void {
    this.#nameless += count;
    this.#lastUnreadable = Math.max(this.#lastUnreadable, last);
  }

  /** One event, with the bytes of its aggregate's identifier. */
  readonly addEvent: SkimVisitor = (at, sequenceNumber, timestamp, identifier, from, to) => {
    this.#sequences.addEventOf(identifier, from, to, sequenceNumber);
    this.#addTime(at, timestamp, to > from);
  };

  #addTime(at: number, timestamp: number, hasAggregate: boolean): void {
    // A transformation may leave empty events where it deleted some: they have no time.
    if (timestamp === 0) {
      if (!hasAggregate) this.#nameless++;
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
  endSegment(
    scan: Skimmed,
    skimmer?: { readonly unreadable: number; readonly lastUnreadable: number },
  ): void {
    if (skimmer) this.#addUnreadable(skimmer.unreadable, skimmer.lastUnreadable);
    if (!isReadable(scan)) this.#canReadEvents = false;
    if (scan.state === "torn") this.#isDamaged = true;
  }

  /** Milliseconds since 1970 of the last event that has a time; undefined when there is none, or it can't be read. */
  get lastTimestamp(): number | undefined {
    return this.#lastUnreadable > this.#lastToken ? undefined : this.#clock;
  }

  /** The same, but for single events that can't be read. */
  get #clock(): number | undefined {
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
    if (this.#canReadSnapshots && this.#sequences.unproven === 0)
      return this.#unreadableSnapshots === 0 ? "fine" : "look";
    return this.#canReadSnapshots && this.#canReadEvents && !this.#isDamaged ? "look" : "unknown";
  }

  /** Of how many snapshots `isLater` couldn't tell, and said that they aren't. */
  get doubtful(): number {
    return this.#doubtful;
  }

  /**
   * Whether a snapshot may be of a state later than these events. Dropping one too many costs the server a few reads, keeping one too many breaks its aggregate: where events are cut,
   * whatever can't be told counts as later, and what was written later than the last event as well.
   *
   * An aggregate with events is judged by them alone. The server expects the number after its last one from whoever appends to it, also where a transformation has emptied later ones: a snapshot beyond that would break it in any case.
   * One without events may have lost all of them to retention or a transformation: dropping what is left of it would lose it for good.
   */
  isLater(snapshot: SegmentEvent): boolean {
    const { isCut, isShortened = false } = this.options;
    if (!snapshot.readable) return isCut || this.#doubt();
    const clock = this.#clock;
    const { sequenceNumber, timestamp } = snapshot;
    if (isCut && (clock === undefined || timestamp > clock)) return true;
    const sequence = this.#sequences.last(snapshot.aggregateIdentifier);
    if (sequenceNumber <= sequence) return false;
    if (sequence !== -1) return true;
    // As many events are missing as the snapshot's state has.
    if (!isShortened && sequenceNumber >= this.#nameless) return true;
    if (timestamp < this.#earliest) return false;
    return isCut || clock === undefined || timestamp > clock || this.#doubt();
  }

  #doubt(): false {
    this.#doubtful++;
    return false;
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
