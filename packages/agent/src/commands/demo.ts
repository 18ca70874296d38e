import { inject, injectable } from "tsyringe";
import { OUTPUT } from "../composition/tokens.js";
import type { ExitCode } from "../exit-codes.js";
import type { Output } from "../output/output.js";

/** `axon-backup demo`: the whole story in a temporary folder. */
@injectable()
export class DemoCommand {
  constructor(@inject(OUTPUT) private readonly output: Output) {}

  run(_options: { readonly keep: boolean }): Promise<ExitCode> {
    return Promise.reject(new Error("the demo isn't written yet"));
  }
}
