import {
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  closeSync,
  ftruncateSync,
  readdirSync,
  readFileSync,
  statSync,
} from "node:fs";
import { join } from "node:path";

import { type Generation, readSegment } from "@axon-backup/axon-server-standin";

import { FIXTURES } from "./support.js";

export interface RecordedResponse {
  readonly status: number;
  readonly contentType: string | null;
  readonly json?: unknown;
  readonly body?: string;
}

export interface Exchange {
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers?: Record<string, string>;
  };
  readonly response: RecordedResponse;
}

interface DiskEntry {
  readonly disk: readonly { readonly name: string; readonly size: number }[];
}

/** What was recorded at one moment of a server's life, and the state that it was in. */
export interface Moment {
  readonly name: string;
  readonly exchanges: readonly Exchange[];
  /** The name and size of each file in the context's directory. */
  readonly disk: DiskEntry["disk"];
  readonly lastClosed: { readonly events: number; readonly snapshots: number };
  /** How many events and snapshots there were. */
  readonly heads: { readonly events: number; readonly snapshots: number };
}

export const GENERATIONS: readonly Generation[] = ["4.4", "4.6", "2023.2"];

/** The moments of a generation. One that recorded no files was in the state of the one before it. */
export function moments(generation: Generation): Moment[] {
  const directory = join(FIXTURES, generation, "api");
  const found: Moment[] = [];
  for (const file of readdirSync(directory).sort()) {
    const entries = JSON.parse(readFileSync(join(directory, file), "utf8")) as readonly (
      Exchange | DiskEntry
    )[];
    const name = file.replace(".json", "");
    const exchanges = entries.filter((entry) => "request" in entry);
    const disk = entries.find((entry) => "disk" in entry)?.disk;
    const before = found.at(-1);
    if (disk === undefined && before === undefined) throw new Error(`${file}: no state known`);
    const state =
      disk === undefined && before !== undefined
        ? before
        : { disk: disk ?? [], lastClosed: lastClosedOf(exchanges), heads: headsAt(name) };
    found.push({ name, exchanges, disk: state.disk, lastClosed: state.lastClosed, heads: state.heads });
  }
  return found;
}

/** By the fixtures' own description. */
function headsAt(moment: string): Moment["heads"] {
  if (moment.startsWith("1-")) return { events: 0, snapshots: 0 };
  if (moment.startsWith("2-") || moment.startsWith("3-")) return { events: 150, snapshots: 40 };
  return { events: 173, snapshots: 40 };
}

/** Which segments were closed: the highest of `filenames` without a cursor, which lists nothing but closed ones. */
function lastClosedOf(exchanges: readonly Exchange[]): Moment["lastClosed"] {
  const highest = (type: string): number => {
    const path = `/v1/backup/filenames?type=${type}&context=default`;
    const listing = exchanges.find((exchange) => exchange.request.path === path)?.response.json;
    if (!Array.isArray(listing)) throw new Error(`${path} was not recorded`);
    const segments = listing.map((file) => Number(/(\d{20})[^/]*$/.exec(String(file))?.[1]));
    return Math.max(-1, ...segments);
  };
  return { events: highest("EVENT"), snapshots: highest("SNAPSHOT") };
}

/** Puts the files of a moment into a context's directory: as large as they were, with the events that there were. */
export function materialise(generation: Generation, moment: Moment, directory: string): void {
  mkdirSync(directory, { recursive: true });
  for (const { name, size } of moment.disk) {
    const path = join(directory, name);
    const source = ["store", "store-transformed"]
      .map((store) => join(FIXTURES, generation, store, "default", name))
      .find((candidate) => existsSync(candidate));
    if (source === undefined) {
      if (!/\.s?index(\.temp)?$/.test(name))
        throw new Error(`${generation} ${moment.name}: ${name} is not in the fixtures`);
      resize(path, size);
      continue;
    }
    copyFileSync(source, path);
    if (name.endsWith(".events")) cutAt(path, moment.heads.events);
    if (name.endsWith(".snapshots")) cutAt(path, moment.heads.snapshots);
    if (statSync(path).size !== size)
      throw new Error(`${generation} ${moment.name}: ${name} has another size`);
  }
}

/** Leaves the events before `head` in a segment, if it has later ones or is the one that was open then. */
function cutAt(path: string, head: number): void {
  const first = Number(/(\d{20})[^/]*$/.exec(path)?.[1]);
  let end = 5;
  const content = readSegment(path, first, ({ firstToken, offset, events }) => {
    if (firstToken >= head) return;
    const bytes = events.reduce((sum, event) => sum + 4 + event.byteLength, 0);
    end = offset + 7 + bytes + 4;
  });
  const wasOpen = content.nextToken >= head && statSync(path).size === 16_384;
  if (!wasOpen) return;
  resize(path, end);
  resize(path, 16_384);
}

function resize(path: string, size: number): void {
  const file = openSync(path, existsSync(path) ? "r+" : "w");
  ftruncateSync(file, size);
  closeSync(file);
}
