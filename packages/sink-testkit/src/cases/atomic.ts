import { equal, ok } from "node:assert/strict";
import { isSinkError, type ObjectKey, readAll, type Sink, type Source } from "@axon-backup/sink";
import { absent, keys, read, rejectsSame, rejectsWith, sameBytes, shows, store } from "../checks.js";
import type { ContractCase, Harness } from "../contract-case.js";
import { failingSource, gatedSource, KiB, lyingSource, MiB, pattern } from "../sources.js";

const group = "atomic";

/** Runs a put that must fail, once where nothing is and once over an object: neither may notice. */
function harmless(
  name: string,
  short: boolean,
  fail: (sink: Sink, key: ObjectKey, harness: Harness) => Promise<void>,
): ContractCase {
  return {
    name,
    group,
    short,
    run: async (harness) => {
      const { sink, key, prefix } = harness;
      const [fresh, old] = [key("fresh"), key("old")];
      const bytes = pattern(2000, 11);
      await store(sink, old, bytes);
      await fail(sink, fresh, harness);
      await absent(sink, fresh, "after a put that failed");
      await fail(sink, old, harness);
      await shows(sink, old, bytes, "after a put that failed");
      equal((await keys(sink, prefix)).join(), old, "list after puts that failed");
    },
  };
}

function wrongSize(name: string, source: Source, short = true): ContractCase {
  return harmless(name, short, (sink, key, { within }) =>
    rejectsWith(within("put", sink.put(key, source)), undefined, "put"),
  );
}

const failure = new Error("the source failed, on purpose");

function failing(name: string, size: number, given: number, short = true): ContractCase {
  return harmless(name, short, (sink, key, { within }) =>
    rejectsSame(
      within("put", sink.put(key, failingSource(size, pattern(given), failure))),
      failure,
      "put of a source that fails",
    ),
  );
}

function abort(name: string, size: number, at: number, short: boolean): ContractCase {
  return harmless(name, short, async (sink, key, { within }) => {
    const controller = new AbortController();
    const reason = new Error("aborted, on purpose");
    const source = gatedSource(pattern(size, 12), [at]);
    const put = sink.put(key, source, { signal: controller.signal });
    put.catch(() => undefined);
    await within("reading the source", Promise.race([source.reached(0), put]));
    controller.abort(reason);
    try {
      await rejectsSame(within("put after abort", put), reason, "a put that is aborted");
    } finally {
      source.passAll();
    }
  });
}

export const atomicCases: readonly ContractCase[] = [
  wrongSize("refuses a source that ends one byte early", lyingSource(1001, pattern(1000))),
  wrongSize("refuses a source that gives one byte more", lyingSource(999, pattern(1000))),
  wrongSize("refuses a source that gives nothing of its bytes", lyingSource(10, pattern(0))),
  wrongSize("refuses a source that gives bytes and has none", lyingSource(0, pattern(10))),
  wrongSize("refuses a large source that ends early", lyingSource(9 * MiB, pattern(8 * MiB + 1)), false),
  wrongSize("refuses a large source that gives more", lyingSource(8 * MiB, pattern(9 * MiB)), false),
  failing("passes on the error of a source that fails in the middle", 200 * KiB, 100 * KiB),
  failing("passes on the error of a source that fails at once", 1000, 0),
  failing("passes on the error of a source that fails after its last byte", 1000, 1000),
  failing("passes on the error of a large source that fails late", 9 * MiB, 8 * MiB, false),
  abort("stops a put at once when aborted, with the signal's reason", 200 * KiB, 100 * KiB, true),
  abort("stops a put that waits for its first byte when aborted", 1000, 0, true),
  abort("stops a large put when aborted", 9 * MiB, 8 * MiB, false),
  {
    name: "shows nothing of a put that is still running",
    group,
    short: true,
    run: async ({ sink, key, prefix, within }) => {
      const [fresh, old] = [key("fresh"), key("old")];
      const [before, after] = [pattern(3000, 13), pattern(300 * KiB, 14)];
      await store(sink, old, before);
      const gates = [1, 100 * KiB, 300 * KiB];
      const sources = [gatedSource(after, gates), gatedSource(after, gates)] as const;
      const puts = Promise.all([sink.put(fresh, sources[0]), sink.put(old, sources[1])]);
      puts.catch(() => undefined);
      try {
        for (const gate of gates.keys()) {
          for (const source of sources) await within("put", Promise.race([source.reached(gate), puts]));
          await absent(sink, fresh, "while it is being put");
          await shows(sink, old, before, "while it is being replaced");
          equal((await keys(sink, prefix)).join(), old, "list while puts run");
          for (const source of sources) source.pass(gate);
        }
      } finally {
        for (const source of sources) source.passAll();
      }
      await within("put", puts);
      await shows(sink, fresh, after, "after put");
      await shows(sink, old, after, "after put");
    },
  },
  {
    name: "shows nothing of a large put that is still running",
    group,
    short: false,
    run: async ({ sink, key, within }) => {
      const object = key("object");
      const [before, after] = [pattern(1000, 15), pattern(12 * MiB, 16)];
      await store(sink, object, before);
      const source = gatedSource(after, [6 * MiB, 12 * MiB]);
      const put = sink.put(object, source);
      put.catch(() => undefined);
      try {
        for (const gate of [0, 1]) {
          await within("put", Promise.race([source.reached(gate), put]));
          await shows(sink, object, before, "while it is being replaced");
          source.pass(gate);
        }
      } finally {
        source.passAll();
      }
      await within("put", put);
      await shows(sink, object, after, "after put");
    },
  },
  {
    name: "reads the bytes of one moment when the object is replaced meanwhile",
    group,
    short: false,
    run: async ({ sink, key }) => {
      const object = key("object");
      const [before, after] = [pattern(6 * MiB, 17), pattern(6 * MiB, 18)];
      await store(sink, object, before);
      const iterator = sink.get(object)[Symbol.asyncIterator]();
      const first = await iterator.next();
      ok(first.done !== true, "get gives no bytes");
      const head = new Uint8Array(first.value);
      await store(sink, object, after);
      const rest = async function* (): AsyncGenerator<Uint8Array> {
        yield head;
        for (let step = await iterator.next(); step.done !== true; step = await iterator.next())
          yield step.value;
      };
      try {
        sameBytes(await readAll(rest()), before, "get of an object that was replaced meanwhile");
      } catch (error) {
        if (!isSinkError(error)) throw error;
      }
      sameBytes(await read(sink, object), after, "get afterwards");
    },
  },
];
