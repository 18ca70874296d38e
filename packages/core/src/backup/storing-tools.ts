import type { Observer } from "../observer.js";
import type { Repository } from "../repository/repository.js";
import type { Checkpointer } from "./checkpointer.js";
import type { SharedRun } from "./model.js";
import type { Transfer } from "./transfer.js";

/** What storing needs, besides the plan. */
export interface StoringTools {
  readonly shared: SharedRun;
  readonly transfer: Transfer;
  readonly checkpointer: Checkpointer;
  readonly repository: Repository;
  readonly observer: Observer;
  /** The sink's name. */
  readonly name: string;
}
