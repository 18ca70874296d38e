import { Worker } from "node:worker_threads";
import type { Answer, Order } from "./protocol.js";
import type { StreamHash } from "./stream-hash.js";

const BUFFER_BYTES = 1024 * 1024;
/** Bytes that may be under way to the thread, for all hashes together: this many buffers. */
const BUFFERS = 8;

interface Request {
  readonly resolve: (value: string) => void;
  readonly reject: (error: Error) => void;
}

/** A hash that waits for a buffer. */
interface Waiting {
  readonly id: number;
  readonly resume: () => void;
}

/**
 * Hashes on a second thread, so that a large file is hashed while this thread reads and writes. Chunks are copied into a few buffers that go
 * to and fro: they are the callers', who use them again. The process can end while the thread waits for work.
 */
export class HashThread {
  // Options of this process (how its program was given, for instance) are not the thread's.
  readonly #worker = new Worker(new URL("./thread.js", import.meta.url), { execArgv: [] });
  readonly #free: ArrayBuffer[] = Array.from({ length: BUFFERS }, () => new ArrayBuffer(BUFFER_BYTES));
  readonly #waiting: Waiting[] = [];
  readonly #requests = new Map<number, Request>();
  #failure: Error | undefined;
  /** Open hashes and unanswered requests: as long as there are any, the process must not end. */
  #busy = 0;
  #next = 0;

  constructor() {
    this.#worker.on("message", (answer: Answer) => {
      this.#take(answer);
    });
    this.#worker.on("error", (error) => {
      this.#fail(new Error("the thread that computes checksums failed", { cause: error }));
    });
    this.#worker.on("exit", () => {
      this.#fail(new Error("the thread that computes checksums ended"));
    });
    // Last: a listener for messages keeps the process alive. A thread that is started and never used mustn't.
    this.#worker.unref();
  }

  hash(): StreamHash {
    const id = this.#next++;
    this.#begin();
    let open = true;
    return {
      update: (chunk) => this.#update(id, chunk),
      digest: () => this.#digest(id),
      close: () => {
        if (!open) return;
        open = false;
        this.#send({ kind: "forget", id });
        this.#end();
      },
    };
  }

  async #update(id: number, chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.byteLength; at += BUFFER_BYTES) {
      while (this.#free.length === 0 && this.#failure === undefined)
        await new Promise<void>((resume) => this.#waiting.push({ id, resume }));
      if (this.#failure) throw this.#failure;
      const part = chunk.subarray(at, at + BUFFER_BYTES);
      const buffer = this.#free.pop() ?? new ArrayBuffer(BUFFER_BYTES);
      new Uint8Array(buffer).set(part);
      this.#send({ kind: "update", id, buffer, length: part.byteLength }, [buffer]);
    }
  }

  async #digest(id: number): Promise<string> {
    if (this.#failure) throw this.#failure;
    return new Promise((resolve, reject) => {
      const request = this.#next++;
      this.#requests.set(request, { resolve, reject });
      this.#begin();
      this.#send({ kind: "digest", id, request });
    });
  }

  #begin(): void {
    if (this.#busy++ === 0) this.#worker.ref();
  }

  #end(): void {
    if (--this.#busy === 0) this.#worker.unref();
  }

  #send(order: Order, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(order, transfer);
  }

  #take(answer: Answer): void {
    if (answer.kind === "buffer") {
      this.#free.push(answer.buffer);
      this.#resumeOldest();
      return;
    }
    this.#requests.get(answer.request)?.resolve(answer.value);
    if (this.#requests.delete(answer.request)) this.#end();
  }

  /** The file that was begun first goes first: files of one size that went in step would all end, and be synced, at the same time. */
  #resumeOldest(): void {
    const oldest = this.#waiting.reduce(
      (first, { id }, at, all) => (id < (all[first]?.id ?? id) ? at : first),
      0,
    );
    this.#waiting.splice(oldest, 1)[0]?.resume();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#requests.values()) reject(this.#failure);
    this.#requests.clear();
    for (const { resume } of this.#waiting.splice(0)) resume();
  }
}
