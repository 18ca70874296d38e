import { equal, ok } from "node:assert/strict";
import {
  bytesSource,
  isSinkError,
  type ObjectKey,
  type Sink,
  type Source,
  type StoredObject,
} from "@axon-backup/sink";
import { absent, listAll, rejectsSame, rejectsWith, shows, store } from "../checks.js";
import type { ContractCase } from "../contract-case.js";
import { chunkedSource, failingSource, lyingSource, pattern } from "../sources.js";

const group = "conditional put";
const RACERS = 8;
const failure = new Error("the source failed, on purpose");

function ifAbsent(sink: Sink, key: ObjectKey, source: Source): Promise<StoredObject> {
  ok(sink.conditional?.ifAbsent, "the sink has no conditional.ifAbsent");
  return sink.conditional.ifAbsent(key, source);
}

function ifUnchanged(sink: Sink, key: ObjectKey, version: string, source: Source): Promise<StoredObject> {
  ok(sink.conditional?.ifUnchanged, "the sink has no conditional.ifUnchanged");
  return sink.conditional.ifUnchanged(key, version, source);
}

function version({ version }: StoredObject, what: string): string {
  ok(version !== undefined, `${what} gives no version`);
  return version;
}

/** Lets several writers race: exactly one wins, the others get `conflict`, and the winner's bytes stand. */
async function race(
  sink: Sink,
  key: ObjectKey,
  put: (source: Source) => Promise<StoredObject>,
): Promise<void> {
  const all = Array.from({ length: RACERS }, (_, index) => pattern(20_000 + index, 100 + index));
  const outcomes = await Promise.allSettled(all.map((bytes) => put(chunkedSource(bytes, [5000]))));
  for (const outcome of outcomes)
    if (outcome.status === "rejected")
      ok(isSinkError(outcome.reason, "conflict"), `a loser fails with ${String(outcome.reason)}`);
  const winners = all.filter((_, index) => outcomes[index]?.status === "fulfilled");
  const [winner] = winners;
  ok(winner !== undefined && winners.length === 1, `${winners.length} of ${RACERS} puts at once succeeded`);
  await shows(sink, key, winner, "after the race");
}

export const conditionalCases: readonly ContractCase[] = [
  {
    name: "ifAbsent creates an object where there is none, and replaces none",
    group,
    needs: "conditional.ifAbsent",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("some/object");
      const bytes = pattern(3000, 110);
      equal((await ifAbsent(sink, object, bytesSource(bytes))).size, 3000, "wrong size");
      await shows(sink, object, bytes, "after ifAbsent");
      await rejectsWith(ifAbsent(sink, object, bytesSource("other")), "conflict", "the second ifAbsent");
      await shows(sink, object, bytes, "after the second ifAbsent");
      await sink.delete(object);
      await ifAbsent(sink, object, bytesSource("other"));
      await shows(sink, object, new TextEncoder().encode("other"), "after delete and ifAbsent");
    },
  },
  {
    name: "ifAbsent lets one of several writers win",
    group,
    needs: "conditional.ifAbsent",
    short: true,
    run: async ({ sink, key }) => {
      for (const name of ["one", "two", "three"])
        await race(sink, key(name), (source) => ifAbsent(sink, key(name), source));
    },
  },
  {
    name: "ifAbsent leaves nothing when the source fails",
    group,
    needs: "conditional.ifAbsent",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const source = failingSource(200_000, pattern(100_000), failure);
      await rejectsSame(ifAbsent(sink, object, source), failure, "ifAbsent with a source that fails");
      await rejectsWith(
        ifAbsent(sink, object, lyingSource(10, pattern(9))),
        undefined,
        "ifAbsent of a short source",
      );
      await absent(sink, object, "after an ifAbsent that failed");
      await ifAbsent(sink, object, bytesSource("x"));
      await shows(sink, object, new TextEncoder().encode("x"), "after ifAbsent");
    },
  },
  {
    name: "every method gives the version",
    group,
    needs: "conditional.ifUnchanged",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const stored = version(await store(sink, object, "x"), "put");
      equal(version(await sink.stat(object), "stat"), stored, "stat gives another version than put");
      const [listed] = await listAll(sink, object);
      ok(listed, "the object isn't listed");
      equal(version(listed, "list"), stored, "list gives another version than put");
    },
  },
  {
    name: "ifUnchanged replaces an object whose version is still this one, and no other",
    group,
    needs: "conditional.ifUnchanged",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const first = version(await store(sink, object, "first"), "put");
      const second = version(await ifUnchanged(sink, object, first, bytesSource("second")), "ifUnchanged");
      ok(second !== first, "the version is still the same");
      await shows(sink, object, new TextEncoder().encode("second"), "after ifUnchanged");
      await rejectsWith(
        ifUnchanged(sink, object, first, bytesSource("x")),
        "conflict",
        "ifUnchanged, too late",
      );
      await shows(sink, object, new TextEncoder().encode("second"), "after a refused ifUnchanged");
      await sink.delete(object);
      await rejectsWith(
        ifUnchanged(sink, object, second, bytesSource("x")),
        "conflict",
        "ifUnchanged of nothing",
      );
      await absent(sink, object, "after a refused ifUnchanged");
    },
  },
  {
    name: "ifUnchanged lets one of several writers win",
    group,
    needs: "conditional.ifUnchanged",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const first = version(await store(sink, object, "first"), "put");
      await race(sink, object, (source) => ifUnchanged(sink, object, first, source));
    },
  },
  {
    name: "ifUnchanged leaves the old object when the source fails",
    group,
    needs: "conditional.ifUnchanged",
    short: true,
    run: async ({ sink, key }) => {
      const object = key("object");
      const first = version(await store(sink, object, "first"), "put");
      const source = failingSource(200_000, pattern(100_000), failure);
      await rejectsSame(
        ifUnchanged(sink, object, first, source),
        failure,
        "ifUnchanged with a source that fails",
      );
      await shows(sink, object, new TextEncoder().encode("first"), "after an ifUnchanged that failed");
    },
  },
];
