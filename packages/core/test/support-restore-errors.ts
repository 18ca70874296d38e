import { EngineError } from "@axon-backup/core";

/** The EngineError that a promise rejects with; anything else fails the test. */
export async function rejection(promise: Promise<unknown>): Promise<EngineError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw error;
  }
  throw new Error("it was expected to reject");
}
