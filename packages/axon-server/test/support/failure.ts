import { expect } from "chai";

import { AxonServerError, type AxonServerErrorKind } from "@axon-backup/axon-server";

/** The AxonServerError of `kind` that `promise` must reject with. Every one must name something to do. */
export async function failure(
  promise: Promise<unknown>,
  kind: AxonServerErrorKind,
): Promise<AxonServerError> {
  try {
    await promise;
  } catch (error) {
    if (!(error instanceof AxonServerError)) throw error;
    expect(error.kind, error.message).to.equal(kind);
    expect(error.remedy).to.match(/^\S.{15,}\.$/s);
    return error;
  }
  throw new Error(`expected a rejection of kind ${kind}`);
}
