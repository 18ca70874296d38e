import { closeSync, existsSync, fstatSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import { inspectStore, type Store, type StoreContent } from "@axon-backup/axon-server-standin";
import { eventHash, type History, type Judgement, type JudgeRequest } from "./truth.js";

const MiB = 1024 ** 2;

const { restored, histories } = workerData as JudgeRequest;
parentPort?.postMessage(judge());

/** A restored context must be the beginning of a history that the server had, byte for byte, with no snapshot of what its events don't have. */
function judge(): Judgement {
  const found = { events: [] as number[], snapshots: [] as number[] };
  const contents: Partial<Record<Store, StoreContent>> = {};
  const answer = (ids: readonly number[], problem?: string): Judgement => ({
    events: found.events.length,
    snapshots: found.snapshots.length,
    histories: ids,
    problem,
  });
  try {
    for (const store of ["events", "snapshots"] as const)
      contents[store] = inspectStore(restored, store, ({ firstToken, events }) => {
        if (firstToken !== found[store].length)
          throw new Error(`${store}: token ${firstToken} comes after ${found[store].length - 1}`);
        for (const event of events) found[store].push(eventHash(event));
      });
  } catch (error) {
    return answer([], error instanceof Error ? error.message : String(error));
  }
  try {
    return compare(found, contents, answer);
  } catch (error) {
    return answer([], error instanceof Error ? error.message : String(error));
  }
}

interface Found {
  readonly events: readonly number[];
  readonly snapshots: readonly number[];
}

function compare(
  found: Found,
  contents: Partial<Record<Store, StoreContent>>,
  answer: (ids: readonly number[], problem?: string) => Judgement,
): Judgement {
  const same = histories.filter(
    ({ events, snapshots }) => begins(events, found.events) && begins(snapshots, found.snapshots),
  );
  const [first] = same;
  const last = same.at(-1);
  if (first === undefined || last === undefined)
    return answer([], `no history begins so: ${describe(found)}`);
  const ids = same.map(({ id }) => id);
  const dangling = last.needs
    .slice(0, found.snapshots.length)
    .findIndex((need) => need >= found.events.length);
  if (dangling !== -1)
    return answer(ids, `snapshot ${dangling} needs event ${last.needs[dangling] ?? "?"}: ${describe(found)}`);
  for (const store of ["events", "snapshots"] as const) {
    const different = differentFile(store, contents[store], last.directory);
    if (different !== undefined) return answer(ids, different);
  }
  return { ...answer(ids), problem: differentIndex(last.directory) };
}

function begins(whole: readonly number[], part: readonly number[]): boolean {
  return part.length <= whole.length && part.every((hash, token) => hash === whole[token]);
}

function describe(found: Found): string {
  const common = ({ events }: History): number => {
    const at = found.events.findIndex((hash, token) => hash !== events[token]);
    return at === -1 ? Math.min(found.events.length, events.length) : at;
  };
  const like = histories.map((history) => `${history.id} up to ${common(history)}`).join(", ");
  return `${found.events.length} events, ${found.snapshots.length} snapshots; events are like history ${like}`;
}

/** Segments byte for byte, the last one up to the end of its transactions. */
function differentFile(store: Store, content: StoreContent | undefined, truth: string): string | undefined {
  const segments = content?.segments ?? [];
  for (const [index, { segment, end }] of segments.entries()) {
    const name = `${String(segment).padStart(20, "0")}.${store}`;
    const isLast = index === segments.length - 1;
    if (!sameBytes(join(restored, name), join(truth, name), isLast ? end : undefined))
      return `${name} was restored with other bytes than ${truth} has`;
  }
  return undefined;
}

/** Index files where both have them. */
function differentIndex(truth: string): string | undefined {
  for (const name of readdirSync(restored)) {
    if (/\.(events|snapshots)$/.test(name) || !existsSync(join(truth, name))) continue;
    if (!sameBytes(join(restored, name), join(truth, name), undefined))
      return `${name} was restored with other bytes`;
  }
  return undefined;
}

function sameBytes(one: string, other: string, length: number | undefined): boolean {
  const files = [openSync(one, "r"), openSync(other, "r")];
  try {
    const sizes = files.map((file) => fstatSync(file).size);
    if (length === undefined && sizes[0] !== sizes[1]) return false;
    const end = length ?? sizes[0] ?? 0;
    for (let position = 0; position < end; position += MiB) {
      const [ours, theirs] = files.map((file) => {
        const buffer = Buffer.alloc(Math.min(MiB, end - position));
        return buffer.subarray(0, readSync(file, buffer, 0, buffer.length, position));
      });
      if (ours === undefined || theirs === undefined || !ours.equals(theirs)) return false;
    }
    return true;
  } finally {
    for (const file of files) closeSync(file);
  }
}
