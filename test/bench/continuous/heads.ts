import { readFileSync, statSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isSinkError } from "@axon-backup/sink";
import { type Followed, headReader, nextTokenIn } from "./sinks.js";

/** How often heads are looked for, in milliseconds: what is measured can be so much too large, never too small. */
const FILE_MS = 20;
const ASK_MS = 150;

/** A head that was on a sink. */
export interface SeenHead {
  readonly nextToken: number;
  /** By `performance.now()`, after it was read. */
  readonly at: number;
}

/** Watches the heads of a sink until the signal is aborted. */
export async function watchHeads(sink: Followed, seen: SeenHead[], signal: AbortSignal): Promise<void> {
  const take = (head: Uint8Array): void => {
    const nextToken = nextTokenIn(head);
    const at = performance.now();
    if (nextToken !== undefined && nextToken > (seen.at(-1)?.nextToken ?? 0)) seen.push({ nextToken, at });
  };
  if (sink.headFile !== undefined) await watchFile(sink.headFile, take, signal);
  else await ask(sink, take, signal);
}

async function watchFile(path: string, take: (head: Uint8Array) => void, signal: AbortSignal): Promise<void> {
  let known = "";
  while (!signal.aborted) {
    try {
      const { ino, mtimeNs } = statSync(path, { bigint: true });
      const version = `${ino} ${mtimeNs}`;
      if (version !== known) {
        take(readFileSync(path));
        known = version;
      }
    } catch (error) {
      // Not there yet, or being replaced.
      const isGone = error instanceof Error && "code" in error && error.code === "ENOENT";
      if (!isGone && !(error instanceof SyntaxError)) throw error;
    }
    await delay(FILE_MS);
  }
}

async function ask(
  { place }: Followed,
  take: (head: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  const reader = await headReader(place);
  try {
    while (!signal.aborted) {
      try {
        take(await reader.read());
      } catch (error) {
        if (!isSinkError(error)) throw error;
      }
      await delay(ASK_MS);
    }
  } finally {
    await reader.close();
  }
}
