import type { FollowEnd, FollowReason } from "./types.js";

/** Following has come to its end: what the caller is told, thrown so that everything in between ends as well. */
export class Ended extends Error {
  constructor(
    readonly reason: FollowReason,
    message: string,
  ) {
    super(message);
  }

  get end(): FollowEnd {
    return { reason: this.reason, message: this.message };
  }
}
