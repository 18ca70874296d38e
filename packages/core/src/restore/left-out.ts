import { rm } from "node:fs/promises";
import { STORE_KINDS } from "@axon-backup/axon-server";
import type { EngineError } from "../errors.js";
import type { Observer } from "../observer.js";
import { inside, onDisk } from "./disk.js";
import type { FetchedContext } from "./fetch-context.js";
import type { ContextPlan, PlannedFile } from "./plan.js";

/** Index files that no sink has whole: a server makes them anew at its start, so that a restore does without them. */
export class LeftOut {
  readonly #files = new Set<PlannedFile>();
  readonly #keys = new Set<string>();

  /** @param error why it can't be had */
  add(file: PlannedFile, error: EngineError, warn: (message: string) => void): void {
    this.#files.add(file);
    this.#keys.add(file.key);
    warn(
      `${error.message}. It is an index file: all those of its segment are left out, and the server makes them anew at its start, which takes longer`,
    );
  }

  /** The observer, told of these as what they are. */
  observer(observer: Observer): Observer {
    return (event) => {
      const isLeftOut = event.kind === "object" && this.#keys.has(event.key);
      observer(isLeftOut ? { ...event, what: "left out" } : event);
    };
  }

  /**
   * Removes from a context that was fetched the other index files of these segments: a server that finds one of several may take it for all (docs/axon-server.md, section 1, tells only that it makes anew what is
   * missing).
   * @returns what is left
   */
  async removeFrom(context: FetchedContext, { stores }: ContextPlan, tree: string): Promise<FetchedContext> {
    if (this.#files.size === 0) return context;
    let left = context;
    for (const store of STORE_KINDS) {
      const { files: planned } = stores[store];
      const incomplete = new Set(planned.filter((file) => this.#files.has(file)).map(segmentOf));
      const gone = new Set(
        planned.filter((file) => file.kind === "index" && incomplete.has(segmentOf(file))),
      );
      for (const { name } of gone) {
        const path = inside(inside(tree, context.name), name);
        await onDisk(`removing ${path}`, () => rm(path, { force: true }));
      }
      const fetched = left.stores[store];
      const files = fetched.files.filter((file) => !gone.has(file));
      left = { ...left, stores: { ...left.stores, [store]: { ...fetched, files } } };
    }
    return left;
  }
}

function segmentOf({ first, version }: PlannedFile): string {
  return `${first} ${version}`;
}
