import { readFileSync } from "node:fs";
import { type ObjectKey, objectKey, type Sink, type Source } from "@axon-backup/sink";
import { startFaultProxy } from "@axon-backup/test-servers";
import type { Workshop } from "../workshop.js";
import { withServer } from "./compare.js";
import type { Storage, StorageServer } from "./model.js";

const MiB = 1024 * 1024;
/** Not a whole number of anything: of a segment, the valid part is copied. */
const KEPT = 200 * MiB - 1000;

/** What it takes to grow an object of 200 MiB by 1 MiB. */
export interface Extension {
  /** Bytes to the storage: on the wire; for a directory, written by this process. */
  readonly bytes: number;
  /** Bytes of a backup as it is: the whole object once more. */
  readonly whole: number;
}

/** Puts 200 MiB, extends them by 1 MiB, puts the 201 MiB; counts the bytes of each. Undefined for a sink that can't extend. */
export async function measureExtend(storage: Storage, workshop: Workshop): Promise<Extension | undefined> {
  return withServer(storage, workshop, async (server) => {
    const wire = await counted(server);
    const place = await server.newPlace("extend");
    const sink = await place.open("write", wire.port);
    const key = objectKey("contexts/default/events/00000000000000000000.events");
    try {
      if (sink.extend === undefined) return undefined;
      const options = { kind: "open-segment" } as const;
      await sink.put(key, pattern(KEPT), options);
      const before = wire.bytes();
      await sink.extend(key, KEPT, pattern(MiB), options);
      const extended = wire.bytes();
      await expectSize(sink, key, KEPT + MiB);
      const again = wire.bytes();
      await sink.put(key, pattern(KEPT + MiB), options);
      return { bytes: extended - before, whole: wire.bytes() - again };
    } finally {
      await sink.close();
      await wire.close();
    }
  });
}

async function expectSize(sink: Sink, key: ObjectKey, expected: number): Promise<void> {
  const { size } = await sink.stat(key);
  if (size !== expected) throw new Error(`the extended object has ${size} bytes, not ${expected}`);
}

interface Wire {
  readonly port?: number;
  /** Since the start. */
  bytes(): number;
  close(): Promise<void>;
}

async function counted({ port }: StorageServer): Promise<Wire> {
  if (port === undefined)
    return {
      // proc_pid_io(5): bytes handed to write(2) and the like.
      bytes: () => Number(/^wchar: (\d+)$/m.exec(readFileSync("/proc/self/io", "latin1"))?.[1]),
      close: () => Promise.resolve(),
    };
  const proxy = await startFaultProxy({ target: { host: "127.0.0.1", port } });
  return { port: proxy.port, bytes: () => proxy.bytes.up, close: () => proxy.close() };
}

function pattern(size: number): Source {
  const block = Buffer.alloc(MiB, "axon-backup ");
  return {
    size,
    async *open() {
      for (let left = size; left > 0; left -= MiB)
        yield await Promise.resolve(block.subarray(0, Math.min(left, MiB)));
    },
  };
}
