import type { Message } from "../message.js";

/** Delivers messages in one way. */
export interface Sender {
  /** How many messages may be sent as one. Those of a sink often come together, as the server's outage strikes all. */
  readonly together: number;
  /**
   * @returns what the operator should mend although it was delivered
   * @throws DeliveryError; SecretError; the signal's reason
   */
  send(messages: readonly [Message, ...Message[]], signal: AbortSignal): Promise<string | undefined>;
}

/** A message didn't get through. */
export class DeliveryError extends Error {
  override readonly name = "DeliveryError";
  readonly remedy: string;
  /** Whether the receiver was there and didn't want it, so that trying often won't help. */
  readonly refused: boolean;
  /** What the receiver said, for the log. */
  readonly output: string | undefined;

  constructor(
    message: string,
    remedy: string,
    more: { readonly refused: boolean; readonly output?: string; readonly cause?: unknown },
  ) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.remedy = remedy;
    this.refused = more.refused;
    this.output = more.output;
  }
}

/** The error of an attempt that took too long. */
export function tooSlow(timeout: number): DeliveryError {
  return new DeliveryError(
    `no answer within ${timeout / 1000} s`,
    "Check the receiver, and the network on the way to it; or give it more time with timeout.",
    { refused: false },
  );
}
