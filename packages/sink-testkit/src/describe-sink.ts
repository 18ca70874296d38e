import type { Sink } from "@axon-backup/sink";
import { contractCases } from "./contract.js";
import {
  CAPABILITIES,
  type Capability,
  hasCapability,
  type HarnessOptions,
  runCase,
} from "./contract-case.js";

/** How to get at a sink, and what its tests need to know of it. */
export interface DescribeSinkOptions extends HarnessOptions {
  /** Opens the sink on storage of its own. Called once. */
  readonly open: () => Promise<Sink>;
  /** Opens a second connection to the same storage. Its cases must be skipped, with a reason, when that can't be. */
  readonly reopen?: () => Promise<Sink>;
  /** Called in the end, after `close`. */
  readonly teardown?: () => Promise<void>;
  /**
   * Cases that aren't run, by their name, and why. The name of a capability (`extend`, `conditional.ifAbsent`,
   * `conditional.ifUnchanged`, `removeLeftovers`, `freeBytes`, `reopen`) stands for all cases that need it; the sink must then really be without it.
   */
  readonly skip?: Readonly<Record<string, string>>;
  /** Milliseconds that a case may take. Default 120 000. */
  readonly timeout?: number;
}

interface MochaGlobals {
  readonly describe: (title: string, body: (this: { timeout(ms: number): void }) => void) => void;
  readonly it: (title: string, body?: () => Promise<void>) => void;
  readonly before: (body: () => Promise<void>) => void;
  readonly after: (body: () => Promise<void>) => void;
}

/**
 * The contract as mocha cases. Each is on; what is skipped is pending, with its reason in the title.
 * @throws Error for a skip of an unknown case, or without a reason.
 */
export function describeSink(name: string, options: DescribeSinkOptions): void {
  const { skip = {}, timeout = 120_000 } = options;
  checkSkips(skip);
  // Mocha's globals, taken when they are needed: the cases must be usable without mocha.
  const { describe, it, before, after } = globalThis as unknown as MochaGlobals;
  describe(`${name} keeps the sink contract`, function () {
    this.timeout(timeout);
    let opened: Sink | undefined;
    const sink = (): Sink => {
      if (opened === undefined) throw new Error("the sink isn't open");
      return opened;
    };
    before(async () => {
      opened = await options.open();
    });
    after(async () => {
      await opened?.close();
      await options.teardown?.();
    });
    for (const capability of CAPABILITIES)
      if (skip[capability] !== undefined)
        it(`is without ${capability}, as said: ${skip[capability]}`, () => {
          if (has(sink(), options, capability))
            throw new Error(`there is ${capability}: take it out of skip, so that its cases run`);
          return Promise.resolve();
        });
    for (const test of contractCases) {
      const title = `${test.group}: ${test.name}`;
      const reason = skip[test.name] ?? (test.needs === undefined ? undefined : skip[test.needs]);
      if (reason !== undefined) it(`${title} (skipped: ${reason})`);
      else
        it(title, async () => {
          if (test.needs !== undefined && !has(sink(), options, test.needs))
            throw new Error(
              `there is no ${test.needs}: if that is meant, write skip: {"${test.needs}": "reason"}`,
            );
          await runCase(test, sink(), options);
        });
    }
  });
}

function has(sink: Sink, options: DescribeSinkOptions, capability: Capability): boolean {
  return capability === "reopen" ? options.reopen !== undefined : hasCapability(sink, capability);
}

function checkSkips(skip: Readonly<Record<string, string>>): void {
  const known = new Set<string>([...CAPABILITIES, ...contractCases.map(({ name }) => name)]);
  for (const [name, reason] of Object.entries(skip)) {
    if (!known.has(name)) throw new Error(`skip: there is no case "${name}"`);
    if (reason.trim() === "") throw new Error(`skip: "${name}" needs a reason`);
  }
}
