import type { Socket } from "node:net";

/** `up`: from the client to the server. */
export type Direction = "up" | "down";

/** What a proxy does to all of its connections at present. */
export interface Rules {
  /** Milliseconds. */
  delay: number;
  stalled: boolean;
  /** Break the connection after `left` more bytes. */
  cut: { readonly direction: Direction; left: number } | undefined;
  readonly bytes: Record<Direction, number>;
}

/** How much may wait in a direction of a connection before its sender is held back. */
const HIGH_WATER_BYTES = 4 * 1024 * 1024;

interface Waiting {
  readonly due: number;
  /** Undefined is the end of the stream. */
  readonly chunk: Buffer | undefined;
}

/** One direction of a connection: chunks wait until they are due, and while all is stalled. */
export class Pipe {
  readonly #queue: Waiting[] = [];
  #waiting = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly from: Socket,
    private readonly to: Socket,
    private readonly direction: Direction,
    private readonly rules: Rules,
    private readonly onCut: () => void,
  ) {
    from.on("data", (chunk: Buffer) => {
      this.#waiting += chunk.byteLength;
      if (this.#waiting >= HIGH_WATER_BYTES) from.pause();
      this.#push(chunk);
    });
    from.on("end", () => {
      this.#push(undefined);
    });
    from.on("close", () => {
      // After an end, what is held back is still on its way, as on a line.
      if (from.readableEnded) return;
      clearTimeout(this.#timer);
      to.destroy();
    });
    to.on("drain", () => {
      this.wake();
    });
  }

  #push(chunk: Buffer | undefined): void {
    this.#queue.push({ due: performance.now() + this.rules.delay, chunk });
    this.wake();
  }

  /** Passes on what is due. */
  wake(): void {
    clearTimeout(this.#timer);
    for (let first = this.#queue[0]; first !== undefined; first = this.#queue[0]) {
      if (this.rules.stalled || this.to.destroyed || this.to.writableNeedDrain) return;
      const wait = this.rules.delay === 0 ? 0 : first.due - performance.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => {
          this.wake();
        }, wait);
        return;
      }
      this.#queue.shift();
      if (!this.#send(first.chunk)) return;
    }
    if (this.from.isPaused()) this.from.resume();
  }

  /** Whether the connection goes on. */
  #send(chunk: Buffer | undefined): boolean {
    if (chunk === undefined) {
      this.to.end();
      return true;
    }
    this.#waiting -= chunk.byteLength;
    const { cut, bytes } = this.rules;
    const cuts = cut?.direction === this.direction && cut.left <= chunk.byteLength;
    const part = cuts ? chunk.subarray(0, cut.left) : chunk;
    bytes[this.direction] += part.byteLength;
    if (cut?.direction === this.direction) cut.left -= part.byteLength;
    if (!cuts) {
      this.to.write(part);
      return true;
    }
    this.rules.cut = undefined;
    // The last bytes arrive before the connection breaks.
    this.to.write(part, this.onCut);
    return false;
  }
}
