import { rejectsWith, read, sameBytes, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { MiB, pattern } from "../sources.js";

const group = "ranges";
const SIZE = 10_000;

function range(name: string, offset: number, length: number | undefined): ContractCase {
  return {
    name,
    group,
    short: true,
    run: async ({ sink, key }) => {
      const bytes = pattern(SIZE);
      const object = key("object");
      await store(sink, object, bytes);
      const expected = bytes.subarray(offset, length === undefined ? undefined : offset + length);
      const wanted = length === undefined ? { offset } : { offset, length };
      sameBytes(await read(sink, object, wanted), expected, `bytes from ${offset}, ${length ?? "all"}`);
    },
  };
}

export const rangeCases: readonly ContractCase[] = [
  range("reads a range in the middle", 1234, 5678),
  range("reads one byte", 4096, 1),
  range("reads a range at the beginning", 0, 100),
  range("reads from an offset to the end", 9000, undefined),
  range("reads the last byte", SIZE - 1, undefined),
  range("cuts a range that reaches beyond the end", 9000, 5000),
  range("gives no bytes for a range that begins at the end", SIZE, undefined),
  range("gives no bytes for a range with a length that begins at the end", SIZE, 10),
  range("gives no bytes for a range of length 0", 500, 0),
  {
    name: "refuses a range that begins beyond the end",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      await store(sink, object, pattern(SIZE));
      await rejectsWith(read(sink, object, { offset: SIZE + 1 }), "range", "get one byte beyond the end");
      await rejectsWith(
        read(sink, object, { offset: 5 * SIZE, length: 10 }),
        "range",
        "get far beyond the end",
      );
      await rejectsWith(
        read(sink, object, { offset: SIZE + 1, length: 0 }),
        "range",
        "get nothing beyond the end",
      );
    },
  },
  {
    name: "reads ranges of an empty object",
    group,
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      await store(sink, object, "");
      const nothing = new Uint8Array(0);
      sameBytes(await read(sink, object, { offset: 0 }), nothing, "from 0");
      sameBytes(await read(sink, object, { offset: 0, length: 10 }), nothing, "ten bytes from 0");
      await rejectsWith(read(sink, object, { offset: 1 }), "range", "get from 1 on");
    },
  },
  {
    name: "reads long ranges of a large object",
    group,
    short: false,
    run: async ({ sink, key }) => {
      const bytes = pattern(6 * MiB + 11);
      const object = key("object");
      await store(sink, object, bytes);
      for (const [offset, length] of [
        [MiB - 1, 3 * MiB + 2],
        [5 * MiB + 3, 4 * MiB],
      ] as const)
        sameBytes(
          await read(sink, object, { offset, length }),
          bytes.subarray(offset, offset + length),
          `${length} bytes from ${offset}`,
        );
    },
  },
];
