import type { ProcessIdentity } from "@axon-backup/sink";

/**
 * Why an operation of the engine ended:
 *
 * - `usage`: what was asked for doesn't exist or doesn't fit (unknown restore point, target not empty).
 * - `failed`: it could not be done.
 * - `damage`: something stored is not what was written.
 * - `diverged`: the server's history is not the one that was backed up.
 * - `locked`: another agent writes to this repository.
 */
export type EngineErrorKind = "usage" | "failed" | "damage" | "diverged" | "locked";

/** Names what failed, where and why in its message, and what the operator can do in `remedy`. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly kind: EngineErrorKind;
  readonly remedy: string;

  constructor(kind: EngineErrorKind, message: string, remedy: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause });
    this.kind = kind;
    this.remedy = remedy;
  }
}

/** Another agent writes to this repository. */
export class LockedError extends EngineError {
  /** @param holder which process, where that can be read */
  constructor(
    message: string,
    remedy: string,
    readonly holder: ProcessIdentity | undefined,
  ) {
    super("locked", message, remedy);
  }
}
