import { type FileHandle, lstat } from "node:fs/promises";

import { AxonServerError } from "../errors.js";
import { isErrno } from "./errno.js";
import { fileError } from "./file-errors.js";
import type { SourceHandle } from "./types.js";

/** Tells files of a machine apart. */
export interface FileIdentity {
  readonly dev: bigint;
  readonly ino: bigint;
}

/** A SourceHandle on an open file. */
export class FileSourceHandle implements SourceHandle {
  readonly size: number;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #identity: FileIdentity;

  constructor(path: string, file: FileHandle, size: number, { dev, ino }: FileIdentity) {
    this.size = size;
    this.#path = path;
    this.#file = file;
    this.#identity = { dev, ino };
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

  async isCurrent(): Promise<boolean> {
    try {
      const { dev, ino } = await lstat(this.#path, { bigint: true });
      return dev === this.#identity.dev && ino === this.#identity.ino;
    } catch (error) {
      if (isErrno(error, "ENOENT", "ENOTDIR")) return false;
      throw await fileError(this.#path, error);
    }
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
