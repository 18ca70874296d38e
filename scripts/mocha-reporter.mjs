// Mocha's spec reporter, closed by one plain line that scripts can read: `N passed, N failed, N skipped`.
import Mocha from "mocha";

export default class PlainSummary extends Mocha.reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
}
