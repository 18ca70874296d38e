import type { Token } from "@axon-backup/axon-server";
import { EngineError } from "../errors.js";

/** Up to where events are restored. */
export type Moment =
  /** All that the restore point has. */
  | { readonly kind: "head" }
  /** The transaction that holds the token is the last one; or, exclusive, the one before it. */
  | { readonly kind: "token"; readonly token: Token; readonly exclusive: boolean }
  /** The last transaction whose events are not later is the last one. In milliseconds since 1970. */
  | { readonly kind: "time"; readonly time: number };

export interface MomentOptions {
  readonly token?: Token;
  readonly exclusive?: boolean;
  readonly time?: Date;
}

/** @throws EngineError `usage` when they contradict each other */
export function momentOf({ token, exclusive = false, time }: MomentOptions): Moment {
  if (token !== undefined && time !== undefined)
    throw new EngineError(
      "usage",
      "a token and a time were given: each of them says where the restore ends",
      "Leave one of them out.",
    );
  if (exclusive && token === undefined)
    throw new EngineError(
      "usage",
      "exclusive was given without a token: it leaves out the transaction that holds the token",
      "Give a token, or leave it out.",
    );
  if (time !== undefined) return { kind: "time", time: time.getTime() };
  return token === undefined ? { kind: "head" } : { kind: "token", token, exclusive };
}
