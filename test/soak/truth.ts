import { createHash } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { encodeEvent, type StandinEvent } from "@axon-backup/axon-server-standin";

/** One history that the server had: what it holds by its own account, and where the files are that hold it. */
export interface History {
  readonly id: number;
  /** A hash of each event, by its token. */
  readonly events: number[];
  readonly snapshots: number[];
  /** For each snapshot, the token of the event that its state was made of last. */
  readonly needs: number[];
  /** The context's directory: the server's own while it goes on with this history, a copy of it after that. */
  directory: string;
}

/** What was found in a restored context. */
export interface Judgement {
  readonly events: number;
  readonly snapshots: number;
  /** The histories of which it is the beginning. */
  readonly histories: readonly number[];
  /** Undefined when all is right. */
  readonly problem: string | undefined;
}

/** What the worker is given, and what it answers with (judge-store.ts). */
export interface JudgeRequest {
  readonly restored: string;
  readonly histories: readonly History[];
}

/** 48 bits, so that an hour's events take little room. */
export function eventHash(encoded: Uint8Array): number {
  return createHash("sha1").update(encoded).digest().readUIntBE(0, 6);
}

/** What the soak knows of what the server had, kept apart from the server's files. */
export class Truth {
  readonly histories: History[] = [{ id: 0, events: [], snapshots: [], needs: [], directory: "" }];

  get current(): History {
    const current = this.histories.at(-1);
    if (current === undefined) throw new Error("there is always a history");
    return current;
  }

  /** @throws Error when the server gave the event another token than the next one */
  appended(token: number, event: StandinEvent): void {
    const { events } = this.current;
    if (token !== events.length) throw new Error(`the server gave token ${token}, not ${events.length}`);
    events.push(eventHash(encodeEvent(event)));
  }

  appendedSnapshot(token: number, snapshot: StandinEvent, need: number): void {
    const { snapshots, needs } = this.current;
    if (token !== snapshots.length)
      throw new Error(`the server gave token ${token}, not ${snapshots.length}`);
    snapshots.push(eventHash(encodeEvent(snapshot)));
    needs.push(need);
  }

  /** The server has lost what comes behind so many events and snapshots. @param copy where the files of the history before have been kept */
  fork(events: number, snapshots: number, copy: string): void {
    const before = this.current;
    const { directory } = before;
    before.directory = copy;
    this.histories.push({
      id: before.id + 1,
      events: before.events.slice(0, events),
      snapshots: before.snapshots.slice(0, snapshots),
      needs: before.needs.slice(0, snapshots),
      directory,
    });
  }

  /** Holds a restored context against every history. In a thread: the server must go on. */
  async judge(restored: string): Promise<Judgement> {
    for (;;) {
      const before = this.histories.length;
      const workerData: JudgeRequest = { restored, histories: this.histories };
      const worker = new Worker(new URL("judge-store.js", import.meta.url), { workerData });
      const [judgement] = (await once(worker, "message")) as [Judgement];
      // A history whose files were moved aside meanwhile may have been read in the middle of that.
      if (judgement.problem === undefined || before === this.histories.length) return judgement;
    }
  }
}
