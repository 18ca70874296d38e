import { bytesSource, type Sink, SinkError } from "@axon-backup/sink";
import { expect } from "chai";
import { checkSink } from "../dist/checks/sink.js";
import { memorySink } from "./fakes.js";
import { rejection } from "./support.js";

const { signal } = new AbortController();

describe("the check of a sink", () => {
  it("passes one that keeps its promises, and leaves nothing on it", async () => {
    const objects = new Map<string, Uint8Array>([["repository.json", new Uint8Array(1)]]);
    await checkSink(memorySink(objects), signal);
    expect([...objects.keys()]).to.deep.equal(["repository.json"]);
  });

  const broken: readonly (readonly [
    what: string,
    breaks: (sink: Sink, objects: Map<string, Uint8Array>) => Partial<Sink>,
  ])[] = [
    [
      "stores less than it says",
      (sink, objects) => ({
        put: async (key, source) => {
          const stored = await sink.put(key, source);
          objects.set(key, (objects.get(key) ?? new Uint8Array()).subarray(0, -1));
          return stored;
        },
      }),
    ],
    [
      "keeps the tail of a longer object",
      (sink, objects) => ({
        put: async (key, source) => {
          const before = objects.get(key) ?? new Uint8Array();
          const stored = await sink.put(key, source);
          objects.set(
            key,
            Buffer.concat([objects.get(key) ?? new Uint8Array(), before.subarray(stored.size)]),
          );
          return stored;
        },
      }),
    ],
    [
      "reads ranges off by one",
      (sink) => ({
        get: (key, options) =>
          sink.get(
            key,
            options?.range ? { range: { ...options.range, offset: options.range.offset + 1 } } : {},
          ),
      }),
    ],
    [
      "gives other bytes back",
      () => ({ get: (key) => bytesSource(Buffer.alloc(1024 * 1024 + 17, key)).open() }),
    ],
    ["doesn't list what is there", () => ({ list: () => bytesSource("").open() as never })],
    ["doesn't delete", () => ({ delete: () => Promise.resolve() })],
  ];
  for (const [what, breaks] of broken)
    it(`finds one that ${what}`, async () => {
      const objects = new Map<string, Uint8Array>();
      const sink = memorySink(objects);
      const error = await rejection(checkSink({ ...sink, ...breaks(sink, objects) }, signal), SinkError);
      expect(error.message).to.contain("doesn't keep its promises");
      if (what !== "doesn't delete") expect(objects.size).to.equal(0);
    });

  it("removes its object when it is interrupted", async () => {
    const controller = new AbortController();
    const objects = new Map<string, Uint8Array>();
    const sink = memorySink(objects);
    const interrupting: Sink = {
      ...sink,
      stat: () => {
        controller.abort(new RangeError("interrupted"));
        return Promise.reject(new RangeError("interrupted"));
      },
    };
    await rejection(checkSink(interrupting, controller.signal), RangeError);
    expect(objects.size).to.equal(0);
  });
});
