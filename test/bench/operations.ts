import { readFileSync } from "node:fs";
import { AxonServerClient, AxonServerSource } from "@axon-backup/axon-server";
import { startStandin } from "@axon-backup/axon-server-standin";
import { backup } from "@axon-backup/core";
import { plugin } from "@axon-backup/sink-local";
import { faultySink } from "@axon-backup/sink-testkit";
import { measure } from "./child.js";
import { axonBackup, hasProgram, type Store, type Workshop } from "./workshop.js";

/** What one backup asks of the sink, of the server and of the system. */
export interface Operations {
  /** Calls of the sink, by method. */
  readonly sink: Readonly<Record<string, number>>;
  /** Objects that its lists gave. */
  readonly listed: number;
  /** HTTP requests to the server. */
  readonly requests: number;
  /** System calls of the whole process, Node's start included, by name; undefined without strace. */
  readonly systemCalls: Readonly<Record<string, number>> | undefined;
}

/** Counts, apart from any timing, what one more backup with nothing new does: calls and requests by running the engine in this process. */
export async function countOperations(
  workshop: Workshop,
  store: Store,
  config: string,
  sink: string,
): Promise<Operations> {
  const { signal } = workshop;
  const calls = new Map<string, number>();
  let listed = 0;
  const standin = await startStandin({ generation: "2023.2", storage: store.data });
  const client = new AxonServerClient({ url: standin.url });
  const source = new AxonServerSource({ client, storageRoots: [store.data] });
  try {
    const { sinks } = await backup({
      source,
      agent: "bench",
      signal,
      sinks: [
        {
          name: "nas",
          open: async (purpose) => {
            const opened = await plugin.open({ path: sink }, { name: "nas", purpose, signal });
            const counted = faultySink(
              opened,
              {},
              { onCall: (method) => void calls.set(method, (calls.get(method) ?? 0) + 1) },
            );
            return {
              ...counted,
              async *list(prefix, options) {
                for await (const object of counted.list(prefix, options)) {
                  listed++;
                  yield object;
                }
              },
            };
          },
        },
      ],
    });
    for (const report of sinks) if (report.outcome === "failed") throw report.error;
    return {
      sink: Object.fromEntries(calls),
      listed,
      requests: standin.requests.length,
      systemCalls: hasProgram("strace", "-V") ? await systemCalls(workshop, config) : undefined,
    };
  } finally {
    await source.close();
    await standin.close();
  }
}

async function systemCalls(workshop: Workshop, config: string): Promise<Readonly<Record<string, number>>> {
  const summary = workshop.path("strace");
  await measure("strace", ["-f", "-c", "-o", summary, ...axonBackup(config, "backup")], workshop.signal);
  const counts: Record<string, number> = {};
  // % time, seconds, µs/call, calls, errors (may be empty), name
  for (const line of readFileSync(summary, "utf8").split("\n")) {
    const [, calls, name] = /^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/.exec(line) ?? [];
    if (calls !== undefined && name !== undefined) counts[name] = Number(calls);
  }
  return counts;
}
