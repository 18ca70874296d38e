/** The demo found something to be other than it tells. */
export class DemoFailure extends Error {
  override readonly name = "DemoFailure";
  readonly remedy =
    "This is a bug. Run `axon-backup demo --keep` and report what it prints; the folder it keeps shows what is wrong.";
}
