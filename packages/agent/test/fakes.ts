import "reflect-metadata";
import type { BackupReport, NamedSink, VerifyReport } from "@axon-backup/core";
import {
  bytesSource,
  type ObjectKey,
  readAll,
  type Sink,
  SinkError,
  type StoredObject,
} from "@axon-backup/sink";
import { container, type DependencyContainer } from "tsyringe";
import type { Engine } from "../dist/composition/engine.js";
import type { ConfiguredSinks } from "../dist/composition/sinks.js";
import {
  CONFIGURATION,
  ENGINE,
  OPEN_SOURCE,
  OUTPUT,
  REDACT,
  SIGNAL,
  SINKS,
} from "../dist/composition/tokens.js";
import { DEFAULT_SERVICE } from "../dist/config/service-section.js";
import { type Configuration, DEFAULT_LOG } from "../dist/config/types.js";
import { createOutput } from "../dist/output/output.js";
import { MemoryStream } from "./support.js";

/** A sink in memory, for tests to break. */
export function memorySink(objects = new Map<string, Uint8Array>()): Sink {
  const find = (key: ObjectKey): Uint8Array => {
    const bytes = objects.get(key);
    if (bytes === undefined) throw new SinkError("not-found", `there is no ${key}`);
    return bytes;
  };
  const describe = (key: ObjectKey): StoredObject => ({ key, size: find(key).length });
  return {
    async put(key, source) {
      objects.set(key, await readAll(source.open()));
      return describe(key);
    },
    async *get(key, options) {
      const { offset = 0, length = Infinity } = options?.range ?? {};
      yield* bytesSource(find(key).subarray(offset, offset + length)).open();
    },
    stat: (key) => Promise.resolve().then(() => describe(key)),
    // eslint-disable-next-line @typescript-eslint/require-await -- the contract is asynchronous, memory isn't
    async *list(prefix) {
      for (const key of objects.keys()) if (key.startsWith(prefix)) yield describe(key as ObjectKey);
    },
    delete: (key) => Promise.resolve(void objects.delete(key)),
    close: () => Promise.resolve(),
  };
}

const CONFIG: Configuration = {
  directory: "/config",
  server: { url: "http://localhost", paths: [], timeouts: {} },
  contexts: undefined,
  log: DEFAULT_LOG,
  service: DEFAULT_SERVICE,
  notifications: [],
  sinks: [],
};

/** A container in which everything around a command is a fake. */
export function fakeContainer(sinks: readonly NamedSink[], engine: Partial<Engine>) {
  const stdout = new MemoryStream();
  const stderr = new MemoryStream();
  const flags = { json: false, verbose: false, quiet: false };
  const child: DependencyContainer = container
    .createChildContainer()
    .register(CONFIGURATION, { useValue: CONFIG })
    .register(SINKS, { useValue: { select: () => sinks } as unknown as ConfiguredSinks })
    .register(OPEN_SOURCE, { useValue: () => Promise.resolve({ close: () => Promise.resolve() } as never) })
    .register(ENGINE, { useValue: engine as Engine })
    .register(OUTPUT, { useValue: createOutput(flags, DEFAULT_LOG, { stdout, stderr, env: {} }) })
    .register(REDACT, { useValue: (text: string) => text })
    .register(SIGNAL, { useValue: new AbortController().signal });
  return { container: child, stdout, stderr };
}

/** A report in which every sink failed. */
export function failedReport(errors: readonly unknown[]): BackupReport {
  return {
    started: new Date(0),
    finished: new Date(1000),
    sinks: errors.map((error, i) => ({ sink: `sink${i}`, outcome: "failed", error, warnings: [] })),
  };
}

/** A report without findings. */
export const NO_DAMAGE: VerifyReport = {
  depth: "objects",
  restorePoints: [],
  verified: [],
  head: null,
  objects: 0,
  size: 0,
  bytes: 0,
  read: 0,
  seconds: 0,
  store: { segments: 0, transactions: 0, events: 0, controlDbs: 0 },
  lastRead: [],
  findings: [],
  notes: [],
  damaged: false,
};
