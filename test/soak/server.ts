import {
  closeSync,
  copyFileSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import {
  inspectStore,
  sampleEvents,
  type Standin,
  type Store,
  startStandin,
} from "@axon-backup/axon-server-standin";
import type { Truth } from "./truth.js";

export const CONTEXT = "default";
const TICK_MS = 20;
/** A snapshot for so many events. */
const EVENTS_PER_SNAPSHOT = 25;
const KiB = 1024;
/** Chosen at each start: many small ones, and some that grow beyond what S3 can add to. */
const SEGMENT_SIZES = [64 * KiB, 256 * KiB, 256 * KiB, 1024 * KiB, 8 * 1024 * KiB];
const INDEX_BYTES = 8 * KiB;

/** What a lost tail took. */
export interface LostTail {
  /** Tokens of the first event lost, and the one after the last. */
  readonly from: number;
  readonly to: number;
}

/** A stand-in server that gets transactions as long as it is up, and can be restarted. */
export class SoakServer {
  #standin: Standin | undefined;
  #timer: NodeJS.Timeout | undefined;
  #owed = 0;
  #port = 0;
  #failure: unknown;

  private constructor(
    readonly storage: string,
    private readonly truth: Truth,
    private readonly token: string,
    private readonly random: () => number,
    private readonly rate: number,
    /** Copies of the histories that were lost go in here. */
    private readonly histories: string,
  ) {}

  static async start(
    directory: string,
    truth: Truth,
    settings: { readonly token: string; readonly random: () => number; readonly rate: number },
  ): Promise<SoakServer> {
    const [storage, histories] = [join(directory, "data"), join(directory, "histories")];
    for (const path of [storage, histories]) mkdirSync(path, { recursive: true });
    truth.current.directory = join(storage, CONTEXT);
    const { token, random, rate } = settings;
    const server = new SoakServer(storage, truth, token, random, rate, histories);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get controlDbDirectory(): string {
    return join(this.storage, "..", "controldb-backups");
  }

  get isUp(): boolean {
    return this.#standin !== undefined;
  }

  /** How long segments of the stand-in that runs are. */
  segmentSize = 0;

  async up(): Promise<void> {
    this.segmentSize = SEGMENT_SIZES[Math.floor(this.random() * SEGMENT_SIZES.length)] ?? 256 * KiB;
    this.#standin = await startStandin({
      generation: "2023.2",
      storage: this.storage,
      controlDbDirectory: this.controlDbDirectory,
      segmentSize: this.segmentSize,
      indexBytes: INDEX_BYTES,
      rebuildIndexes: true,
      port: this.#port,
      accessControl: { admin: this.token, application: `${this.token}-application` },
    });
    this.#port = this.#standin.port;
    this.#owed = 0;
  }

  async down(): Promise<void> {
    const standin = this.#standin;
    this.#standin = undefined;
    await standin?.close();
  }

  /** Appends from now on. */
  begin(): void {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#owed += ((now - last) / 1000) * this.rate;
      last = now;
      try {
        for (; this.#owed >= 1; this.#owed--) this.#append();
      } catch (error) {
        this.#failure ??= error;
        this.end();
      }
    }, TICK_MS);
  }

  /** Appends no more. */
  end(): void {
    clearInterval(this.#timer);
  }

  /** @throws what appending failed with: the soak's own failure, or the stand-in's */
  requireRight(): void {
    if (this.#failure !== undefined) throw new Error("the stand-in server failed", { cause: this.#failure });
  }

  /** Answers with an error, until the function that it gives is called. */
  refuse(): () => void {
    const standin = this.#standin;
    standin?.misbehave({ behaviour: { kind: "status", status: 503, body: "starting" } });
    return () => standin?.misbehave(undefined);
  }

  async close(): Promise<void> {
    this.end();
    await this.down();
  }

  #append(): void {
    const standin = this.#standin;
    if (standin === undefined) return;
    standin.forgetRequests();
    const { id } = this.truth.current;
    const first = standin.head(CONTEXT) + 1;
    const count = this.random() < 0.1 ? 1 + Math.floor(this.random() * 5) : 1;
    const extraBytes = Math.floor(this.random() ** 3 * 1500);
    // Another history has other events, whatever else is the same.
    const events = sampleEvents(count, { first, extraBytes, prefix: `h${id}` });
    standin.append(CONTEXT, events);
    for (const [index, event] of events.entries()) this.truth.appended(first + index, event);
    if (this.random() < 1 / EVENTS_PER_SNAPSHOT) this.#appendSnapshot(standin, first + count - 1);
  }

  /** Of the state that an aggregate has with a recent event, often the last one. */
  #appendSnapshot(standin: Standin, lastToken: number): void {
    const need = Math.max(0, lastToken - Math.floor(this.random() ** 2 * 50));
    const [snapshot] = sampleEvents(1, { first: need, prefix: `s${this.truth.current.id}` });
    if (snapshot === undefined) return;
    const token = standin.head(CONTEXT, "snapshots") + 1;
    standin.appendSnapshots(CONTEXT, [snapshot]);
    this.truth.appendedSnapshot(token, snapshot, need);
  }

  /**
   * As after a crash: the last transactions of the open segments are gone. Only while the server is down.
   * @returns undefined when there is nothing that could be lost
   */
  loseTail(): LostTail | undefined {
    if (this.isUp) throw new Error("the server is up");
    const { truth } = this;
    const directory = join(this.storage, CONTEXT);
    const [events, snapshots] = [openTail(directory, "events"), openTail(directory, "snapshots")];
    // Closed segments of snapshots stay as they are, and what they need stays as well.
    const firstSnapshot = snapshots.transactions[0]?.firstToken ?? truth.current.snapshots.length;
    const needed = Math.max(-1, ...truth.current.needs.slice(0, firstSnapshot));
    const candidates = events.transactions.filter(({ firstToken }) => firstToken > needed);
    const back = 1 + Math.floor(this.random() ** 2 * Math.min(candidates.length, 500));
    const cut = candidates.at(-back);
    if (cut === undefined) return undefined;
    const from = cut.firstToken;
    const to = truth.current.events.length;
    const keptSnapshots = truth.current.needs.findIndex((need) => need >= from);
    const snapshotCut = snapshots.transactions.find(({ firstToken }) => firstToken === keptSnapshots);

    const copy = join(this.histories, String(truth.current.id));
    mkdirSync(copy);
    for (const name of readdirSync(directory)) {
      const isOpen = name === events.name || name === snapshots.name;
      (isOpen ? copyFileSync : linkSync)(join(directory, name), join(copy, name));
    }
    truth.fork(from, keptSnapshots === -1 ? truth.current.snapshots.length : keptSnapshots, copy);
    zeroFrom(join(directory, events.name), cut.offset);
    if (snapshotCut !== undefined) zeroFrom(join(directory, snapshots.name), snapshotCut.offset);
    return { from, to };
  }
}

interface Tail {
  /** The open segment's file. */
  readonly name: string;
  readonly transactions: readonly { readonly firstToken: number; readonly offset: number }[];
}

function openTail(directory: string, store: Store): Tail {
  const transactions: { readonly firstToken: number; readonly offset: number }[] = [];
  const { segments } = inspectStore(directory, store, ({ firstToken, offset }) => {
    transactions.push({ firstToken, offset });
  });
  const open = segments.at(-1);
  if (open?.state !== "open") return { name: "", transactions: [] };
  return {
    name: `${String(open.segment).padStart(20, "0")}.${store}`,
    transactions: transactions.filter(({ firstToken }) => firstToken >= open.segment),
  };
}

function zeroFrom(path: string, offset: number): void {
  const file = openSync(path, "r+");
  try {
    const bytes = Buffer.alloc(64 * KiB);
    const { size: end } = fstatSync(file);
    for (let position = offset; position < end; position += bytes.length)
      writeSync(file, bytes, 0, Math.min(bytes.length, end - position), position);
  } finally {
    closeSync(file);
  }
}
