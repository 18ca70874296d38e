import type { EngineEvent } from "@axon-backup/core";
import { type Progress, progressAfter } from "./progress.js";
import { progressLine } from "./progress-line.js";
import type { OutputStream } from "./streams.js";

/** Milliseconds between two drawings: ten a second. */
const INTERVAL = 100;

/**
 * Progress on a terminal: a line for each sink that works, drawn over itself. Other text comes above it (`around`), and nothing of it
 * stays behind (`end`).
 */
export class ProgressDisplay {
  #progress: Progress = new Map();
  #drawnLines = 0;
  #drawnAt = -Infinity;

  constructor(
    private readonly stream: OutputStream,
    private readonly now: () => number = () => performance.now(),
  ) {}

  observe(event: EngineEvent): void {
    this.#progress = progressAfter(this.#progress, event, this.now());
    if (event.kind !== "committed" && this.now() - this.#drawnAt < INTERVAL) return;
    this.#clear();
    this.#draw();
  }

  /** Writes something else to the terminal, above the progress. */
  around(write: () => void): void {
    this.#clear();
    write();
    this.#draw();
  }

  /** Takes the progress off the terminal. */
  end(): void {
    this.#clear();
    this.#progress = new Map();
  }

  #draw(): void {
    // One column less than there are: a full line would wrap on some terminals.
    const width = widthOf(this.stream) - 1;
    const active = [...this.#progress.values()].filter((sink) => !sink.finished);
    const lines = active.map((sink) => progressLine(sink, width));
    this.#drawnAt = this.now();
    this.#drawnLines = lines.length;
    if (lines.length > 0) this.stream.write(lines.map((line) => `${line}\n`).join(""));
  }

  #clear(): void {
    if (this.#drawnLines > 0) this.stream.write(`\u001b[${this.#drawnLines}A\u001b[0J`);
    this.#drawnLines = 0;
  }
}

/** A terminal that doesn't know its width says 0. */
function widthOf({ columns = 0 }: OutputStream): number {
  return columns > 1 ? columns : 80;
}
