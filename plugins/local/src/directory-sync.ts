import type { FileHandle } from "node:fs/promises";
import { syncNames } from "./root.js";

/**
 * An open directory whose syncs are shared: whoever changed a name waits for a sync that begins after the change, and everyone who waits for the
 * same one is served by it. One that fails fails all that come after it: Linux reports a failed write-back once.
 */
export class DirectorySync {
  #next: Promise<void> | undefined;
  #last: Promise<void> = Promise.resolve();

  constructor(
    readonly handle: FileHandle,
    private readonly dir: string,
  ) {}

  /** Makes what was done to the directory's names before this call durable. */
  sync(): Promise<void> {
    this.#next ??= this.#last = this.#last.then(() => {
      // From here on a change may come too late for this sync.
      this.#next = undefined;
      return syncNames(this.handle, this.dir);
    });
    return this.#next;
  }
}
