import { equal, ok } from "node:assert/strict";
import { bytesSource, isSinkError, readAll } from "@axon-backup/sink";
import { absent, keys, read, rejectsSame, sameBytes, shows, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { chunkedSource, KiB, MiB, pattern } from "../sources.js";

const group = "connections and concurrency";

export const connectionCases: readonly ContractCase[] = [
  {
    name: "shows what was put, extended and deleted through another connection at once",
    group,
    short: true,
    needs: "reopen",
    run: async ({ sink, key, reopen }) => {
      const other = await reopen();
      try {
        const object = key("object");
        for (const bytes of [pattern(1000, 20), pattern(2000, 21)]) {
          await store(sink, object, bytes);
          await shows(other, object, bytes, "through another connection");
        }
        await sink.delete(object);
        await absent(other, object, "through another connection, after delete");
        const bytes = pattern(500, 22);
        await store(other, object, bytes);
        await shows(sink, object, bytes, "through the first connection");
        if (sink.extend === undefined) return;
        await sink.extend(object, 400, bytesSource("more"));
        const extended = Buffer.concat([bytes.subarray(0, 400), Buffer.from("more")]);
        await shows(other, object, extended, "through another connection, after extend");
      } finally {
        await other.close();
      }
    },
  },
  {
    name: "can be closed twice, without harm to other connections",
    group,
    short: true,
    needs: "reopen",
    run: async ({ sink, key, reopen, within }) => {
      const other = await reopen();
      await store(other, key("object"), "x");
      await within("close", other.close());
      await within("the second close", other.close());
      await shows(sink, key("object"), new TextEncoder().encode("x"), "after another connection's close");
    },
  },
  {
    name: "leaves one of the objects, whole, when several are put to one key at once",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      const object = key("object");
      const all = [70_000, 100, 70_001, 200 * KiB].map((size, index) => pattern(size, 30 + index));
      const ended = await Promise.allSettled(
        all.map((bytes) => sink.put(object, chunkedSource(bytes, [10_000]))),
      );
      const stored = all.filter((_, index) => ended[index]?.status === "fulfilled");
      ok(stored.length > 0, "none of several puts to one key at once resolves");
      for (const put of ended)
        if (put.status === "rejected" && !isSinkError(put.reason, "transient")) throw put.reason;
      const found = await read(sink, object);
      const winner = stored.find((bytes) => bytes.byteLength === found.byteLength);
      ok(winner, `the object has ${found.byteLength} bytes, as none that was put`);
      sameBytes(found, winner, "get after concurrent puts");
      await shows(sink, object, winner, "after concurrent puts");
      equal((await keys(sink, prefix)).join(), object, "list after concurrent puts");
    },
  },
  {
    name: "works on many keys at once",
    group,
    short: false,
    run: async ({ sink, key, prefix }) => {
      const one = async (index: number): Promise<void> => {
        const object = key(`part${index % 5}`, `object${index}`);
        const bytes = pattern(20_000 + index, 40 + index);
        await sink.put(object, chunkedSource(bytes, [7000]));
        await shows(sink, object, bytes, "while others are put");
        if (index % 2 === 1) await sink.delete(object);
      };
      await Promise.all(Array.from({ length: 32 }, (_, index) => one(index)));
      equal((await keys(sink, prefix)).length, 16, "wrong number of objects listed");
    },
  },
  {
    name: "rejects every call whose signal is aborted already, with its reason",
    group,
    short: true,
    run: async ({ sink, key, prefix }) => {
      const object = key("object");
      const bytes = pattern(100);
      await store(sink, object, bytes);
      const reason = new Error("aborted before, on purpose");
      const options = { signal: AbortSignal.abort(reason) };
      const all = async (): Promise<void> => {
        for await (const listed of sink.list(prefix, options)) ok(listed);
      };
      const calls = {
        put: sink.put(object, bytesSource("new"), options),
        get: readAll(sink.get(object, options)),
        stat: sink.stat(object, options),
        list: all(),
        delete: sink.delete(object, options),
        ...(sink.extend === undefined ? {} : { extend: sink.extend(object, 5, bytesSource("new"), options) }),
        ...(sink.conditional?.ifAbsent === undefined
          ? {}
          : { ifAbsent: sink.conditional.ifAbsent(key("other"), bytesSource("new"), options) }),
      };
      await Promise.allSettled(Object.values(calls));
      for (const [name, call] of Object.entries(calls)) await rejectsSame(call, reason, name);
      await shows(sink, object, bytes, "after aborted calls");
    },
  },
  {
    name: "ends a get with the signal's reason when aborted",
    group,
    short: false,
    run: async ({ sink, key, within }) => {
      const object = key("object");
      const bytes = pattern(8 * MiB, 50);
      await store(sink, object, bytes);
      const controller = new AbortController();
      const reason = new Error("aborted, on purpose");
      const iterator = sink.get(object, { signal: controller.signal })[Symbol.asyncIterator]();
      const first = await iterator.next();
      ok(first.done !== true, "get gives no bytes");
      // A sink that gives all in one chunk has nothing left to end.
      const whole = first.value.byteLength === bytes.byteLength;
      controller.abort(reason);
      const rest = async (): Promise<void> => {
        while ((await iterator.next()).done !== true);
      };
      if (whole) await rest().catch(() => undefined);
      else await rejectsSame(within("get after abort", rest()), reason, "a get that is aborted");
      sameBytes(await read(sink, object), bytes, "get afterwards");
    },
  },
];
