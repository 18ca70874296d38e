import { injectable } from "tsyringe";
import type { ExitCode } from "../exit-codes.js";

/** `axon-backup demo`: the whole story in a temporary folder. */
@injectable()
export class DemoCommand {
  run({ keep }: { readonly keep: boolean }): Promise<ExitCode> {
    return Promise.reject(new Error(`the demo isn't written yet (keep: ${keep})`));
  }
}
