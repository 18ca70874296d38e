import { ok } from "node:assert/strict";
import { shows, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { gatedSource, KiB, pattern } from "../sources.js";

const group = "maintenance";

export const maintenanceCases: readonly ContractCase[] = [
  {
    name: "removeLeftovers harms neither objects nor a put that is running",
    group,
    needs: "removeLeftovers",
    short: true,
    run: async ({ sink, key, within }) => {
      ok(sink.removeLeftovers !== undefined, "the sink has no removeLeftovers");
      const [old, running] = [key("old"), key("running")];
      const bytes = pattern(1000, 120);
      await store(sink, old, bytes);
      const source = gatedSource(pattern(200 * KiB, 121), [100 * KiB]);
      const put = sink.put(running, source);
      put.catch(() => undefined);
      try {
        await within("put", Promise.race([source.reached(0), put]));
        const removed = await within("removeLeftovers", sink.removeLeftovers());
        ok(Number.isSafeInteger(removed) && removed >= 0, `removeLeftovers gives ${removed}`);
      } finally {
        source.passAll();
      }
      await within("put", put);
      await shows(sink, old, bytes, "after removeLeftovers");
      await shows(sink, running, pattern(200 * KiB, 121), "after removeLeftovers in its middle");
    },
  },
  {
    name: "freeBytes gives a number of bytes",
    group,
    needs: "freeBytes",
    short: true,
    run: async ({ sink }) => {
      ok(sink.freeBytes !== undefined, "the sink has no freeBytes");
      const free = await sink.freeBytes();
      ok(Number.isSafeInteger(free) && free >= 0, `freeBytes gives ${free}`);
    },
  },
];
