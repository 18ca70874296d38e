import type { StoreKind } from "@axon-backup/axon-server";
import { bytesSource, objectKey, type Sink } from "@axon-backup/sink";
import { type MemorySink, memorySink } from "@axon-backup/sink-testkit";
import {
  type ClosedFile,
  type ContextManifest,
  nextRestorePointId,
  prune,
  type PruneOptions,
  type PruneReport,
  Repository,
  type RestorePointId,
  type StoreManifest,
  timeOf,
  verify,
} from "../dist/index.js";
import { filesAt, fixture, GENERATIONS, type ServerState, sha256, storeStore } from "./support-restore.js";

/** Few, so that small stores have pages. */
const PAGE_FILES = 3;
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

/** A context of a restore point, as it was when `token` had just been written. */
export interface Past {
  readonly name: string;
  readonly timeline: number;
  readonly token: number;
}

/** Each timeline has other events: those of another server. */
const STATES: readonly ServerState[] = await Promise.all(
  GENERATIONS.map((generation) => fixture(generation)),
);

/** What the documents on a sink refer to, read without the engine. */
export function referredTo(sink: MemorySink): Set<string> {
  const keys = new Set<string>();
  const bodyOf = (key: string): Record<string, unknown> => {
    const bytes = sink.storage.get(objectKey(key))?.bytes ?? Buffer.of();
    return (JSON.parse(Buffer.from(bytes).toString()) as { body: Record<string, unknown> }).body;
  };
  for (const key of sink.storage.keys()) {
    if (!key.startsWith("restore-points/")) continue;
    keys.add(key).add(key.replace("restore-points/", "controldb/").replace(".json", ".zip"));
    for (const context of bodyOf(key)["contexts"] as readonly ContextManifest[])
      for (const store of ["events", "snapshots"] as const) {
        const folder = `contexts/${context.name}${context.timeline > 0 ? `@${context.timeline}` : ""}/${store}`;
        const { pages, recent, open } = context[store];
        const paged = pages.flatMap((page) => {
          keys.add(`pages/${page.sha256}.json`);
          return bodyOf(`pages/${page.sha256}.json`)["files"] as readonly ClosedFile[];
        });
        for (const file of [...paged, ...recent]) keys.add(`${folder}/${file.object ?? file.name}`);
        for (const { name } of open) keys.add(`${folder}/${name}`);
      }
  }
  return keys;
}

/** Everything becomes so much older, by the storage's clock. */
export function age(sink: MemorySink, milliseconds = 2 * DAY, prefix = ""): void {
  for (const [key, object] of sink.storage)
    if (key.startsWith(prefix))
      sink.storage.set(key, { ...object, modified: new Date(object.modified.getTime() - milliseconds) });
}

export function pruneOn(sink: Sink, options: Partial<PruneOptions> = {}): Promise<PruneReport> {
  return prune({ sink, name: "memory", agent: "test", ...options });
}

/** Noon of the first day of the tests' histories. */
export const START = Date.parse("2026-01-01T12:00Z");

/** The restore point of a day. */
export function day(number: number): RestorePointId {
  return nextRestorePointId(new Date(START + number * DAY));
}

export function controlDb(id: string): string {
  return `controldb/${id}.zip`;
}

/** The keys of what was removed. */
export function keysOf(report: PruneReport, kind?: string): string[] {
  return report.removed.filter((object) => kind === undefined || object.kind === kind).map(({ key }) => key);
}

/** A store that grows for a week, a day at a time. */
export async function week(): Promise<History> {
  const history = new History();
  for (let number = 0; number < 7; number++)
    await history.add(day(number), [{ name: "default", timeline: 0, token: 20 + 18 * number }]);
  age(history.sink);
  return history;
}

/** The error that it must reject with. */
export async function failure(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof Error) return error;
  }
  throw new Error("it did not reject");
}

/** Reads everything that any restore point needs; throws the findings. */
export async function verifyAll(sink: Sink): Promise<void> {
  const { findings } = await verify({ sink, name: "memory", readData: true, mark: false });
  if (findings.length > 0) throw new Error(JSON.stringify(findings));
}

export async function restorePointsOn(sink: Sink): Promise<RestorePointId[]> {
  return (await Repository.open(sink))?.restorePoints() ?? [];
}

/** A repository whose restore points are made one by one, of any time, as backups would. */
export class History {
  constructor(readonly sink: MemorySink = memorySink()) {}

  /** The same again, to try something else with. */
  copy(): History {
    return new History(memorySink(new Map(this.sink.storage)));
  }

  async add(id: RestorePointId, contexts: readonly Past[]): Promise<void> {
    const repository = await Repository.openOrCreate(this.sink, new Date(0));
    const manifests: ContextManifest[] = [];
    for (const { name, timeline, token } of contexts) {
      const state = STATES[timeline]?.contexts[0];
      if (state === undefined) throw new Error(`there is no timeline ${timeline}`);
      const stored = async (store: StoreKind): Promise<StoreManifest> =>
        storeStore(repository, { name, timeline, store }, filesAt(store, state[store], token), PAGE_FILES);
      manifests.push({
        name,
        timeline,
        snapshots: await stored("snapshots"),
        events: await stored("events"),
      });
    }
    const controlDb = STATES[0]?.controlDb ?? Buffer.of();
    await this.sink.put(objectKey(`controldb/${id}.zip`), bytesSource(controlDb));
    await repository.commit({
      id,
      repository: repository.info.id,
      parent: null,
      started: timeOf(id).toISOString(),
      finished: timeOf(id).toISOString(),
      agent: "test",
      server: { name: "axonserver", version: "4.6.12", edition: "SE" },
      controlDb: {
        name: "controldb1795486546138.zip",
        size: controlDb.byteLength,
        sha256: sha256(controlDb),
      },
      contexts: manifests,
    });
  }
}

/** A sink whose process is killed at its nth change: from then on, nothing happens any more. */
export function killedAt(inner: Sink, changes: number): Sink & { readonly died: () => boolean } {
  let left = changes;
  let dead = false;
  const change = <T>(run: () => Promise<T>): Promise<T> => {
    if (left-- <= 0) dead = true;
    return alive(run);
  };
  const alive = async <T>(run: () => Promise<T>): Promise<T> => {
    if (dead) throw new Error("killed");
    return run();
  };
  async function* stream<T>(items: AsyncIterable<T>): AsyncGenerator<T, void, void> {
    if (dead) throw new Error("killed");
    yield* items;
  }
  return {
    died: () => dead,
    put: (...args) => change(() => inner.put(...args)),
    delete: (...args) => change(() => inner.delete(...args)),
    get: (...args) => stream(inner.get(...args)),
    list: (...args) => stream(inner.list(...args)),
    stat: (...args) => alive(() => inner.stat(...args)),
    close: () => inner.close(),
  };
}
