import { equal, ok } from "node:assert/strict";
import {
  bytesSource,
  type ObjectKey,
  type Sink,
  type Source,
  type StoredObject,
  type CallOptions,
} from "@axon-backup/sink";
import { absent, read, rejectsSame, rejectsWith, sameBytes, shows, store } from "../checks.js";
import type { ContractCase, Harness } from "../contract-case.js";
import { chunkedSource, failingSource, gatedSource, KiB, lyingSource, MiB, pattern } from "../sources.js";

const group = "extend";
const needs = "extend";

function extend(
  sink: Sink,
  key: ObjectKey,
  keep: number,
  source: Source,
  options?: CallOptions,
): Promise<StoredObject> {
  ok(sink.extend !== undefined, "the sink has no extend");
  return sink.extend(key, keep, source, options);
}

function joined(old: Uint8Array, keep: number, added: Uint8Array): Uint8Array {
  return Buffer.concat([old.subarray(0, keep), added]);
}

function grows(name: string, size: number, keep: number, added: Uint8Array, short: boolean): ContractCase {
  return {
    name,
    group,
    needs,
    short,
    run: async ({ sink, key }) => {
      const object = key("object");
      const old = pattern(size, 60);
      await store(sink, object, old);
      const stored = await extend(sink, object, keep, chunkedSource(added, [5000, 70_001]));
      equal(stored.size, keep + added.byteLength, "extend returns another size");
      equal(stored.key, object, "extend returns another key");
      await shows(sink, object, joined(old, keep, added), "after extend");
    },
  };
}

/** Runs an extend that must fail: the first `keep` bytes are as they were, and the object is at least as long. */
function survives(
  name: string,
  short: boolean,
  fail: (sink: Sink, key: ObjectKey, keep: number, harness: Harness) => Promise<void>,
  [size, keep]: readonly [number, number] = [90_000, 70_001],
): ContractCase {
  return {
    name,
    group,
    needs,
    short,
    run: async (harness) => {
      const { sink, key } = harness;
      const object = key("object");
      const old = pattern(size, 61);
      await store(sink, object, old);
      await fail(sink, object, keep, harness);
      const { size: left } = await sink.stat(object);
      ok(left >= keep, `${left} bytes are left, and ${keep} were to be kept`);
      const kept = await read(sink, object, { offset: 0, length: keep });
      sameBytes(kept, old.subarray(0, keep), "the kept bytes after an extend that failed");
      const added = pattern(30_000, 62);
      await extend(sink, object, keep, bytesSource(added));
      await shows(sink, object, joined(old, keep, added), "after extending once more");
    },
  };
}

const failure = new Error("the source failed, on purpose");

export const extendCases: readonly ContractCase[] = [
  grows("keeps the whole object and puts bytes behind it", 5000, 5000, pattern(3000, 63), true),
  grows("keeps a part and drops what came after it", 70_000, 12_345, pattern(3000, 64), true),
  grows("keeps a part and puts more behind it than there was", 70_000, 65_537, pattern(200 * KiB, 65), true),
  grows("keeps nothing", 5000, 0, pattern(3000, 66), true),
  grows("cuts an object", 5000, 1234, pattern(0), true),
  grows("leaves an object as it is", 5000, 5000, pattern(0), true),
  grows("fills an empty object", 0, 0, pattern(3000, 67), true),
  grows("puts zeros in the place of other bytes", 300_000, 5000, new Uint8Array(250_000), true),
  grows("extends a large object by little", 6 * MiB + 11, 6 * MiB + 7, pattern(1000, 68), false),
  grows("extends a large object by much", 7 * MiB, 6 * MiB + 1, pattern(6 * MiB + 5, 69), false),
  grows("extends a small object by much", 1000, 999, pattern(9 * MiB, 70), false),
  {
    name: "extends again and again",
    group,
    needs,
    short: false,
    run: async ({ sink, key }) => {
      const object = key("object");
      let expected: Uint8Array = pattern(100, 71);
      await store(sink, object, expected);
      for (let turn = 0; turn < 20; turn++) {
        const keep = expected.byteLength - (turn % 3) * 7;
        const added = pattern(500 + turn * 131, 72 + turn);
        await extend(sink, object, keep, bytesSource(added));
        expected = joined(expected, keep, added);
      }
      await shows(sink, object, expected, "after twenty times");
    },
  },
  {
    name: "doesn't extend what isn't there",
    group,
    needs,
    short: true,
    run: async ({ sink, key }) => {
      for (const [object, keep] of [
        [key("nothing"), 0],
        [key("no/such/parts"), 10],
      ] as const) {
        await rejectsWith(extend(sink, object, keep, bytesSource("x")), "not-found", "extend of nothing");
        await absent(sink, object, "after extend of nothing");
      }
    },
  },
  {
    name: "refuses to keep more than there is, and changes nothing",
    group,
    needs,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const bytes = pattern(1000, 94);
      await store(sink, object, bytes);
      await rejectsWith(extend(sink, object, 1001, bytesSource("x")), "range", "extend");
      await shows(sink, object, bytes, "after an extend that was refused");
    },
  },
  survives("keeps the first bytes when the source fails in the middle", true, (sink, key, keep) =>
    rejectsSame(
      extend(sink, key, keep, failingSource(200_000, pattern(100_000), failure)),
      failure,
      "extend with a source that fails",
    ),
  ),
  survives("keeps the first bytes when the source fails at once", true, (sink, key, keep) =>
    rejectsSame(
      extend(sink, key, keep, failingSource(1000, pattern(0), failure)),
      failure,
      "extend with a source that fails",
    ),
  ),
  survives("keeps the first bytes when the source ends early", true, (sink, key, keep) =>
    rejectsWith(extend(sink, key, keep, lyingSource(40_000, pattern(39_999))), undefined, "extend"),
  ),
  survives("keeps the first bytes when the source gives more", true, (sink, key, keep) =>
    rejectsWith(extend(sink, key, keep, lyingSource(40_000, pattern(40_001))), undefined, "extend"),
  ),
  survives(
    "keeps the first bytes of a large object when the source fails",
    false,
    (sink, key, keep) =>
      rejectsSame(
        extend(sink, key, keep, failingSource(9 * MiB, pattern(8 * MiB), failure)),
        failure,
        "extend with a source that fails",
      ),
    [7 * MiB, 6 * MiB + 3],
  ),
  survives("keeps the first bytes when aborted", true, async (sink, key, keep, { within }) => {
    const controller = new AbortController();
    const reason = new Error("aborted, on purpose");
    const source = gatedSource(pattern(100_000, 95), [50_000]);
    const extending = extend(sink, key, keep, source, { signal: controller.signal });
    extending.catch(() => undefined);
    try {
      await within("extend", Promise.race([source.reached(0), extending]));
      controller.abort(reason);
      await rejectsSame(within("extend after abort", extending), reason, "an extend that is aborted");
    } finally {
      source.passAll();
    }
  }),
];
