import type { FileHandle } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import type { SourceHandle } from "./types.js";

/** A SourceHandle on an open file. */
export class FileSourceHandle implements SourceHandle {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;

  constructor(path: string, file: FileHandle, size: number) {
    this.size = size;
    this.#path = path;
    this.#file = file;
  }

  async read(buffer: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    try {
      while (filled < buffer.byteLength) {
        const { bytesRead } = await this.#file.read(
          buffer,
          filled,
          buffer.byteLength - filled,
          position + filled,
        );
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
    } catch (cause) {
      throw new AxonServerError(
        "unreadable",
        `${this.#path}: reading failed at byte ${position + filled}: ${cause instanceof Error ? cause.message : String(cause)}`,
        "Look at the kernel's log (dmesg) for disk or network errors.",
        cause,
      );
    }
    return filled;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
