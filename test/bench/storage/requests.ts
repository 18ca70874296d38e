import { rm } from "node:fs/promises";
import type { Workshop } from "../workshop.js";
import { expectSame } from "./check.js";
import { enter, withServer } from "./compare.js";
import { startCountingProxy } from "./counting-proxy.js";
import { type DataSet, makeStore } from "./data-sets.js";
import type { Storage } from "./model.js";
import { run } from "./tools.js";

/** Requests of one tool, by kind. */
export interface Requests {
  readonly tool: string;
  readonly backup: Readonly<Record<string, number>>;
  readonly restore: Readonly<Record<string, number>>;
}

/**
 * Every tool once more, apart from any timing: through a proxy that counts, and with what it restores compared byte for byte. Of a storage that isn't
 * spoken to by HTTP, the counts are left out.
 */
export async function countRequests(
  storage: Storage,
  set: DataSet,
  workshop: Workshop,
): Promise<readonly Requests[]> {
  const store = await makeStore(set, workshop, `${set.part}-counted`);
  return withServer(storage, workshop, async (server) => {
    const proxy =
      server.http && server.port !== undefined ? await startCountingProxy(server.port) : undefined;
    const taken = (): Readonly<Record<string, number>> => Object.fromEntries(proxy?.take() ?? []);
    try {
      const found: Requests[] = [];
      for (const { tool } of await enter(server, workshop, store, `${set.part}-counted`, proxy?.port)) {
        taken();
        await run(tool.backup, tool.env, workshop.signal);
        const backup = taken();
        const to = workshop.path(`restored-counted-${set.part}`);
        await run(tool.restore(to), tool.env, workshop.signal);
        found.push({ tool: tool.name, backup, restore: taken() });
        expectSame(tool.name, to, store);
        await rm(to, { recursive: true, force: true });
      }
      return found;
    } finally {
      await proxy?.close();
    }
  });
}
